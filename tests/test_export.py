"""`export` end to end, as a user runs it: what it writes, what it prints, and what it refuses."""

import gzip
import json
import os
import subprocess
import sys
from collections import Counter as Bag
from pathlib import Path

import pytest
from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.traces.account import HOST_STATES
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.studies.study import study
from made_capture import PID, ROUNDS, WALL, make_capture, make_trace

ROOT = Path(__file__).parents[1]

pytest.importorskip("perfetto", reason="pip install 'launchlens[export]'")
from pftrace import read


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def export(source, output, *more):
    return run("export", source, "--perfetto", "-o", output, *more)


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    return make_capture(tmp_path_factory.mktemp("made") / "capture")


@pytest.fixture(scope="module")
def written(capture):
    output = capture.parent / "made.pftrace"
    result = export(capture, output, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout), read(output.read_bytes()), output


@pytest.fixture
def trace(tmp_path):
    make_trace(tmp_path / "made.pt.trace.json.gz", "graph")
    return tmp_path / "made.pt.trace.json.gz"


def test_help_says_what_it_does_and_shows_an_example():
    result = run("export", "--help")
    assert result.exit_code == 0 and "Example: launchlens export" in result.stdout and "--perfetto" in result.stdout


def test_json_counts_what_was_written(written):
    document, found, output = written
    assert document["format"] == "launchlens.export/1" and document["path"] == str(output)
    assert document["bytes"] == output.stat().st_size
    assert document["slices"] == len(found.slices)
    assert document["flows"] == len(found.flows) > 0 == document["flows_left_out"]
    assert document["counters"] == sum(len(values) for values in found.counters.values())
    assert set(document["problems"]) == {"torch/eager.pt.trace.json.gz", "torch/graph.pt.trace.json.gz"}


def test_both_regimes_are_there_whole_and_each_from_its_own_zero(written, capture):
    _, found, _ = written
    for number, regime in enumerate(WALL, start=1):
        group = f"{number}. {regime} (torch)"
        raw = json.loads(gzip.decompress((capture / "torch" / f"{regime}.pt.trace.json.gz").read_bytes()))
        zero = min(event["ts"] for event in raw["traceEvents"])
        wanted = Bag(
            (event["name"], round(1000 * (event["ts"] - zero)), round(1000 * event["dur"]))
            for event in raw["traceEvents"]
        )
        drawn = [one for one in found.on(group) if one.category != "time account"]
        assert Bag((one.name, one.start, one.end - one.start) for one in drawn) == wanted
        assert min(one.start for one in drawn) == 0


def test_the_host_state_is_the_account_that_the_study_reports(written, capture):
    _, found, _ = written
    worked_out = study(read_capture(capture))
    for (variant, regime), side in worked_out.sides.items():
        states = found.on(f"{regime} (torch)", f"host state: thread {PID}")
        blocks = [one for one in found.on(f"{regime} (torch)", "ranges") if one.name == f"variant:{variant}"]
        assert len(blocks) == ROUNDS
        spent: Bag[str] = Bag()
        for block in blocks:
            inside = [one for one in states if block.start <= one.start < block.end]
            assert sum(one.end - one.start for one in inside) == block.end - block.start
            for one in inside:
                spent[one.name] += one.end - one.start
        assert side.recording is not None
        assert {state: spent[state] for state in HOST_STATES} == side.recording.account.host()


def test_launches_lead_to_their_own_work(written, capture):
    _, found, _ = written
    for source, target in found.flows.values():
        assert source.category == "api" and target.category in ("kernel", "memcpy")
        assert source.args["correlation"] == target.args["correlation"]
        assert found.path(source.track)[0] == found.path(target.track)[0] and source.start <= target.start
    replay = max(found.on("2. graph", "API calls"), key=lambda one: len(one.leaving))
    assert replay.name == "cudaGraphLaunch" and len(replay.leaving) == 7
    copy = found.on("1. eager", "stream 7")[0]
    assert copy.args["bytes"] == 4096 and copy.args["copy_kind"] == "DtoD"


def test_every_counter_ends_at_zero(written):
    _, found, _ = written
    assert len(found.counters) == 4
    assert all(values[-1][1] == 0 < max(value for _, value in values) for values in found.counters.values())


