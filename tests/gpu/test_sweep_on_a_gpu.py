"""A sweep on a GPU: what is launched is counted as the code says, memory is given back, and what does not fit is skipped."""

import importlib.util
import os
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
from launchlens.traces.sweeps.sweep import read_sweep

ROOT = Path(__file__).parents[2]
#: Launches of an iteration and nodes of its graph, by variant and number of copies.
COUNTS = {
    "copy_": lambda copies: (copies, copies),
    "triton-per-tensor": lambda copies: (copies, copies),
    "foreach": lambda copies: (1, 1),
    "triton-table": lambda copies: (1, 1),
    "triton-batched": lambda copies: (1, 1),
}


def swept(folder, *arguments, **environment):
    kept = {
        name: value for name, value in os.environ.items() if name not in (WITHOUT, "LD_PRELOAD", "LAUNCHLENS_LIGHT")
    }
    ran = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "profile", "--device", "cuda", "--output", str(folder), *arguments],
        env=kept | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return read_sweep(folder)


@pytest.mark.parametrize("environment", [{}, {WITHOUT: "1"}], ids=["light recorder", "captured graphs alone"])
def test_launches_and_nodes_are_counted_as_the_code_says(tmp_path, environment):
    chosen = [part for name in COUNTS for part in ("--variant", name)]
    found = swept(
        tmp_path / "sweep", *chosen, "--sweep", "count=1,3,8", "--sweep", "bytes=4K,1M", "--minutes", "1", **environment
    )
    assert found.record.complete and found.record.costs is not None
    for point in found.record.points:
        assert len(point.reference_ns) >= 12 and min(point.reference_ns) > 10_000, "100 launches, once a round"
        for each in point.variants:
            assert (each.status, each.why) == ("measured", None), (point.settings, each)
            assert (each.launches, each.nodes) == COUNTS[each.variant](point.settings["count"]), (point.settings, each)
            assert each.bytes == point.settings["count"] * point.settings["bytes"]
    rows = found.timings.groupby("point")["regime"].unique()
    assert all(set(regimes) == {"eager", "graph"} for regimes in rows)


def test_what_is_not_declared_has_the_arguments_of_its_kernels(tmp_path):
    """The metadata's variants declare nothing: signatures tell, in proportion to the kernels, of which none is without a parameter."""
    found = swept(tmp_path / "sweep", "--workload", "nsa-metadata", "--sweep", "backends=1,3", "--minutes", "1")
    for point in found.record.points:
        for each in point.variants:
            assert each.structure is None and each.arguments is not None and each.nodes is not None
            assert 0 < each.arguments <= 64 * each.nodes


def test_what_all_variants_together_have_no_room_for_is_skipped(tmp_path):
    """The copies of one point fill a third of the GPU for each of two variants; those of the next point are small again."""
    third = torch.cuda.get_device_properties(0).total_memory // 3 // 2 // 64 * 64
    count = third // (1 << 30) + 1
    found = swept(
        tmp_path / "sweep", "--variant", "copy_", "--variant", "foreach", "--sweep", f"count=1,{2 * count}",
        "--set", f"bytes={1 << 30}", "--minutes", "1", "--regime", "eager",
    )  # fmt: skip
    small, large = sorted(found.record.points[:2], key=lambda point: point.settings["count"])
    assert {each.status for each in small.variants} == {"measured"}
    assert all(each.status == "skipped" and each.why.startswith("out of memory") for each in large.variants)
