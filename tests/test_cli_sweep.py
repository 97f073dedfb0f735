"""Sweeps through the command, on this CPU: a workload of the user's from the command line to a folder, and what is refused."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
from made_clock import Clock
from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.commands.endings import TerminatedError
from launchlens.commands.exit_codes import INTERRUPTED, TERMINATED
from launchlens.profiling import rounds, timing
from launchlens.profiling.sweeps import run as sweep_run
from launchlens.traces.sweeps.sweep import read_sweep

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="measuring needs torch")

#: `looped` takes so long an element, and `whole` as long as 300 of them, by a clock that moves only when somebody works.
OWN = """
import torch
from launchlens.kernels.registry import NotForTheseInputsError, variant, workload
from launchlens.profiling import timing

def facts(length, kind):
    return {"bytes": 4 * length}

def added(x, ns):
    def iteration():
        timing.perf_counter_ns.now += ns
        return x + 1
    return iteration

@workload("adding", baseline="whole", facts=facts)
def make(device, seed, length=64, kind="flat"):
    "One more"
    return torch.arange(float(length), device=device)

@variant("adding", "whole")
def whole(x):
    return added(x, 30_000)

@variant("adding", "looped")
def looped(x):
    if len(x) > 4096:
        raise NotForTheseInputsError("takes 4096 at most")
    return added(x, 100 * len(x))

@variant("adding", "wrong")
def wrong(x):
    return added(x + 1, 1)
