"""`open --in nsight` against a stand-in for nsys-ui: a script that writes down what it was asked to open."""

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.profiling.doctor import examine
from launchlens.traces.problems import InputError
from launchlens.traces.readers import catalogue
from launchlens.traces.readers.nsys import nsys_cli, nsys_ui
from launchlens.traces.readers.nsys.nsys_cli import NsysError
from launchlens.traces.readers.reader import Window
from made_capture import make_capture
from traces import made_recorder


def program(path: Path, text: str = "exit 0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch):
    """No nsys and no nsys-ui but those that a test puts there."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(nsys_ui, "PLACES", ())
    monkeypatch.setattr(nsys_cli, "PLACES", ())


@pytest.fixture
def report(tmp_path):
    path = tmp_path / "a report.nsys-rep"
    path.write_bytes(b"NVIDIA Tegra Profiler Report, made up")
    return path


def put_ui(tmp_path, monkeypatch, text):
    made = program(tmp_path / "tools" / "nsys-ui", text)
    monkeypatch.setenv("PATH", f"{made.parent}:/bin:/usr/bin")
    return made


def with_reports(folder: Path, *regimes: str) -> Path:
    """The made-up capture, recorded under Nsight Systems as well in some regimes, the first of them first."""
    capture = make_capture(folder)
    manifest = json.loads((capture / "manifest.json").read_text())
    (capture / "nsys").mkdir()
    for regime in regimes:
        manifest["traces"].append(
            {"collector": "nsys", "regime": regime, "path": f"nsys/{regime}.sqlite", "rounds": 4, "iterations": 5}
        )
        (capture / "nsys" / f"{regime}.nsys-rep").write_text(regime)
    (capture / "manifest.json").write_text(json.dumps(manifest))
    return capture


def run(*arguments):
    return CliRunner().invoke(app, ["open", *map(str, arguments), "--in", "nsight"])


def one_line(result):
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1), result.output
    return result.stderr


# -- which report


def test_a_report_is_shown_itself(report):
    assert nsys_ui.report_of(report) == nsys_ui.Report(report)


def test_an_export_has_its_report_beside_it(report):
    export = report.with_suffix(".sqlite")
    export.write_bytes(b"SQLite format 3\0")
    assert nsys_ui.report_of(export).path == report


def test_a_capture_shows_its_first_report_or_the_one_asked_for(tmp_path):
    capture = with_reports(tmp_path / "capture", "eager", "graph")
    first = nsys_ui.report_of(capture)
    assert first == nsys_ui.Report(capture / "nsys" / "eager.nsys-rep", "eager", ("graph",))
    assert nsys_ui.report_of(capture / "manifest.json", "graph").path == capture / "nsys" / "graph.nsys-rep"
    with pytest.raises(NsysError, match="no report of regime 'warp': it holds eager, graph"):
        nsys_ui.report_of(capture, "warp")
    (capture / "nsys" / "eager.nsys-rep").unlink()
    assert nsys_ui.report_of(capture).regime == "graph"


def test_a_link_out_of_the_capture_is_no_report_of_it(tmp_path, report):
    capture = with_reports(tmp_path / "capture", "eager")
    kept = capture / "nsys" / "eager.nsys-rep"
    kept.unlink()
    kept.symlink_to(report)
    with pytest.raises(NsysError, match="holds no report"):
        nsys_ui.report_of(capture)
    kept.unlink()
    kept.symlink_to(kept.name)
    with pytest.raises(NsysError, match="holds no report"):
        nsys_ui.report_of(capture)


def test_what_has_no_report_is_said(tmp_path, report):
    capture = make_capture(tmp_path / "capture")
    kineto = capture / "torch" / "eager.pt.trace.json.gz"
    for source, regime, words in (
        (capture, None, "holds no report of Nsight Systems: record one with launchlens profile --collector nsys"),
        (kineto, None, "leave out --in nsight, and it opens in Perfetto"),
        (tmp_path / "absent.nsys-rep", None, "is no file"),
        (report, "eager", "leave out --regime"),
    ):
        with pytest.raises(NsysError, match=words):
            nsys_ui.report_of(source, regime)
    with pytest.raises(InputError, match="is not a capture"):
        nsys_ui.report_of(tmp_path)
    report.write_bytes(b"")
    with pytest.raises(NsysError, match="is empty"):
        nsys_ui.report_of(report)


# -- which program


def test_the_window_is_found_on_path_in_its_places_and_beside_nsys(tmp_path, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv("PATH", "")
    old, new = (
        program(tmp_path / "opt/nvidia/nsight-systems" / version / "host-linux-x64/nsys-ui")
        for version in ("2025.3.1", "2025.10.1")
    )
    (new.parents[1] / "bin").mkdir()
    (new.parents[1] / "bin/nsys-ui").symlink_to(new)
    inside = program(tmp_path / "opt/nvidia/nsight-compute/2025.3.1/host/linux-desktop/nsys-ui")
    nsys = program(tmp_path / "usr/lib/nsight-systems/target-linux-x64/nsys")
    beside = program(nsys.parents[1] / "host-linux-armv8/nsys-ui")
    program(tmp_path / "usr/local/cuda-13.0/bin/nsys-ui").chmod(0o644)
    assert nsys_ui.candidates(tmp_path) == [new.parents[1] / "bin/nsys-ui", old, beside, inside]
    on_path = program(tmp_path / "tools/nsys-ui")
    monkeypatch.setenv("PATH", str(on_path.parent))
    assert nsys_ui.candidates(tmp_path)[0] == on_path


def test_one_that_no_place_names_is_found_beside_the_nsys_on_path(tmp_path, monkeypatch):
    nsys = program(tmp_path / "mine/target-linux-x64/nsys")
    beside = program(tmp_path / "mine/host-linux-x64/nsys-ui")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/nsys").symlink_to(nsys)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert nsys_ui.candidates(tmp_path / "nothing") == [beside]


# -- showing it


def test_the_report_is_opened_and_said(tmp_path, monkeypatch):
    capture = with_reports(tmp_path / "a capture", "eager", "graph")
    made = put_ui(tmp_path, monkeypatch, f'echo "$#: $1" > "{tmp_path}/asked"')
    monkeypatch.chdir(tmp_path)
    result = run("a capture", "--regime", "graph")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "asked").read_text() == f"1: {capture}/nsys/graph.nsys-rep\n"
    assert "a capture/nsys/graph.nsys-rep, regime graph (also recorded, with --regime: eager)" in result.stdout
    assert result.stdout.endswith(f"open in {made}\n")


def test_a_window_that_stays_is_left_alone(tmp_path, monkeypatch, report):
    monkeypatch.setattr(nsys_ui, "FIRST_S", 0.5)
    put_ui(tmp_path, monkeypatch, f'echo $$ > "{tmp_path}/pid"; exec sleep 60')
    begun = time.monotonic()
    assert run(report).exit_code == 0
    assert time.monotonic() - begun < 30
    pid = int((tmp_path / "pid").read_text())
    os.kill(pid, signal.SIGTERM)  # it was still there
    os.waitpid(pid, 0)


def test_a_window_that_can_not_open_is_quoted(tmp_path, monkeypatch, report):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    put_ui(tmp_path, monkeypatch, "echo starting; echo 'qt.qpa.xcb: could not connect to display'; exit 134")
    said = one_line(run(report))
    assert "a report.nsys-rep: can't be shown: nsys-ui opened no window: qt.qpa.xcb: could not connect" in said
    monkeypatch.setenv("DISPLAY", ":0")
    assert "this machine has no display" not in one_line(run(report))
    put_ui(tmp_path, monkeypatch, "exit 3")
    assert "it ended with status 3" in one_line(run(report))
    (tmp_path / "tools" / "nsys-ui").write_text("#!/no/such/shell\n")
    assert "nsys-ui can't be run: No such file" in one_line(run(report))


def test_a_script_that_finds_no_window_is_passed_over(tmp_path, report):
    broken, works = program(tmp_path / "a/nsys-ui", "exit 1"), program(tmp_path / "b/nsys-ui")
    assert nsys_ui.show(report, [broken, works]) == works


def test_without_it_one_line_says_how_to_get_it(report):
    said = one_line(run(report))
    assert "nsys-ui is neither on PATH" in said and "https://developer.nvidia.com/nsight-systems" in said
    row = next(row for row in examine() if row.name == "nsys-ui")
    assert not row.found and row.gives == "open --in nsight" and "nsys-ui on PATH" in row.get


def test_other_viewers_are_refused(report):
    result = CliRunner().invoke(app, ["open", str(report), "--in", "netscape"])
    assert result.exit_code == 2 and "none of perfetto, nsight" in result.stderr


def test_the_window_of_a_new_recorder_opens_by_its_name(report, monkeypatch):
    shown = []
    window = Window(
        name="mine",
        label="the made-up recorder's own window",
        program="made-up-ui",
        get="install it",
        programs=lambda: [Path("made-up-ui")],
        show=lambda path, regime: shown.append((path, regime)) or f"{path.name}: open in made-up-ui",
    )
    monkeypatch.setattr(catalogue, "READERS", (*catalogue.READERS, replace(made_recorder.READER, window=window)))
    result = CliRunner().invoke(app, ["open", str(report), "--in", "mine", "--regime", "graph"])
    assert result.exit_code == 0 and result.stdout == f"{report.name}: open in made-up-ui\n"
    assert shown == [(report, "graph")]
    row = next(row for row in examine() if row.name == "made-up-ui")
    assert row.found and row.gives == "open --in mine"
