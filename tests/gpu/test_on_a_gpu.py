"""What only a CUDA GPU can show. It asserts physics (what was copied, launched and counted), nobody's microseconds.

Run on a machine with a GPU: `python -m pytest -m gpu`.
"""

import importlib.util
import json

import pytest

pytestmark = pytest.mark.gpu


def has_cuda():
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


if not has_cuda():
    pytest.skip("no CUDA GPU here: the measuring paths are tested on the CPU only", allow_module_level=True)

from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.studies.study import study


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpu") / "capture"
    result = CliRunner().invoke(
        app, ["profile", "--device", "cuda", "--rounds", "10", "--output", str(folder), "--json"]
    )
    assert result.exit_code == 0, result.output
    return study(read_capture(folder)), json.loads(result.stdout)


EXPECTED = {
    "copy_": {"kernels": 0, "memcpys": 7},
    "triton-per-tensor": {"kernels": 7, "memcpys": 0},
    "triton-batched": {"kernels": 1, "memcpys": 0},
    "foreach": {"kernels": 1, "memcpys": 0},
}


def test_every_variant_was_measured_in_both_regimes(made):
    found, document = made
    assert set(found.sides) == {(variant, regime) for variant in EXPECTED for regime in ("eager", "graph")}
    assert document["not_measured"] == [] and document["measured_here"] and document["complete"]


@pytest.mark.parametrize("regime", ["eager", "graph"])
@pytest.mark.parametrize("variant", list(EXPECTED))
def test_work_per_iteration_counted_in_the_trace(made, variant, regime):
    recording = made[0].sides[variant, regime].recording
    counts = {kind: recording.counts[kind] for kind in ("kernels", "memcpys")}
    if variant == "copy_" and regime == "graph":
        # a device-to-device memcpy node runs as a kernel of the driver's (memcpy32_post on an H200), and is recorded as one
        counts = {"kernels": 0, "memcpys": sum(counts.values())}
    assert counts == EXPECTED[variant]
    launches = 1 if regime == "graph" else sum(EXPECTED[variant].values())
    assert recording.counts["launches"] == launches
    assert 0 < recording.gpu_busy_ns <= recording.profiled_ns


def test_accounts_sum_and_nothing_outlasts_its_window(made):
    found, _ = made
    for problems in found.problems.values():
        assert problems["gpu-work-after-window"] == 0
        assert problems["no-gpu-records"] == 0
    for side in found.sides.values():
        assert side.recording.account.cells.min() >= 0
        assert side.device is not None and 0 < side.device.value


def test_the_environment_names_the_gpu_and_its_clocks(made):
    environment = made[1]["environment"]
    assert environment["gpu"] and environment["driver"] and environment["cuda"]
    assert environment["clocks"]["sm_mhz"] > 0
