"""What a path is: one place says so, and a recorder that is new to it works in every command."""

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from traces.made_nsys import as_parquet, call, export, on_gpu
from typer.testing import CliRunner

from launchlens.cli import COMMANDS, app
from launchlens.traces.problems import InputError
from launchlens.traces.readers import catalogue
from launchlens.traces.source import CaptureFolder, OneTrace, SeveralTraces, as_one, open_trace, source_of
from made_capture import make_capture, make_trace
from made_cupti import call as api_call
from made_cupti import on_gpu as activity
from made_cupti import recording
from traces import made_recorder

#: Every command that takes a trace, with the rest of its arguments; the others take none.
OF_TRACES = {"analyze", "check", "compare", "open", "export", "scrub"}
OTHERS = {"profile", "report", "predict", "claims", "probe", "variants", "doctor", "_worker", "_reader"}


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def made_up(monkeypatch):
    """The made-up recorder, listed."""
    monkeypatch.setattr(catalogue, "READERS", (made_recorder.READER, *catalogue.READERS))


@pytest.fixture
def new(made_up, tmp_path):
    return made_recorder.write(tmp_path / "mine.made-up")


def sqlite(path: Path) -> Path:
    runtime = [call("cudaLaunchKernel_v7000", 100, 200, 11)]
    return export(path, runtime=runtime, kernel=[on_gpu(300, 450, 11, demangledName="k")])


def cupti(path: Path) -> Path:
    return recording(path, [api_call("cudaLaunchKernel", 0, 10, 1), activity("kernel", 20, 30, 1)])


def kineto(path: Path) -> Path:
    make_trace(path, "eager")
    return path


def report(path: Path) -> Path:
    path.write_bytes(b"\x12\x00 whatever it is")
    return path


# -- a recorder that is new works in every command


def test_every_command_is_known_to_take_traces_or_not():
    assert set(COMMANDS) == OF_TRACES | OTHERS, "say of a new command whether it takes a trace, and try it here if so"


def test_a_new_recorder_is_analyzed(new, tmp_path):
    said = run("analyze", new, "--full")
    assert said.exit_code == 0 and "cudaLaunchKernel" in said.stdout and "step" in said.stdout, said.output
    document = json.loads(run("analyze", new, "--json").stdout)
    assert document["source"]["recorded_by"] == "made-up" and document["totals"]["kernels"]["count"] == 2
    document = json.loads(run("analyze", new, "--json", "--range", "step").stdout)
    assert document["account"]["window_ns"] == 850
    assert run("analyze", new, "--html", tmp_path / "page.html").exit_code == 0
    assert "cudaLaunchKernel" in (tmp_path / "page.html").read_text()