def test_a_single_trace_is_accounted_for_as_a_whole(trace, tmp_path):
    result = export(trace, tmp_path / "out.pftrace")
    assert result.exit_code == 0 and "slices" in result.stdout and "ui.perfetto.dev" in result.stdout
    found = read((tmp_path / "out.pftrace").read_bytes())
    ends = max(one.end for one in found.slices)
    states = found.on("1. made.pt.trace.json.gz", "host state")
    assert sum(one.end - one.start for one in states) == ends
    analysis = json.loads(run("analyze", trace, "--json").stdout)["account"]
    spent = Bag({state: 0 for state in HOST_STATES})
    for one in states:
        spent[one.name] += one.end - one.start
    reported = Bag({state: 0 for state in HOST_STATES})
    for cell in analysis["cells"]:
        reported[cell["host"]] += cell["ns"]
    assert spent == reported


def test_the_same_capture_gives_the_same_bytes_wherever_it_lies(capture, written, tmp_path):
    elsewhere = tmp_path / "moved"
    make_capture(elsewhere)
    hash_seeds = {"PYTHONHASHSEED": "7"}
    command = [sys.executable, str(ROOT / "cli.py"), "export", str(elsewhere), "--perfetto", "-o"]
    subprocess.run(
        [*command, str(tmp_path / "b.pftrace")], env=os.environ | hash_seeds, check=True, capture_output=True
    )
    assert (tmp_path / "b.pftrace").read_bytes() == written[2].read_bytes()


def test_an_existing_file_needs_force(trace, tmp_path):
    output = tmp_path / "out.pftrace"
    output.write_text("mine")
    refused = export(trace, output)
    assert refused.exit_code == 2 and "--force" in refused.stderr and output.read_text() == "mine"
    assert export(trace, output, "--force").exit_code == 0 and output.stat().st_size > 1000
    assert oct(output.stat().st_mode & 0o777) == "0o644"


def test_the_source_is_never_overwritten(trace):
    before = trace.read_bytes()
    refused = export(trace, trace, "--force")
    assert refused.exit_code == 2 and "is the input itself" in refused.stderr and trace.read_bytes() == before


def broken(folder):
    (folder / "x.json").write_text('{"traceEvents": [{"ph": "X", "cat": "kernel", "name": "k", "ts": 1, "du')
    return folder / "x.json"


def no_capture(folder):
    (folder / "empty").mkdir()
    return folder / "empty"


def capture_without_traces(folder):
    made = make_capture(folder / "capture")
    manifest = json.loads((made / "manifest.json").read_text())
    (made / "manifest.json").write_text(json.dumps(manifest | {"traces": []}))
    return made


def capture_with_a_broken_trace(folder):
    made = make_capture(folder / "capture")
    (made / "torch" / "graph.pt.trace.json.gz").write_bytes(b"\x1f\x8b nothing")
    return made


def absent(folder):
    return folder / "absent.json"


@pytest.mark.parametrize("make", [broken, no_capture, capture_without_traces, capture_with_a_broken_trace, absent])
def test_bad_sources_get_one_line_and_leave_nothing_behind(make, tmp_path):
    source = make(tmp_path)
    (tmp_path / "out").mkdir()
    result = export(source, tmp_path / "out" / "x.pftrace", "--json")
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.startswith("launchlens: ") and result.stderr.count("\n") == 1
    assert list((tmp_path / "out").iterdir()) == [], "no half-written file"


def test_an_output_that_cannot_be_written_is_one_line(trace, tmp_path):
    result = export(trace, tmp_path / "nowhere" / "x.pftrace")
    assert result.exit_code == 2 and "can't be written: No such file or directory" in result.stderr
    result = export(trace, tmp_path, "--force")
    assert result.exit_code == 2 and "is a folder" in result.stderr


def test_the_format_must_be_named(trace, tmp_path):
    result = run("export", trace, "-o", tmp_path / "x.pftrace")
    assert result.exit_code == 2 and "--perfetto" in result.stderr and not (tmp_path / "x.pftrace").exists()


@pytest.mark.parametrize("gone", ["perfetto", "google.protobuf"])
def test_a_missing_package_is_said_with_how_to_get_it(trace, tmp_path, gone):
    # a process of its own: what is imported once stays imported
    code = f"import sys; sys.modules[{gone!r}] = None; from launchlens.cli import app; app()"
    command = [sys.executable, "-c", code, "export", str(trace), "--perfetto", "-o", str(tmp_path / "x.pftrace")]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 2 and answer.stdout == ""
    assert answer.stderr.count("\n") == 1 and "pip install 'launchlens[export]'" in answer.stderr
    assert not (tmp_path / "x.pftrace").exists()


def test_doctor_has_a_row_for_it():
    rows = {row["name"]: row for row in json.loads(run("doctor", "--json").stdout)["checks"]}
    assert rows["perfetto"]["found"] and rows["perfetto"]["gives"] == "export --perfetto"
