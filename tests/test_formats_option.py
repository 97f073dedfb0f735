"""`--format`, `--table` and `--output`: every command that prints a table writes it in each format, and refuses what it can't."""

import csv
import io
import json
import os
import pty
from dataclasses import replace
from tempfile import TemporaryFile

import forked
import pyarrow.parquet as pq
import pytest
from read_once import read_once
from typer.main import get_command
from typer.testing import CliRunner

from command_lines import ranks
from launchlens.cli import app
from launchlens.commands import capture_report
from launchlens.reports.output import FORMATS, Wanted
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.captures.probes import write_probes
from made_capture import make_capture, make_trace
from made_probes import ALL

#: Command lines, and the tables that each has; the first is written where none is named.
LINES = {
    "analyze TRACE": [
        *(
            "totals",
            "ranges",
            "launch_cost",
            "kernels",
            "operators",
            "range_paths",
            "idle_causes",
            "idle",
            "syncs",
            "copies",
        ),
        *("streams", "concurrency", "latency", "launch_queue", "account"),
    ],
    "analyze RANKS": [
        *("ranks", "stragglers", "imbalance", "collectives", "waits"),
        *("rank_idle", "rank_time", "fleet_account", "skipped"),
    ],
    "analyze --list": ["analyses"],
    "report CAPTURE": ["timing", "account", "difference", "ledger", "gpu_work", "figures"],
    "profile --output NEW": ["timing", "account", "difference", "ledger", "gpu_work", "figures"],
    "compare CAPTURE::copy_ CAPTURE::foreach": ["comparisons", "difference"],
    "compare TRACE TRACE": ["difference", "ranges", "idle_causes", "operators", "kernels", "account", "phases"],
    "check CAPTURE --against CAPTURE --allow-single --max-slowdown 20%": ["checked"],
    "claims CAPTURE": ["claims", "evidence"],
    "predict --set count=12 --set bytes=4096": ["predictions"],
    "probe": ["figures"],
    "probe --list": ["probes"],
    "variants": ["variants"],
    "doctor": ["checks", "thresholds"],
    "scrub TRACE -o NEW": ["removed"],
}
#: Those whose --output is something else: a report, a capture, a trace.
OWN_OUTPUT = ("report", "profile", "scrub")
#: Commands that print no table.
NO_TABLE = ("open", "export")
WITH_OUTPUT = [line for line in LINES if line.split()[0] not in OWN_OUTPUT]


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    make_trace(folder / "made.pt.trace.json.gz", "eager", ["copy_", "foreach"])
    make_capture(folder / "capture")
    write_probes(folder / "capture", ALL)
    return {"TRACE": folder / "made.pt.trace.json.gz", "CAPTURE": folder / "capture", "RANKS": ranks(folder)}


@pytest.fixture(autouse=True, scope="module")
def shared():
    """What takes longest is how an input is read and worked out, which is other tests': it is done once for each."""
    with read_once():
        yield


@pytest.fixture(autouse=True)
def here(monkeypatch, places):
    """No GPU for `profile`, for which the made-up capture ships; a GPU for `probe`, on which all find what test ones do.

    Pages are other tests', and what `profile` reports on is the capture that ships: both take longest.
    """
    work_out = capture_report._study
    shipped = (places["CAPTURE"] / "manifest.json").read_bytes()

    def of_what_ships(capture, name):
        copied = (capture.path / "manifest.json").read_bytes() == shipped
        return work_out(read_capture(places["CAPTURE"]) if copied else capture, name)

    monkeypatch.setattr(capture_report, "_study", of_what_ships)
    monkeypatch.setattr("launchlens.reports.pages.capture.page", lambda *_, **__: "a page")
    monkeypatch.setattr("launchlens.reports.writers.html.html", lambda page: page)
    monkeypatch.setattr("launchlens.profiling.environment.has_cuda", lambda: False)
    monkeypatch.setattr("launchlens.traces.captures.recorded.recorded_captures", lambda *_, **__: [places["CAPTURE"]])
    monkeypatch.setattr("launchlens.commands.probe.device_or_recorded", lambda _: "cuda")
    monkeypatch.setattr("launchlens.profiling.probes.run.right_variants", lambda *_: [])
    monkeypatch.setattr("launchlens.profiling.probes.run.run_probes", lambda *_, **__: ALL)


@pytest.fixture
def run(places, tmp_path):
    """Run a command line, with what is in capitals put in."""

    def run(line, *more):
        words = []
        for word in line.split():
            name, mark, rest = word.partition("::")
            # a path of its own for each run: what is written there exists afterwards
            new = tmp_path / f"new-{len(list(tmp_path.iterdir()))}"
            words.append(str(places.get(name, new if name == "NEW" else name)) + mark + rest)
        return CliRunner().invoke(app, [*words, *map(str, more)])

    return run


