"""`scrub` as a user runs it: what it prints, what it refuses, and what it leaves on the disk."""

import json

import pytest
from typer.testing import CliRunner

from launchlens.cli import app
from made_capture import make_trace


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "made.pt.trace.json.gz"
    make_trace(path, "eager")
    return path


def test_scrub_says_what_it_kept():
    result = run("scrub", "--help")
    said = " ".join(result.stdout.split())
    assert result.exit_code == 0 and "Example: launchlens scrub" in said and "a range's name is your own text" in said


def test_scrub_prints_what_was_removed(tmp_path):
    path, output = tmp_path / "x.json", tmp_path / "out.json"
    event = {"ph": "X", "cat": "user_annotation", "name": "read /data/x/y", "pid": 1, "tid": 1, "ts": 1, "dur": 2}
    path.write_text(json.dumps({"host_name": "ada", "traceEvents": [event]}))
    result = run("scrub", path, "-o", output)
    assert result.exit_code == 0, result.output
    assert "'host_name' of the recording" in result.stdout and "its analysis is that of x.json" in result.stdout
    assert "1 names of ranges or kernels hold a path" in result.stderr
    assert "ada" not in output.read_text()
    document = json.loads(run("scrub", path, "-o", output, "--force", "--json").stdout)
    assert document["format"] == "launchlens.scrub/1"
    assert document["removed"] == [{"what": "'host_name' of the recording", "count": 1}]
    assert document["source"] == "x.json" and document["bytes"] == output.stat().st_size


def test_a_scrubbed_trace_has_the_same_analysis(trace, tmp_path):
    output = tmp_path / "out.json.gz"
    assert run("scrub", trace, "--output", output).exit_code == 0
    old, new = (json.loads(run("analyze", path, "--json").stdout) for path in (trace, output))
    for document in (old, new):
        del document["source"]["path"], document["source"]["bytes"]
    assert old == new


def test_bad_input_is_one_line_and_exit_2(trace, tmp_path):
    (tmp_path / "cut.json").write_text('{"traceEvents": [{"ph": "X", "ca')
    for arguments in ([trace, "-o", trace], [tmp_path / "cut.json", "-o", tmp_path / "o"], [tmp_path, "-o", "o"]):
        result = run("scrub", *arguments)
        assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1), result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.json", trace.name]
    assert run("scrub", trace).exit_code == 2
