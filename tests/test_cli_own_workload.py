"""Workloads of the user's own, and parameters of ours, through the commands."""

import gzip
import importlib.util
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from read_once import read_once
from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.kernels.registry import apart
from launchlens.traces.captures.capture import read_capture

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "rms_norm.py"
pytestmark = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="measuring needs torch")

QUICK = ("--device", "cpu", "--rounds", 5, "--iterations", 2)

OWN = """
import torch
from launchlens.kernels.registry import variant, workload

print("hello from the user's file")

@workload("doubling", baseline="twice")
def make(device, seed, length=8):
    "Twice a vector"
    return torch.arange(float(length), device=device)

@variant("doubling", "twice")
def twice(x):
    print("and from its variant")
    return lambda: x * 2

@variant("doubling", "sum")
def by_sum(x):
    return lambda: x + x

@variant("doubling", "wrong")
def wrong(x):
    return lambda: x * 3

@variant("doubling", "raising")
def raising(x):
    raise ValueError("not today")
"""


@pytest.fixture(autouse=True, scope="module")
def shared():
    """What was measured is read and worked out once for all commands that are asked of it."""
    with read_once():
        yield


@pytest.fixture(autouse=True)
def paths_and_modules(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture
def no_page(monkeypatch):
    """The page of what is measured, which other tests here look at, is not drawn: that takes longest."""
    monkeypatch.setattr("launchlens.reports.pages.capture.page", lambda *_, **__: "a page")
    monkeypatch.setattr("launchlens.reports.writers.html.html", lambda page: page)


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def own(folder, text=OWN):
    path = folder / "doubling.py"
    path.write_text(text)
    return path


def test_the_example_is_measured_reported_and_compared(tmp_path):
    folder = tmp_path / "capture"
    result = run("profile", "--workload", EXAMPLE, *QUICK, "--set", "rows=5", "--set", "width=33", "--output", folder)
    assert result.exit_code == 0, result.output
    workload = json.loads((folder / "manifest.json").read_text())["workload"]
    assert (workload["name"], workload["rows"], workload["width"]) == ("rms-norm", 5, 33)
    assert workload["file"] == "rms_norm.py"
    assert workload["correctness"].startswith("outputs compared with those of eager")
    document = json.loads(run("report", folder, "--json").stdout)
    assert {side["variant"] for side in document["sides"]} == {"eager", "vector-norm", "functional", "into-buffers"}
    assert document["workload"]["rows"] == 5
    assert "RMSNorm of a few float32 rows" in (folder / "report.html").read_text()
    compared = run("compare", f"{folder}::eager", f"{folder}::functional", "--json")
    assert json.loads(compared.stdout)["verdict"] in ("faster", "slower", "no-difference-shown")


def test_the_example_runs_as_python_runs_it():
    with apart() as (workloads, variants):
        runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert list(workloads) == ["rms-norm"] and len(variants) > 3


@pytest.mark.usefixtures("no_page")
def test_a_wrong_variant_of_the_example_would_be_found(tmp_path):
    text = EXAMPLE.read_text()
    assert text.count("add_(EPSILON)") == 1
    path = own(tmp_path, text.replace("add_(EPSILON)", "add_(0.01)"))
    result = run("profile", "--workload", path, *QUICK, "--output", tmp_path / "capture")
    assert result.exit_code == 1 and "variant into-buffers (eager) is wrong" in result.stderr


def test_a_users_variants_behave_as_built_in_ones(tmp_path):
    path = own(tmp_path)
    folder = tmp_path / "capture"
    result = run("profile", "--workload", path, *QUICK, "--output", folder, "--json")
    assert result.exit_code == 1, "one is wrong"
    document = json.loads(result.stdout)
    assert {side["variant"] for side in document["sides"]} == {"twice", "sum"}
    assert "hello from the user's file" in result.stderr and "and from its variant" in result.stderr
    manifest = (folder / "manifest.json").read_text()
    records = {record["variant"]: record for record in json.loads(manifest)["variants"]}
    assert records["wrong"]["status"] == "wrong"
    assert (records["raising"]["status"], records["raising"]["why"]) == (
        "failed",
        "ValueError: not today (doubling.py:27)",
    )
    assert str(tmp_path) not in manifest and "doubling.py" in manifest
    trace = next((folder / "torch").glob("eager*"))
    assert str(tmp_path).encode() not in gzip.decompress(trace.read_bytes())


@pytest.mark.usefixtures("no_page")
def test_one_variant_and_one_regime_can_be_chosen(tmp_path):
    path = own(tmp_path)
    arguments = ("--variant", "sum", "--regime", "eager", "--output", tmp_path / "capture", "--json")
    result = run("profile", "--workload", path, *QUICK, *arguments)
    assert result.exit_code == 0, result.output
    assert {side["variant"] for side in json.loads(result.stdout)["sides"]} == {"twice", "sum"}
    unknown = run("profile", "--workload", path, "--variant", "product", *QUICK)
    assert unknown.exit_code == 2 and "'product' is none of twice, raising, sum, wrong" in unknown.output


def test_variants_lists_a_file(tmp_path):
    rows = json.loads(run("variants", "--workload", own(tmp_path), "--json").stdout)["variants"]
    assert [(row["name"], row["workload"]) for row in rows] == [
        (name, "doubling") for name in ("twice", "raising", "sum", "wrong")
    ]
    assert "doubling" not in run("variants").stdout, "it was that command's only"


@pytest.mark.usefixtures("no_page")
def test_the_capture_is_named_by_the_workload_not_by_the_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("profile", "--workload", own(tmp_path), *QUICK, "--variant", "sum").exit_code == 0
    assert [path.name.rpartition("-")[0].rpartition("-")[0] for path in (tmp_path / "captures").iterdir()] == [
        "doubling"
    ]


def test_what_is_not_checked_is_said(tmp_path):
    path = own(tmp_path, OWN.replace('baseline="twice"', 'baseline="twice", check=None'))
    folder = tmp_path / "capture"
    result = run("profile", "--workload", path, *QUICK, "--output", folder)
    assert result.exit_code == 0
    assert "declares no check, so nothing says that its variants are right" in result.stderr
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["workload"]["correctness"] == "not checked: the workload declares no check"
    assert "not checked: the workload declares no check" in (folder / "report.html").read_text()


@pytest.mark.parametrize("command", ["profile", "variants"])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def f(:", r"doubling.py:1: SyntaxError"),
        ("\nimport nothing_of_that_name", r"doubling.py:2: ModuleNotFoundError: No module named"),
        ("x = 1", r"doubling.py: declares no workload \("),
        (
            OWN.replace('baseline="twice"', 'baseline="thrice"'),
            r"doubling.py:7: the baseline of 'doubling' is 'thrice'",
        ),
        (None, r"doubling.py: no such file"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(command, text, says, tmp_path):
    path = tmp_path / "doubling.py"
    if text is not None:
        own(tmp_path, text)
    result = run(command, "--workload", path)
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.count("\n") == (2 if "hello" in result.stderr else 1), result.stderr
    assert re.search(f"launchlens: {re.escape(str(tmp_path))}/{says}", result.stderr), result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.usefixtures("no_page")
@pytest.mark.parametrize("options", [QUICK, ("--device", "cpu", "--rounds", 2)], ids=["in a block", "in the trial"])
def test_a_variant_that_raises_while_it_is_timed_is_left_out_with_its_place(tmp_path, options):
    late = """
@variant("doubling", "late")
def late(x):
    calls = []
    def iteration():
        calls.append(1)
        if len(calls) > 7:
            raise RuntimeError("one call too many")
        return x * 2
    return iteration
"""
    path = own(tmp_path, OWN + late)
    folder = tmp_path / "capture"
    result = run("profile", "--workload", path, *options, "--variant", "late", "--output", folder)
    assert result.exit_code == 0, result.output
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["complete"] is True
    records = {record["variant"]: record for record in manifest["variants"]}
    assert records.pop("late") | {"says": ""} == {
        "part_of": None,
        "structure": None,
        "variant": "late",
        "regime": "eager",
        "status": "failed",
        "says": "",
        "why": f"failed while it was timed: RuntimeError: one call too many ({path.name}:35)",
    }
    assert {record["status"] for record in records.values()} == {"measured"}
    assert set(read_capture(folder).timings["variant"]) == set(records)
    assert "late" in result.output and "one call too many" in result.output


def test_a_bug_of_ours_is_not_blamed_on_the_user(tmp_path, monkeypatch):
    monkeypatch.setattr("launchlens.profiling.run.iterations_of", lambda *_, **__: 1 / 0)
    result = run("profile", "--workload", own(tmp_path), *QUICK, "--output", tmp_path / "capture")
    assert result.exit_code == 70 and "a fault of launchlens: ZeroDivisionError: division by zero" in result.stderr


@pytest.mark.usefixtures("no_page")
def test_parameters_that_the_users_facts_refuse_are_exit_2(tmp_path):
    text = OWN.replace('baseline="twice"', 'baseline="twice", facts=facts')
    facts = """
def facts(length):
    if length > 9:
        raise ValueError("too long")
    return {"elements": length, "share": 1 / length}

@workload("""
    path = own(tmp_path, text.replace("\n@workload(", facts, 1))
    assert "too long" in run("profile", "--workload", path, *QUICK, "--set", "length=10").output
    result = run("profile", "--workload", path, *QUICK, "--set", "length=0")
    assert result.exit_code == 2 and f"{path}:10: ZeroDivisionError" in result.stderr
    folder = tmp_path / "capture"
    run("profile", "--workload", path, *QUICK, "--set", "length=4", "--output", folder)
    assert json.loads((folder / "manifest.json").read_text())["workload"]["elements"] == 4


def test_when_all_fail_alike_it_is_said_once(tmp_path):
    path = own(tmp_path, OWN.replace("return torch.arange", "raise OSError('no data'); return torch.arange"))
    result = run("profile", "--workload", path, *QUICK, "--output", tmp_path / "capture")
    assert result.exit_code == 2
    assert result.stderr.count("its inputs can't be made: OSError: no data (doubling.py:10) (all 4)") == 1


def test_without_a_gpu_a_workload_of_ones_own_has_no_recorded_capture(tmp_path, monkeypatch):
    monkeypatch.setattr("launchlens.profiling.environment.has_cuda", lambda: False)
    result = run("profile", "--workload", own(tmp_path), "--output", tmp_path / "capture")
    assert result.exit_code == 2 and "no recorded capture of a workload of yours" in result.stderr
    assert "--device cpu" in result.stderr and not (tmp_path / "capture").exists()


@pytest.mark.parametrize("entry", [[str(ROOT / "cli.py")], ["-m", "launchlens.cli"]])
def test_from_the_checkout_the_file_still_sees_only_its_own_folder(entry, tmp_path):
    # without torch, which listing needs not and which takes a process longest to import
    text = "import sys\nprint('PATH', sys.path)\nimport kernels\n" + OWN.replace("import torch\n", "")
    (tmp_path / "kernels.py").write_text("print('the neighbour')")
    result = subprocess.run(
        [sys.executable, *entry, "variants", "--workload", str(own(tmp_path, text)), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "the neighbour" in result.stderr and f"PATH ['{tmp_path}'" in result.stderr
    assert f"'{ROOT}'" not in result.stderr and json.loads(result.stdout)


# -- parameters of the built-in workloads


@pytest.mark.usefixtures("no_page")
def test_count_and_sizes_reach_the_inputs_and_the_manifest(tmp_path):
    folder = tmp_path / "capture"
    arguments = ("--count", 5, "--sizes", "3,70", "--variant", "foreach", "--output", folder)
    result = run("profile", *QUICK, *arguments)
    assert result.exit_code == 0, result.output
    workload = json.loads((folder / "manifest.json").read_text())["workload"]
    assert (workload["sizes"], workload["copies"], workload["bytes"]) == ([3, 70, 3, 70, 3], 5, 4 * 149)
    assert workload["says"] == "5 contiguous int32 tensors of 3 to 70 elements, device to device"
    assert workload["correctness"] == "the workload's own check"
    trace = json.loads(run("analyze", folder / "torch" / "eager.pt.trace.json.gz", "--json").stdout)
    assert trace["format"] == "launchlens.analysis/2"
    from launchlens.traces.captures.capture import read_capture
    from launchlens.traces.studies.study import study

    recording = study(read_capture(folder)).sides["copy_", "eager"].recording
    assert recording is not None and recording.timeline is not None
    shown = recording.timeline.events
    assert (shown["name"] == "aten::copy_").sum() == 5, "one iteration is five copies"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--count", "0"], "count: 0 is not between 1 and"),
        (["--count", "x"], "--count"),
        (["--sizes", ""], "is not ints separated by commas"),
        (["--sizes", "1,-2"], "sizes: -2 is not between"),
        (["--sizes", "many"], "sizes='many' is not ints"),
        (["--set", "count"], "'count' is not NAME=VALUE"),
        (["--set", "rows=3"], "workload 'small-copies' has no parameter 'rows'"),
        (["--workload", "nsa-metadata", "--count", "3"], "workload 'nsa-metadata' has no parameter 'count'"),
        (["--workload", "nsa-metadata", "--set", "batch=99"], "batch: 99 is more than most, 32"),
    ],
)
@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_bad_parameters_are_exit_2_and_leave_nothing(arguments, says, device, tmp_path):
    result = run("profile", "--device", device, *arguments, "--output", tmp_path / "capture")
    text = " ".join(re.sub(r"[│╭╮╰╯─]", " ", result.output).split())
    assert result.exit_code == 2 and says in text, result.output
    assert not (tmp_path / "capture").exists()


@pytest.mark.parametrize("arguments", [["--count", 20], ["--sizes", "32,64"], ["--set", "count=20"]])
def test_the_recorded_capture_refuses_parameters(arguments, tmp_path, monkeypatch):
    monkeypatch.setattr("launchlens.profiling.environment.has_cuda", lambda: False)
    result = run("profile", *arguments, "--output", tmp_path / "capture")
    assert result.exit_code == 2 and result.stdout == ""
    assert "the recorded capture was made without it" in result.stderr and "--device cpu" in result.stderr
    assert not (tmp_path / "capture").exists()


@pytest.mark.usefixtures("no_page")
def test_nsa_metadata_is_measured_on_the_cpu(tmp_path):
    folder = tmp_path / "capture"
    small = [part for text in ("backends=3", "batch=3", "longest=70", "context=100") for part in ("--set", text)]
    result = run("profile", "--workload", "nsa-metadata", *QUICK, *small, "--output", folder, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert {side["variant"] for side in document["sides"]} == {
        "recompute",
        "recompute-cached-index",
        "precompute-copy",
        "precompute-copy-cached-index",
        "precompute-foreach",
        "recompute-cached-table",
        *(parts := {"copies-only", "copies-one-backend", "transform-only", "transform-only-cached-index"}),
    }
    assert {side["variant"] for side in document["sides"] if side["part_of"]} == parts
    assert not {item["b"]["variant"] for item in document["comparisons"]} & parts
    assert (document["workload"]["backends"], document["workload"]["copies"]) == (3, 30)
    assert "3 backends: 3 requests, the longest of 70 tokens" in document["workload"]["says"]


# -- the page about it


def test_the_workload_in_the_docs_runs(tmp_path):
    page = (ROOT / "docs" / "own_workload.md").read_text()
    path = own(tmp_path, re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0])
    result = run("profile", "--workload", path, *QUICK, "--set", "rows=64", "--output", tmp_path / "capture")
    assert result.exit_code == 0, result.output
    assert "matmul" in result.stdout and "sum" in result.stdout