def test_a_new_recorder_is_compared(new):
    result = run("compare", f"{new}::step", f"{new}::step", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["comparisons"][0]["ratio"]["value"] == 1


def test_a_new_recorder_is_checked(new):
    result = run(
        "check", f"{new}::step", "--against", f"{new}::step", "--allow-single", "--max-slowdown", "5%", "--json"
    )
    assert result.exit_code in (0, 3), result.output
    rows = json.loads(result.stdout)["rows"]
    assert rows and all(row["ratio"] == 1 for row in rows)


def test_a_new_recorder_is_exported_and_shown(new, tmp_path):
    pytest.importorskip("perfetto", reason="pip install 'launchlens[export]'")
    result = run("export", new, "--perfetto", "-o", tmp_path / "x.pftrace")
    assert result.exit_code == 0 and (tmp_path / "x.pftrace").stat().st_size, result.output
    result = run("open", new, "--no-browser", "--port", "0", "--wait", "0.05")
    assert result.exit_code == 1 and "a recording of the made-up recorder, exported for Perfetto" in result.stderr
    assert result.stdout.endswith("mine.pftrace\n")


def test_a_new_recorder_is_scrubbed(new, tmp_path):
    result = run("scrub", new, "-o", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["recorded_by"] == "made-up" and document["removed"] == [{"what": "names of hosts", "count": 1}]
    assert "ada" not in (tmp_path / "out").read_text() and json.loads(run("analyze", tmp_path / "out", "--json").stdout)


def test_a_new_recorder_lies_among_others(new, tmp_path):
    kineto(tmp_path / "theirs.json.gz")
    found = source_of(tmp_path)
    assert isinstance(found, SeveralTraces)
    assert [(each.path.name, each.reader.name) for each in found.traces] == [
        ("mine.made-up", "made-up"),
        ("theirs.json.gz", "kineto"),
    ]


def test_without_its_line_in_the_catalogue_it_is_not_known(tmp_path):
    path = made_recorder.write(tmp_path / "mine.made-up")
    assert run("analyze", path).exit_code == 2


# -- what a path is


@pytest.mark.parametrize(
    ("make", "name", "reader"),
    [
        (kineto, "x.json.gz", "kineto"),
        (sqlite, "x.sqlite", "nsys"),
        (cupti, "x.parquet", "cupti"),
        (report, "x.nsys-rep", "nsys"),
        # bytes say what a file is, whatever it is called
        (kineto, "x.sqlite", "kineto"),
        (sqlite, "x.json", "nsys"),
        (sqlite, "x.nsys-rep", "nsys"),
        (cupti, "x.nsys-rep", "cupti"),
    ],
)
def test_a_file_is_known_by_its_bytes(tmp_path, make, name, reader):
    found = source_of(make(tmp_path / name))
    assert isinstance(found, OneTrace) and found.reader.name == reader
    if make is not report:
        assert found.read().recorded_by == reader


def test_a_folder_of_tables_is_one_trace(tmp_path):
    folder = as_parquet(sqlite(tmp_path / "x.sqlite"), tmp_path / "tables")
    found = source_of(folder)
    assert isinstance(found, OneTrace) and found.reader.tables == ".parquet" and len(found.read().events) == 2


def test_a_capture_comes_before_everything_else(tmp_path):
    capture = make_capture(tmp_path / "capture")
    sqlite(capture / "x.sqlite")
    as_parquet(capture / "x.sqlite", tmp_path / "tables")
    for table in (tmp_path / "tables").iterdir():
        shutil.move(table, capture / table.name)
    assert source_of(capture) == source_of(capture / "manifest.json") == CaptureFolder(capture)


def test_several_traces_are_listed_with_what_lies_among_them(tmp_path):
    folder = tmp_path / "all"
    folder.mkdir()
    kineto(folder / "a.json.gz")
    as_parquet(sqlite(tmp_path / "x.sqlite"), folder / "b-tables")
    make_capture(folder / "c-capture")
    (folder / "d.md").write_text("notes")
    (folder / "e.json").write_bytes(b"")
    os.mkfifo(folder / "f")
    (folder / "g").mkdir()
    (folder / "h.json").symlink_to(folder / "gone")
    pq.write_table(pa.table({"a": [1]}), folder / "i.parquet")
    (folder / ".hidden.json").write_text("{}")
    found = source_of(folder)
    assert isinstance(found, SeveralTraces)
    assert [(each.path.name, each.reader.name) for each in found.traces] == [
        ("a.json.gz", "kineto"),
        ("b-tables", "nsys"),
    ]
    assert {each.path.name: each.why for each in found.others} == {
        "c-capture": "is a capture",
        "d.md": "is no trace that is known here",
        "e.json": "is empty",
        "f": "is not a regular file",
        "g": "is a folder of something else",
        "h.json": "can't be read: No such file or directory",
        "i.parquet": "is a parquet file, but not a recording of CUPTI by launchlens",
    }


def test_a_pattern_names_several_traces(tmp_path):
    for name in ("rank0.json.gz", "rank1.json.gz", "other.json.gz"):
        kineto(tmp_path / name)
    found = source_of(tmp_path / "rank*.json.gz")
    assert isinstance(found, SeveralTraces) and [each.path.name for each in found.traces] == [
        "rank0.json.gz",
        "rank1.json.gz",
    ]
    # what is there is meant as it is called
    literal = kineto(tmp_path / "rank[0].json.gz")
    assert isinstance(source_of(literal), OneTrace)


def test_several_are_refused_where_one_is_wanted(tmp_path):
    for number in range(7):
        kineto(tmp_path / f"rank{number}.json.gz")
    with pytest.raises(InputError) as caught:
        as_one(source_of(tmp_path))
    remedy = "name one file: rank0.json.gz, rank1.json.gz, rank2.json.gz, rank3.json.gz and 3 more"
    assert str(caught.value) == f"{tmp_path}: holds 7 traces, and one is wanted here ({remedy})"


def test_a_trace_too_large_for_the_machine_is_refused(new, monkeypatch):
    def fills_memory(path, *, partial, progress):
        raise MemoryError

    monkeypatch.setattr(catalogue, "READERS", (replace(made_recorder.READER, read=fills_memory),))
    with pytest.raises(InputError, match=r"takes more memory than there is here \(record it again"):
        open_trace(new)


# -- every refusal is one line: the file, the reason, the remedy


def _empty(folder):
    (folder / "x").write_bytes(b"")
    return folder / "x"


def _pipe(folder):
    os.mkfifo(folder / "x")
    return folder / "x"


def _device(folder):
    (folder / "x").symlink_to("/dev/zero")
    return folder / "x"


def _loop(folder):
    (folder / "x").symlink_to(folder / "x")
    return folder / "x"


def _bytes(name, data):
    def make(folder):
        (folder / name).write_bytes(data)
        return folder / name

    make.__name__ = name
    return make


def _half_a_database(folder):
    whole = sqlite(folder / "x.sqlite").read_bytes()
    (folder / "x.sqlite").write_bytes(whole[: len(whole) // 2])
    return folder / "x.sqlite"


def _half_a_recording(folder):
    whole = cupti(folder / "x.parquet").read_bytes()
    (folder / "x.parquet").write_bytes(whole[: len(whole) // 2])
    return folder / "x.parquet"


def _one_table(folder):
    return as_parquet(sqlite(folder / "x.sqlite"), folder / "tables") / "CUPTI_ACTIVITY_KIND_KERNEL.parquet"


def _arrow(folder):
    (folder / "x").mkdir()
    (folder / "x" / "NVTX_EVENTS.arrow").write_bytes(b"ARROW1")
    return folder / "x"


def _other_parquet(folder):
    pq.write_table(pa.table({"a": [1]}), folder / "x.parquet")
    return folder / "x.parquet"


def _nothing_in_it(folder):
    (folder / "x").mkdir()
    return folder / "x"


def _several(folder):
    (folder / "x").mkdir()
    kineto(folder / "x" / "a.json.gz")
    sqlite(folder / "x" / "b.sqlite")
    return folder / "x"


def _broken_capture(folder):
    make_capture(folder / "x")
    (folder / "x" / "manifest.json").write_text("{")
    return folder / "x"


def _damaged(folder):
    return made_recorder.write(folder / "x", "kernel copy 1\n")


REFUSED = [
    lambda folder: folder / "absent",
    lambda folder: folder / "absent*.json",
    lambda folder: folder / "absent" / "manifest.json",
    lambda folder: folder / ("x" * 300),
    _empty,
    _pipe,
    _device,
    _loop,
    _bytes("notes.md", b"# notes\n"),
    _bytes("cut.json", b'{"traceEvents": [{"ph": "X", "ca'),
    _bytes("other.json", b'{"a": 1}'),
    _bytes("cut.json.gz", b"\x1f\x8b\x08\x00"),
    _bytes("x.zip", b"PK\x03\x04"),
    _bytes("x.nsys-rep", b"\x12\x00 whatever it is"),
    _half_a_database,
    _half_a_recording,
    _one_table,
    _arrow,
    _other_parquet,
    _nothing_in_it,
    _several,
    _broken_capture,
    _damaged,
]
_LINE = re.compile(r"launchlens: (?P<file>.+?): (?P<reason>\S.*) \((?P<remedy>\S.*)\)\n")


@pytest.mark.parametrize("command", sorted(OF_TRACES))
@pytest.mark.parametrize("make", REFUSED, ids=lambda make: make.__name__)
def test_every_refusal_is_one_line_with_file_reason_and_remedy(made_up, tmp_path, monkeypatch, make, command):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("launchlens.traces.readers.nsys.nsys_cli.PLACES", ())
    path = make(tmp_path)
    output = tmp_path / "out"
    if (make, command) == (_several, "analyze"):  # the ranks of a job: of one file, what takes one trace is refused
        assert run(command, path).exit_code == 0
        result = run(command, path, "--thread", "1")
        assert result.exit_code == 2 and "is of one trace, and these are several" in result.output
        return
    if (make, command) == (_several, "export"):
        assert run(command, path, "--perfetto", "-o", output).exit_code == 0 and output.exists()
        return
    arguments = {
        "analyze": [path],
        "check": [f"{path}::step", "--against", f"{path}::step", "--allow-single", "--max-slowdown", "5%"],
        "compare": [f"{path}::step", f"{path}::step"],
        "open": [path, "--no-browser", "--port", "0", "--wait", "0.05"],
        "export": [path, "--perfetto", "-o", output],
        "scrub": [path, "-o", output],
    }[command]
    result = run(command, *arguments)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    found = _LINE.fullmatch(result.stderr)
    assert found, result.stderr
    assert found["file"].startswith(str(tmp_path)[:40]) and not output.exists()