def done(answer):
    assert answer.exit_code in (0, 1), answer.output
    return answer


def refused(answer, says):
    """Exit code 2, nothing on stdout, and one line that says it; above it typer may print how the command is used."""
    assert answer.exit_code == 2 and answer.stdout == "", answer.output
    *above, line = answer.stderr.splitlines()
    assert says in line and "Traceback" not in answer.stderr
    assert not above or above[0].startswith(("Usage: ", "No CUDA GPU here"))


def test_every_command_has_the_option_or_prints_no_table():
    commands = {name: one for name, one in get_command(app).commands.items() if not one.hidden}
    having = {
        name for name, one in commands.items() if "--format" in {mark for each in one.params for mark in each.opts}
    }
    assert having == {line.split()[0] for line in LINES} == set(commands) - set(NO_TABLE)
    for name in having:
        marks = {mark for each in commands[name].params for mark in each.opts}
        assert {"--json", "--table", "--output"} <= marks, name
        assert "--force" in marks or name == "profile", name


# -- each format


@pytest.mark.parametrize("line", LINES)
def test_a_table_for_people_is_what_is_printed_without_the_option(line, run):
    plain, asked = (
        done(run(line)),
        done(run(line, "--format", "table", *(["--force"] if line.startswith("report") else []))),
    )
    assert without_paths(plain.stdout) == without_paths(asked.stdout) != ""


def without_paths(text):
    """The output without the lines that name a file written by this run alone."""
    return [line for line in text.splitlines() if "/new-" not in line]


@pytest.mark.parametrize("line", LINES)
def test_json_is_the_same_by_either_option(line, run):
    more = ["--force"] if line.startswith("report") else []
    documents = [json.loads(done(run(line, *option, *more)).stdout) for option in (["--json"], ["--format", "json"])]
    for document in documents:
        document.pop("capture", None)
        document.pop("output", None)
    assert documents[0] == documents[1] and documents[0]["format"].startswith("launchlens.")


@pytest.mark.parametrize("line", LINES)
def test_markdown_holds_tables(line, run):
    written = done(run(line, "--format", "markdown")).stdout
    heads = [line for line in written.splitlines() if line.startswith("| ---")]
    assert heads and written.endswith("\n") and "\x1b" not in written
    one = done(run(line, "--format", "markdown", "--table", LINES[line][0])).stdout
    assert len([line for line in one.splitlines() if line.startswith("| ---")]) == 1


@pytest.mark.parametrize("line", LINES)
def test_csv_and_parquet_hold_the_same_rows_of_every_table(line, run, monkeypatch, tmp_path):
    write, kept = Wanted.write, []

    def keeping(asked, result):
        kept[:] = [asked, result]
        write(asked, result)

    def as_parquet(name):
        """What the command that ran last found, written once more."""
        asked, result = kept
        write(replace(asked, format="parquet", table=name, file=tmp_path / "table.parquet"), result)
        return (tmp_path / "table.parquet").read_bytes()

    first = LINES[line][0]
    whole = done(run(line, "--format", "parquet", "--table", first))
    monkeypatch.setattr(Wanted, "write", keeping)
    # `profile` reports as `report` does
    for name in LINES[line][: 1 if line.startswith("profile") else None]:
        rows = list(csv.DictReader(io.StringIO(done(run(line, "--format", "csv", "--table", name)).stdout)))
        found = pq.read_table(io.BytesIO(as_parquet(name) if name != first else whole.stdout_bytes))
        assert found.schema.metadata[b"table"].decode() == name
        assert len(rows) == found.num_rows > 0 or name == "removed"
        assert not rows or list(rows[0]) == found.column_names
        for column in found.column_names:
            there = [value is not None for value in found.column(column).to_pylist()]
            assert all(bool(row[column]) <= is_there for row, is_there in zip(rows, there, strict=True)), column
            assert found.field(column).metadata[b"meaning"]


def test_the_first_table_is_written_and_the_others_are_named(run):
    answer = done(run("analyze TRACE", "--format", "csv"))
    assert answer.stdout.startswith("what,count,total_ns,")
    _, *others = LINES["analyze TRACE"]
    assert answer.stderr == f"launchlens: this is table totals; with --table also: {', '.join(others)}\n"
    assert done(run("variants", "--format", "csv")).stderr == ""


