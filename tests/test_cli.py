"""The commands end to end, as a user runs them: exit codes, what goes to stdout and what to stderr, bad input."""

import gzip
import importlib.util
import json
import re
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from pathlib import Path

import forked
import pytest
from read_once import read_once
from same_bytes import worked_out_once
from typer.testing import CliRunner

import started
from launchlens.cli import COMMANDS, app
from made_capture import make_capture, make_trace

ROOT = Path(__file__).parents[1]
HAS_TORCH = importlib.util.find_spec("torch") is not None
needs_torch = pytest.mark.skipif(not HAS_TORCH, reason="measuring needs torch")


def run(*arguments, **more):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], **more)


def strict_json(text):
    def refuse(constant):
        raise ValueError(constant)

    return json.loads(text, parse_constant=refuse)


@pytest.fixture(autouse=True, scope="module")
def shared():
    """The same input is read and worked out once, which takes longest."""
    with read_once(), worked_out_once():
        yield


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    return make_capture(tmp_path_factory.mktemp("made") / "capture")


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "made.pt.trace.json.gz"
    make_trace(path, "eager")
    return path


# -- help, version, listings


@pytest.mark.parametrize(
    "command",
    ["", "profile", "analyze", "report", "compare", "check", "open", "export", "scrub", "claims", "variants", "doctor"],
)
def test_every_command_has_help_that_says_what_it_does(command):
    result = run(*([command] if command else []), "--help")
    assert result.exit_code == 0
    assert "Example: launchlens" in result.stdout or not command


def test_the_help_cuts_no_command_short_at_80_columns():
    lines = run("--help", env={"COLUMNS": "80"}).stdout.split("Commands:\n")[1].split("\n\n")[0].splitlines()
    listed = dict(line.split(maxsplit=1) for line in lines)
    assert list(listed) == [name for name in COMMANDS if not name.startswith("_")]
    assert all(len(line) <= 80 and line.endswith(".") and "..." not in line for line in lines)


def test_no_arguments_show_the_help():
    assert "Commands:" in run().output


def test_variants_as_json_follow_the_format():
    document = strict_json(run("variants", "--json").stdout)
    assert document["format"] == "launchlens.variants/1"
    rows = {row["name"]: row for row in document["variants"]}
    assert {"copy_", "triton-per-tensor", "triton-batched", "foreach"} <= set(rows)
    assert rows["triton-batched"].keys() == {"name", "workload", "needs", "regimes", "says", "part_of"}
    assert rows["triton-batched"]["needs"] == ["torch", "cuda", "triton"]
    assert "triton-batched" in run("variants").stdout


def test_doctor_says_what_is_missing_and_how_to_get_it():
    checks = {row["name"]: row for row in strict_json(run("doctor", "--json").stdout)["checks"]}
    assert checks["python"]["found"] and checks["python"]["version"].startswith("3.")
    assert all(row["get"] for row in checks.values() if not row["found"])
    assert "torch" in run("doctor").stdout


# -- analyze


def test_analyze_as_json_follows_the_format(trace):
    result = run("analyze", trace, "--json")
    document = strict_json(result.stdout)
    assert result.exit_code == 0 and document["format"] == "launchlens.analysis/2"
    assert set(document) >= {"source", "problems", "totals", "ranges", "launch_cost", "account"}
    totals = document["totals"]
    # four blocks of five iterations and three single ones: 23 iterations
    assert totals["kernels"]["count"] == 23 * (7 + 1 + 1)
    assert totals["memcpy"]["DtoD"]["count"] == 23 * 7
    assert totals["launches"]["memcpy"] == {"calls": 161, "with_gpu_activity": 161, "without_gpu_activity": 0}
    row = next(row for row in document["ranges"] if row["name"] == "variant:copy_")
    assert (row["instances"], row["launches"], row["memcpys"], row["kernels"]) == (4, 140, 140, 0)
    assert row["gpu_ns"] == 140 * 750
    account = document["account"]
    assert sum(cell["ns"] for cell in account["cells"]) == account["window_ns"]


