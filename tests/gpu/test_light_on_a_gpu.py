"""What the light recorder says of times that are known: spins put into one place, and launches timed without it.

Closure can't see a time that is booked in the wrong row; these can.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.gpu

if importlib.util.find_spec("torch") is None:
    pytest.skip("no CUDA GPU here: the measuring paths are tested on the CPU only", allow_module_level=True)
import torch

if not torch.cuda.is_available():
    pytest.skip("no CUDA GPU here: the measuring paths are tested on the CPU only", allow_module_level=True)

from launchlens.profiling.collectors.light.session import WITHOUT
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.studies.study import study
from launchlens.traces.thresholds import THRESHOLDS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
#: Where each place's time must come back: lane and state.
ROWS = {
    "python": ("host", "python"),
    "op": ("host", "dispatch"),
    "call": ("host", "api"),
    "launch": ("host", "launch"),
    "device": ("device", "kernel"),
}


def environment(**more):
    kept = {
        name: value for name, value in os.environ.items() if name not in (WITHOUT, "LD_PRELOAD", "LAUNCHLENS_LIGHT")
    }
    return kept | more


@pytest.fixture(scope="module")
def spins(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spins")
    library = folder / "slow.so"
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", str(HERE / "known" / "slow.c"), "-o", str(library), "-ldl"], check=True
    )
    command = [sys.executable, str(ROOT / "cli.py"), "profile", "--workload", str(HERE / "known" / "spins.py")]
    ran = subprocess.run(
        [*command, "--rounds", "40", "--output", str(folder / "capture")],
        env=environment(LD_PRELOAD=str(library)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return study(read_capture(folder / "capture"))


@pytest.mark.parametrize("us", [20, 50, 100])
@pytest.mark.parametrize("place", list(ROWS))
def test_a_known_time_comes_back_in_its_own_row(spins, place, us):
    found = spins.compared(f"{place}-{us}", f"{place}-0", "eager").explained
    assert found is not None and not found.changes_pace
    lane, state = ROWS[place]
    rows = {(part.lane, part.state): part.ns for part in found.parts}
    assert rows[lane, state] == pytest.approx(us * 1000, rel=0.10)
    others = {row: ns for row, ns in rows.items() if row != (lane, state)}
    assert all(abs(ns) < 0.10 * us * 1000 for ns in others.values()), others


@pytest.fixture(scope="module")
def launches(tmp_path_factory):
    output = tmp_path_factory.mktemp("launches") / "launches.json"
    command = [sys.executable, str(HERE / "known" / "launches.py"), str(output)]
    ran = subprocess.run(
        command,
        env=environment(PYTHONPATH=os.environ.get("PYTHONPATH", "")),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(output.read_text())


def test_each_api_costs_what_it_costs_without_the_recorder(launches):
    loops = {name: row for name, row in launches.items() if row["loop"] == "C++" and not name.endswith("function")}
    assert len(loops) == 4  # a loop in C++ is its calls and nothing else: two ways to launch, a graph, a memcpy
    for name, row in loops.items():
        assert row["parts_ns"]["launch"] == pytest.approx(row["without_ns"], rel=0.10), name
    for name, row in launches.items():
        assert abs(row["not_attributed_ns"]) <= THRESHOLDS.closure * row["marginal_ns"], name