"""


@pytest.fixture(scope="module", autouse=True)
def clock():
    made = Clock()
    with pytest.MonkeyPatch.context() as patched:
        for module in (rounds, timing, sweep_run):
            patched.setattr(module, "perf_counter_ns", made)
        yield made


@pytest.fixture(autouse=True)
def paths(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "adding.py"
    path.write_text(OWN)
    return path


@pytest.fixture(scope="module")
def swept(file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep") / "adding"
    return folder, run(
        "profile", "--workload", file, "--variant", "looped", "--sweep", "length=16..16K:log4", "--sweep", "kind=flat",
        "--device", "cpu", "--minutes", 1, "--iterations", 2, "--output", folder,
    )  # fmt: skip


def test_a_sweep_of_a_workload_of_ones_own_is_measured(swept):
    folder, result = swept
    assert result.exit_code == 0, result.output
    assert "6 of 6 points of the grid (1 held out)" in result.stderr
    assert "looped beats whole up to length" in result.stdout and (folder / "report.html").is_file()
    found = read_sweep(folder)
    record = found.record
    assert record.complete and record.device == "cpu" and record.baseline == "whole"
    assert [(axis.name, axis.scale, axis.values) for axis in record.axes] == [
        ("length", "log2", (16, 64, 256, 1024, 4096, 16384)),
        ("kind", "named", ("flat",)),
    ]
    assert record.workload["file"] == "adding.py" and "length" not in record.workload
    assert record.workload["correctness"].startswith("outputs compared with those of whole")
    text = (folder / "sweep.json").read_text()
    assert str(folder.parent) not in text and json.loads(text)["format"] == record.format
    last = next(point for point in record.points if point.settings["length"] == 16384)
    assert {each.variant: (each.status, each.why) for each in last.variants} == {
        "whole": ("measured", None),
        "looped": ("skipped", "takes 4096 at most"),
    }
    near = [point.settings["length"] for point in record.points if point.stage == "refinement"]
    assert near and all(256 < length < 1024 for length in near), "what turns over does so at 300 elements"
    known = [point.settings["length"] for point in record.points if not point.held_out]
    below, above = (
        pick(length for length in known if (length < 300) is under) for pick, under in ((max, True), (min, False))
    )
    assert above / below <= 1.15**2


def test_it_goes_on_where_it_stopped(swept, file):
    folder, _ = swept
    before = read_sweep(folder).record
    result = run("profile", "--resume", folder, "--workload", file, "--minutes", 0.01, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["format"] == "launchlens.sweep-report/1"
    after = read_sweep(folder).record
    assert after.points[: len(before.points)] == before.points
    assert after.complete and after.minutes == pytest.approx(before.used_minutes + 0.01)


@pytest.mark.parametrize(
    ("raised", "code", "word"),
    [(KeyboardInterrupt, INTERRUPTED, "interrupted"), (TerminatedError, TERMINATED, "terminated")],
)
def test_what_ends_it_early_leaves_a_sweep_that_goes_on(file, tmp_path, monkeypatch, raised, code, word):
    folder, measure, begun = tmp_path / "sweep", sweep_run.Sweeping._measure, []

    def measure_two(self, index):
        begun.append(index)
        if len(begun) == 3:
            raise raised
        measure(self, index)

    monkeypatch.setattr(sweep_run.Sweeping, "_measure", measure_two)
    arguments = ("--workload", file, "--variant", "looped", "--sweep", "length=16,32,64,128", "--device", "cpu")
    result = run("profile", *arguments, "--iterations", 1, "--rounds", 2, "--output", folder)
    assert result.exit_code == code
    assert f"{word}; {folder} holds the points that had been measured; go on with --resume" in result.stderr
    cut = read_sweep(folder).record
    assert not cut.complete and sum(bool(point.variants) for point in cut.points) == 2
    result = run("profile", "--resume", folder, "--workload", file, "--minutes", 1)
    assert result.exit_code == 0, result.output
    whole = read_sweep(folder).record
    assert whole.complete and whole.points[:2] == cut.points[:2] and all(point.variants for point in whole.points)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ((), "is of a workload of your own, in adding.py (give --workload FILE.py as well)"),
        (("--workload", "small-copies"), "is of workload adding, not small-copies"),
        (("--workload", "FILE", "--seed", 5), "has the seed 0, not 5"),
        (("--workload", "FILE", "--variant", "whole"), "--variant: is as it was in"),
        (("--workload", "FILE", "--device", "cuda"), "was measured on cpu, not cuda"),
        (("--workload", "FILE", "--sweep", "length=1,2"), "sweeps other values than these"),
    ],
)
def test_what_is_another_sweep_does_not_go_on(swept, file, more, says):
    folder, _ = swept
    result = run("profile", "--resume", folder, *(file if one == "FILE" else one for one in more))
    assert result.exit_code == 2 and says in result.stderr, result.output
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_wrong_variant_is_said_and_the_exit_code(file, tmp_path):
    result = run(
        "profile", "--workload", file, "--variant", "wrong", "--sweep", "length=16,32", "--device", "cpu",
        "--minutes", 0.05, "--output", tmp_path / "sweep", "--rounds", 2, "--iterations", 1,
    )  # fmt: skip
    assert result.exit_code == 1
    assert "variant wrong (eager) is wrong and was not timed there" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--sweep", "rows=3"), "workload 'adding' has no parameter 'rows'"),
        (("--sweep", "length=1..9"), "does not say its step"),
        (("--sweep", "length=1,2", "--set", "length=3"), "length is swept and set as well"),
        (("--sweep", "length=1,2", "--collector", "torch"), "a sweep times and records nothing"),
        (("--minutes", 3), "only a sweep has minutes"),
        (("--resume", "nowhere"), "is not a sweep: it has no sweep.json"),
    ],
)
def test_what_can_not_be_swept_is_refused_in_a_line(file, arguments, says):
    result = run("profile", "--workload", file, "--device", "cpu", *arguments)
    assert result.exit_code == 2 and says in " ".join(result.stderr.replace("│", " ").split()), result.output


def test_values_that_a_workload_refuses_are_refused_at_once(tmp_path):
    arguments = ("--sweep", "count=0,4", "--sweep", "bytes=64", "--device", "cpu", "--output", tmp_path / "sweep")
    result = run("profile", *arguments)
    assert result.exit_code == 2 and "count: 0 is not between 1 and 10000" in result.stderr
    assert not (tmp_path / "sweep").exists()