def test_analyze_of_a_range_accounts_for_its_instances(trace):
    document = strict_json(run("analyze", trace, "--json", "--range", "variant:triton-batched").stdout)
    row = next(row for row in document["ranges"] if row["name"] == "variant:triton-batched")
    assert document["account"]["window_ns"] == row["host_ns"]
    result = run("analyze", trace, "--range", "nothing")
    assert result.exit_code == 2 and "holds no range 'nothing'" in result.stderr and result.stdout == ""


def test_analyze_prints_tables_and_writes_html(trace, tmp_path):
    page = tmp_path / "analysis.html"
    result = run("analyze", trace, "--full", "--html", page)
    assert result.exit_code == 0 and "cudaMemcpyAsync" in result.stdout and "time account" in result.stdout
    assert "cudaMemcpyAsync" in page.read_text()
    again = run("analyze", trace, "--html", page)
    assert again.exit_code == 2 and "--force" in again.stderr
    assert run("analyze", trace, "--html", page, "--force").exit_code == 0


def test_analyze_says_when_the_gpu_was_not_seen(tmp_path):
    path = tmp_path / "host-only.json"
    event = {"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 1, "tid": 1, "ts": 1, "dur": 2}
    path.write_text(json.dumps({"traceEvents": [event | {"args": {"correlation": 4}}]}))
    document = strict_json(run("analyze", path, "--json").stdout)
    assert document["totals"]["kernels"] is None and document["totals"]["memcpy"] is None
    assert document["totals"]["launches"]["kernel"] == {
        "calls": 1,
        "with_gpu_activity": None,
        "without_gpu_activity": None,
    }
    assert [problem["code"] for problem in document["problems"]] == ["no-gpu-records", "table-absent"]
    assert "not recorded" in run("analyze", path).stdout


# -- bad input: one line, exit 2, nothing half-written


def truncated_json(folder):
    (folder / "x.json").write_text('{"traceEvents": [{"ph": "X", "cat": "kernel", "name": "k", "ts": 1, "du')
    return folder / "x.json"


def half_a_gzip(folder):
    make_trace(folder / "x.json.gz", "eager")
    (folder / "x.json.gz").write_bytes((folder / "x.json.gz").read_bytes()[:900])
    return folder / "x.json.gz"


def empty_file(folder):
    (folder / "x.json").write_bytes(b"")
    return folder / "x.json"


def empty_trace(folder):
    (folder / "x.json").write_text('{"traceEvents": []}')
    return folder / "x.json"


def other_json(folder):
    (folder / "x.json").write_text('{"hello": 1}')
    return folder / "x.json"


def other_sqlite(folder):
    with sqlite3.connect(folder / "x.sqlite") as database:
        database.execute("create table t (a)")
    return folder / "x.sqlite"


def junk(folder):
    (folder / "x.bin").write_bytes(bytes(range(256)) * 40)
    return folder / "x.bin"


def nsys_report(folder):
    (folder / "x.nsys-rep").write_bytes(b"QDREP junk" * 100)
    return folder / "x.nsys-rep"


def absent(folder):
    return folder / "absent.json"


def a_folder(folder):
    return folder


BAD = [
    truncated_json,
    half_a_gzip,
    empty_file,
    empty_trace,
    other_json,
    other_sqlite,
    junk,
    nsys_report,
    absent,
    a_folder,
]


@pytest.mark.parametrize("make", BAD)
@pytest.mark.parametrize("command", ["analyze", "report", "open", "compare"])
def test_bad_input_is_one_line_and_exit_2(command, make, tmp_path):
    bad = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    arguments = {
        "analyze": ["analyze", bad, "--html", tmp_path / "out.html"],
        "report": ["report", bad, "--output", tmp_path / "out.html"],
        "open": ["open", bad, "--no-browser", "--port", 0],
        "compare": ["compare", f"{bad}::a", f"{bad}::b"],
    }[command]
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1 and str(bad) in result.stderr, result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(tmp_path.rglob("*")) == before, "nothing half-written"


def test_partial_keeps_the_whole_events(tmp_path):
    whole = tmp_path / "whole.json.gz"
    make_trace(whole, "eager")
    cut = tmp_path / "cut.json"
    cut.write_bytes(gzip.decompress(whole.read_bytes())[:20_000])
    assert run("analyze", cut).exit_code == 2
    document = strict_json(run("analyze", cut, "--partial", "--json").stdout)
    assert document["problems"][0]["code"] == "truncated"
    assert document["totals"]["events"] > 10


@pytest.mark.parametrize(
    "arguments",
    [
        ["profile", "--device", "tpu"],
        ["profile", "--workload", "nothing"],
        ["profile", "--variant", "nothing", "--device", "cpu"],
        ["profile", "--regime", "warp"],
        ["profile", "--rounds", "0"],
        ["analyze"],
        ["nonsense"],
        ["variants", "--workload", "nothing"],
    ],
)
def test_a_bad_command_line_is_exit_2(arguments):
    assert run(*arguments).exit_code == 2


# -- report and compare


def test_report_prints_the_verdict_and_writes_one_file(capture, tmp_path):
    page = tmp_path / "page.html"
    result = run("report", capture, "--output", page)
    assert result.exit_code == 0
    assert "foreach is fastest" in " ".join(result.stdout.split())
    assert "foreach is fastest" in " ".join(page.read_text().split())
    assert run("report", capture, "--output", page).exit_code == 2


def test_report_as_json_holds_the_verdict_and_says_where_it_is_from(capture):
    document = strict_json(run("report", capture, "--json").stdout)
    assert document["format"] == "launchlens.study/2" and document["measured_here"] and document["complete"]
    assert document["verdict"][0]["code"] == "fastest"
    assert {side["variant"] for side in document["sides"]} == {
        "copy_",
        "foreach",
        "triton-batched",
        "triton-per-tensor",
    }


def test_an_incomplete_capture_is_reported_and_says_so(tmp_path):
    folder = make_capture(tmp_path / "capture", complete=False)
    result = run("report", folder)
    assert result.exit_code == 0 and "incomplete" in result.stdout
    assert "Incomplete" in (folder / "report.html").read_text()


def test_compare_variants_of_a_capture(capture):
    document = strict_json(run("compare", f"{capture}::copy_", f"{capture}::triton-per-tensor", "--json").stdout)
    assert document["format"] == "launchlens.comparison/2"
    assert document["of"] == "captures"
    eager, graph = document["comparisons"]
    assert (eager["verdict"], graph["verdict"]) == ("slower", "equivalent")
    assert eager["p"] <= eager["p_adjusted"] < 0.05 < graph["p_adjusted"]
    assert eager["parts"] is None, "nothing of this capture says what the unprofiled time is made of"
    assert eager["difference_ns"] > 0
    recorded = eager["as_recorded"]
    assert sum(part["ns"] for part in recorded["parts"]) == recorded["difference_ns"]
    assert "paired-by-round" in [reason["code"] for reason in eager["reasons"]]


def test_compare_ranges_of_a_trace_has_its_keys_at_the_top(trace):
    result = run("compare", f"{trace}::variant:copy_", f"{trace}::variant:triton-per-tensor", "--json")
    document = strict_json(result.stdout)
    assert document["of"] == "traces"
    assert set(document) >= {"format", "a", "b", "ratio", "verdict", "reasons", "as_recorded", "regime"}
    recorded = document["as_recorded"]
    assert sum(part["ns"] for part in recorded["parts"]) == recorded["difference_ns"]
    assert "profiled-times" in [reason["code"] for reason in document["reasons"]]


def test_compare_captures_with_each_other(capture, tmp_path):
    other = make_capture(tmp_path / "other")
    document = strict_json(run("compare", capture, other, "--json").stdout)
    assert len(document["comparisons"]) == 8
    assert {row["verdict"] for row in document["comparisons"]} == {"no-difference-shown"}
    assert {row["reasons"][0]["code"] for row in document["comparisons"]} == {"too-few-runs"}
    elsewhere = make_capture(tmp_path / "elsewhere", gpu="Another GPU")
    document = strict_json(run("compare", capture, elsewhere, "--json").stdout)
    assert {row["verdict"] for row in document["comparisons"]} == {"not-comparable"}


def test_a_folder_of_captures_stands_for_its_runs(tmp_path):
    sides = (f"{tmp_path / 'runs'}::copy_", f"{tmp_path / 'runs'}::foreach")
    make_capture(tmp_path / "runs" / "run1")
    for number, verdict in ((2, "no-difference-shown"), (3, "faster")):
        make_capture(tmp_path / "runs" / f"run{number}")
        document = strict_json(run("compare", *sides, "--json").stdout)
        assert [row["verdict"] for row in document["comparisons"]] == [verdict, verdict], number


@pytest.mark.parametrize(
    "sides",
    [("capture", "trace::a"), ("capture::copy_", "capture"), ("trace::a", "trace"), ("capture::x", "capture::y")],
)
def test_compare_refuses_what_does_not_go_together(sides, capture, trace):
    places = {"capture": capture, "trace": trace}
    arguments = [
        "::".join([str(places[part]) if part in places else part for part in side.split("::")]) for side in sides
    ]
    result = run("compare", *arguments)
    assert result.exit_code == 2 and result.stderr.count("\n") == 1


# -- profile


@needs_torch
def test_profile_on_the_cpu_measures_here(tmp_path):
    folder = tmp_path / "capture"
    result = run("profile", "--device", "cpu", "--rounds", 5, "--iterations", 2, "--output", folder, "--json")
    assert result.exit_code == 0, result.output
    document = strict_json(result.stdout)
    assert document["measured_here"] and document["device"] == "cpu" and document["recorded"] is None
    assert {side["variant"] for side in document["sides"]} == {"copy_", "foreach"}
    assert (folder / "report.html").is_file()
    again = run("profile", "--device", "cpu", "--output", folder)
    assert again.exit_code == 2 and "not an empty folder" in again.stderr


def has_cuda():
    from launchlens.profiling.environment import has_cuda as answer

    return answer()


@pytest.mark.skipif(HAS_TORCH and has_cuda(), reason="there is a GPU here")
def test_without_a_gpu_profile_says_so_first_and_reports_on_the_recorded_capture(tmp_path):
    folder = tmp_path / "recorded"
    result = run("profile", "--output", folder)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("No CUDA GPU here")
    assert result.stdout.startswith("Recorded, not measured on this machine: ")
    assert "Recorded, not measured on this machine" in (folder / "report.html").read_text()
    document = strict_json(run("profile", "--output", folder, "--json").stdout)
    assert not document["measured_here"] and document["recorded"].startswith("Recorded, not measured on this machine")
    copied = strict_json(run("report", folder, "--json").stdout)
    assert not copied["measured_here"], "a copy of a recorded capture stays recorded"


@pytest.mark.skipif(HAS_TORCH and has_cuda(), reason="there is a GPU here")
def test_without_a_gpu_cuda_is_an_error():
    result = run("profile", "--device", "cuda")
    assert result.exit_code == 2 and "there is no CUDA GPU" in result.stderr and result.stderr.count("\n") == 1


#: A workload that says, by a file, when it has been timed for a while.
TIMED_FOR_A_WHILE = """
from pathlib import Path
from launchlens.kernels.registry import variant, workload

@workload("waiting", baseline="one", check=None)
def make(device, seed):
    return []

@variant("waiting", "one")
def one(calls):
    def iteration():
        calls.append(1)
        if len(calls) == 500:
            Path(__file__).with_name("timed").touch()
    return iteration
"""


@needs_torch
def test_ctrl_c_leaves_a_capture_that_says_it_is_incomplete(tmp_path):
    folder, errors = tmp_path / "capture", tmp_path / "errors"
    (tmp_path / "waiting.py").write_text(TIMED_FOR_A_WHILE)
    measure = ["profile", "--workload", tmp_path / "waiting.py", "--device", "cpu", "--rounds", "10000000"]
    with forked.program([*measure, "--iterations", "2", "--output", folder], tmp_path / "said", errors) as process:
        started.until((tmp_path / "timed").exists, "timed round")
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130, errors.read_text()
    assert "incomplete" in errors.read_text() and "Traceback" not in errors.read_text()
    assert json.loads((folder / "manifest.json").read_text())["complete"] is False
    result = run("report", folder)
    assert result.exit_code == 0 and "incomplete" in result.stdout, "what had been timed is still reported"


# -- open


def test_open_serves_the_trace_once_and_ends(trace, tmp_path):
    command = ["open", trace, "--as-recorded", "--no-browser", "--port", "0", "--wait", "60"]
    said = tmp_path / "said"
    with forked.program(command, said, tmp_path / "errors") as process:
        pattern = re.compile(r"^https://ui\.perfetto\.dev/#!/\?url=(http://127\.0\.0\.1:\S+)\n", re.MULTILINE)
        address = started.until(lambda: pattern.search(said.read_text()), "address")[1]
        with urllib.request.urlopen(address, timeout=started.PATIENCE) as answer:
            assert answer.read() == trace.read_bytes()
        assert process.wait() == 0


def test_open_says_when_nothing_came(trace):
    result = run("open", trace, "--no-browser", "--port", 0, "--wait", 0.05)
    assert result.exit_code == 1 and "nothing fetched" in result.stderr


# -- as a script, from anywhere


def test_cli_py_runs_from_another_folder(tmp_path, trace):
    answer = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "analyze", str(trace), "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert strict_json(answer.stdout)["totals"]["events"] > 0
    assert "\x1b[" not in answer.stdout


# -- nothing of the user's is lost


def test_a_recorded_capture_never_overwrites_a_measured_one(capture, tmp_path):
    if HAS_TORCH and has_cuda():
        pytest.skip("there is a GPU here, so nothing recorded is used")
    mine = make_capture(tmp_path / "mine")
    before = {path: path.read_bytes() for path in mine.rglob("*") if path.is_file()}
    result = run("profile", "--output", mine)
    assert result.exit_code == 2 and "neither empty nor a copy" in result.stderr
    assert {path: path.read_bytes() for path in mine.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("command", ["analyze", "export", "report"])
def test_an_output_is_never_the_input_even_when_forced(command, tmp_path):
    folder = make_capture(tmp_path / "capture")
    trace = folder / "torch" / "eager.pt.trace.json.gz"
    arguments = {
        "analyze": ["analyze", trace, "--html", trace, "--force"],
        "export": ["export", folder, "--perfetto", "-o", folder / "manifest.json", "--force"],
        "report": ["report", folder, "--output", trace, "--force"],
    }[command]
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    result = run(*arguments)
    assert result.exit_code == 2 and "never overwritten" in result.stderr, result.output
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_two_runs_in_one_second_get_two_folders(tmp_path, monkeypatch):
    from launchlens.profiling.new_capture import new_folder

    monkeypatch.chdir(tmp_path)
    folders = {new_folder(None, "w") for _ in range(4)}
    assert len(folders) == 4 and all(folder.is_dir() for folder in folders)


def test_a_report_elsewhere_names_no_folder_of_the_machine(capture, tmp_path):
    page = tmp_path / "page.html"
    assert run("report", capture, "--output", page).exit_code == 0
    assert "file://" not in page.read_text()


def test_what_the_system_refuses_is_one_line(tmp_path):
    for arguments in (["analyze", tmp_path / ("x" * 5000)], ["report", tmp_path / ("x" * 5000)]):
        result = run(*arguments)
        assert result.exit_code == 2 and result.stderr.count("\n") == 1, result.output


def test_links_that_lead_round_in_a_circle_are_one_line(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for arguments in (["analyze", loop, "--html", tmp_path / "out.html"], ["export", loop, "--perfetto", "-o", "out"]):
        result = run(*arguments)
        assert result.exit_code == 2 and result.stderr.count("\n") == 1, result.output
        assert "Too many levels of symbolic links" in result.stderr


def test_compare_names_the_variant_that_is_not_there(capture):
    result = run("compare", f"{capture}::copy_", f"{capture}::nope")
    assert result.exit_code == 2 and "no timed variant 'nope'" in result.stderr
    by_manifest = run("compare", f"{capture}/manifest.json::copy_", f"{capture}::foreach", "--json")
    assert "paired-by-round" in by_manifest.stdout