def test_all_rows_are_written_whatever_people_are_shown(run):
    shown = done(run("analyze TRACE", "--full", "--top", 1)).stdout
    rows = done(run("analyze TRACE", "--top", 1, "--format", "csv", "--table", "ranges")).stdout.splitlines()[1:]
    assert f"(1 of {len(rows)}, by host time)" in shown and len(rows) > 1


def test_a_list_is_printed_whole(run):
    for line, column in (("variants", "variant"), ("doctor", "what"), ("probe --list", "probe")):
        rows = csv.DictReader(io.StringIO(done(run(line, "--format", "csv")).stdout))
        words = done(run(line)).stdout.split()
        assert all(row[column].split()[0] in words for row in rows), line


# -- files


@pytest.mark.parametrize("line", WITH_OUTPUT)
def test_a_file_gets_what_stdout_would(line, run, tmp_path):
    for format in ("csv", "markdown"):
        file = tmp_path / f"out.{format}"
        answer = done(run(line, "--format", format, "--output", file))
        assert answer.stdout == "" and file.read_text() == done(run(line, "--format", format)).stdout
    assert done(run(line, "-o", tmp_path / "out.parquet", "--format", "parquet")).stdout == ""
    assert pq.read_table(tmp_path / "out.parquet").schema.metadata[b"table"].decode() == LINES[line][0]


@pytest.mark.parametrize("line", WITH_OUTPUT)
def test_a_file_that_is_there_is_overwritten_only_when_forced(line, run, tmp_path):
    file = tmp_path / "out.csv"
    file.write_text("mine")
    refused(run(line, "--format", "csv", "--output", file), "--force")
    assert file.read_text() == "mine"
    done(run(line, "--format", "csv", "--output", file, "--force"))
    assert file.read_text() != "mine"


def test_a_file_for_people_has_no_colours(run, tmp_path):
    done(run("variants", "--output", tmp_path / "out.txt"))
    assert "\x1b" not in (tmp_path / "out.txt").read_text() and "copy_" in (tmp_path / "out.txt").read_text()


def test_an_output_is_never_the_input(run, places, tmp_path):
    before = places["TRACE"].read_bytes()
    refused(run("analyze TRACE", "--format", "csv", "-o", places["TRACE"], "--force"), "never overwritten")
    assert places["TRACE"].read_bytes() == before


def test_a_file_that_can_not_be_written_is_one_line(run, tmp_path):
    answer = run("variants", "--format", "csv", "--output", tmp_path / "nowhere" / "x.csv")
    assert answer.exit_code == 2 and answer.stderr.count("\n") == 1 and "can't be written" in answer.stderr


# -- what is refused


@pytest.mark.parametrize("line", LINES)
def test_what_is_no_format_is_refused(line, run, tmp_path):
    refused(run(line, "--format", "xlsx"), f"'xlsx' is none of {', '.join(FORMATS)}")
    refused(run(line, "--format", "csv", "--json"), "give one of --json and --format")
    refused(run(line, "--table", LINES[line][0]), "is for --format csv, parquet and markdown")
    refused(run(line, "--table", LINES[line][0], "--json"), "is for --format csv, parquet and markdown")
    assert list(tmp_path.iterdir()) == [], "before anything was written"


@pytest.mark.parametrize("line", LINES)
def test_a_table_that_is_not_there_is_refused_with_those_that_are(line, run):
    refused(run(line, "--format", "csv", "--table", "nothing"), f"'nothing' is none of {', '.join(LINES[line])}")


# -- the bytes, outside of this process


def test_parquet_goes_through_a_pipe():
    (out, to_out), (errors, to_errors) = os.pipe(), os.pipe()
    process = forked.start(["variants", "--format", "parquet"], stdout=to_out, stderr=to_errors)
    os.close(to_out)
    os.close(to_errors)
    with open(out, "rb") as written, open(errors, "rb") as said:
        answer, words = written.read(), said.read()
    assert process.wait() == 0 and words == b""
    assert "copy_" in pq.read_table(io.BytesIO(answer)).column("variant").to_pylist()


def test_parquet_is_not_for_a_terminal():
    mine, theirs = pty.openpty()
    try:
        with TemporaryFile() as said:
            code = forked.start(["variants", "--format", "parquet"], stdout=theirs, stderr=said.fileno()).wait()
            said.seek(0)
            errors = said.read()
        os.set_blocking(mine, False)
        with pytest.raises(BlockingIOError):
            os.read(mine, 1)
    finally:
        os.close(mine)
        os.close(theirs)
    assert code == 2 and b"parquet is not text, and this is a terminal" in errors
