"""`launchlens.record` on a GPU: what code of the user's own launched is in the capture, counted and accounted for."""

import importlib.util

import pytest

pytestmark = pytest.mark.gpu

if importlib.util.find_spec("torch") is None:
    pytest.skip("no CUDA GPU here: the measuring paths are tested on the CPU only", allow_module_level=True)
import torch

if not torch.cuda.is_available():
    pytest.skip("no CUDA GPU here: the measuring paths are tested on the CPU only", allow_module_level=True)

from typer.testing import CliRunner

import launchlens
from launchlens.cli import app

#: Of nine passes these are recorded and timed; of one, so many kernels (two of torch's, one of the user's own) and copies.
RECORDED, TIMED = 3, 4
KERNELS, COPIES = 3, 2
LAUNCHES = KERNELS + COPIES
ADD_ONE = 'extern "C" __global__ void add_one(float* x, int n) { int i = blockIdx.x * 256 + threadIdx.x; if (i < n) x[i] += 1; }'
COUNT = 1 << 20


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Passes of the user's own code: torch's kernels and copies, and a kernel of CUDA C++."""
    add_one = torch.cuda._compile_kernel(ADD_ONE, "add_one")
    x, y = torch.zeros(COUNT, device="cuda"), torch.empty(COUNT, device="cuda")
    out = torch.empty(COUNT).pin_memory()
    found = launchlens.record("step", tmp_path_factory.mktemp("record") / "capture")
    for _ in range(9):
        with found:
            y.copy_(x)
            y.mul_(2)
            add_one((COUNT // 256, 1, 1), (256, 1, 1), (y, COUNT))
            y.relu_()
            out.copy_(y, non_blocking=True)
        assert out[0] == out[-1] == 1, "a pass ends when the GPU is done"
    assert (found.recorded, found.timed) == (RECORDED, TIMED)
    found.close()
    return found


def test_what_a_pass_launches_is_counted(recording):
    trace = recording.trace
    kernels = trace.kernels().set_index("name")
    assert kernels["count"].sum() == RECORDED * KERNELS
    assert kernels.loc["add_one", "count"] == RECORDED and kernels.loc["add_one", "total_ns"] > 0
    copies = trace.copies()
    assert copies["count"].sum() == RECORDED * COPIES and copies["bytes"].sum() == RECORDED * COPIES * COUNT * 4
    ranges = trace.ranges().set_index("name")
    counted = ranges.loc["variant:step", ["instances", "launches", "kernels", "memcpys"]].tolist()
    assert counted == [RECORDED, RECORDED * LAUNCHES, RECORDED * KERNELS, RECORDED * COPIES]
    operators = trace.operators().set_index("name")
    assert [operators.loc[name, "calls"] for name in ("aten::mul_", "aten::relu_")] == [RECORDED, RECORDED]
    unseen = {"no-gpu-records", "gpu-not-recorded", "launch-without-gpu-record", "work-unrecorded"}
    assert not unseen & set(trace.problems()["code"])


def test_passes_are_steps(recording):
    steps = launchlens.open(recording.trace.path, steps="variant:step").steps()
    assert len(steps) == RECORDED and steps["launches"].tolist() == [LAUNCHES] * RECORDED
    assert (steps["gpu_busy_ns"] > 0).all()


def test_the_account_of_the_range_sums_to_its_time(recording):
    trace = recording.trace
    account = trace.account(range="variant:step")
    assert account["ns"].sum() == trace.ranges().set_index("name").loc["variant:step", "host_ns"]
    on_device = account.groupby("device")["ns"].sum()
    assert on_device["kernel"] > 0 and on_device["memcpy"] > 0 and on_device["idle"] > 0


def test_nothing_outlasts_its_pass_and_sessions_do_not_mix(recording):
    events = recording.trace.events
    work = events[events["kind"].isin(["kernel", "memcpy", "memset"])]
    blocks = events[(events["name"] == "variant:step") & (events["kind"] == "range")].sort_values("start_ns")
    start, end = blocks["start_ns"].to_numpy(), (blocks["start_ns"] + blocks["dur_ns"]).to_numpy()
    assert len(blocks) == RECORDED and (start[1:] > end[:-1]).all()
    begins, done = work["start_ns"].to_numpy()[:, None], (work["start_ns"] + work["dur_ns"]).to_numpy()[:, None]
    assert ((begins >= start) & (done <= end)).sum(axis=0).tolist() == [LAUNCHES] * RECORDED


def test_the_capture_holds_times_without_a_profiler_and_contradicts_itself_nowhere(recording, tmp_path):
    capture = launchlens.open(recording.path)
    times = capture.times()
    assert list(times["variant"]) == ["step"] and times["wall_ns"].item() > 0
    gate = {"capture-disagrees", "counts-differ", "gpu-work-after-window", "no-gpu-records"}
    assert not gate & set(capture.problems()["code"])
    assert capture.manifest.environment["gpu"]
    answer = CliRunner().invoke(app, ["report", str(recording.path), "--output", str(tmp_path / "report.html")])
    assert answer.exit_code == 0 and "step" in answer.stdout


def test_code_entered_once_is_one_recorded_pass(tmp_path):
    x = torch.ones(1024, device="cuda")
    torch.cuda.synchronize()
    with launchlens.record("once", tmp_path / "once") as once:
        x.mul_(2)
        x.relu_()
    assert (once.recorded, once.timed) == (1, 0)
    assert once.trace.kernels()["count"].sum() == 2
    assert once.trace.ranges().set_index("name").loc["variant:once", "kernels"] == 2
