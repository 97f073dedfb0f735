"""What an iteration launches, told by the events that the light recorder saw."""

import numpy as np
import pytest

from launchlens.kernels.registry import Variant
from launchlens.profiling.collectors.light.recorder import Events
from launchlens.profiling.sweeps.counted import NOTHING, LaunchCounter, submitting
from launchlens.profiling.sweeps.memory import ran_out

NAMES = ["cudaLaunchKernel", "cudaEventRecord", "cuLaunchKernelEx", "cudaMemcpyAsync"]


def events(*rows):
    """Rows of start, end, name and thread."""
    start, end, what, thread = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Events(
        np.array(start, np.uint64), np.array(end, np.uint64), np.array([NAMES.index(one) for one in what], np.int64),
        np.array(thread, np.uint64), 0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "launches"),
    [
        ((), 0),
        (((0, 5, "cudaEventRecord", 1),), 0),
        (((0, 5, "cudaLaunchKernel", 1), (6, 9, "cudaMemcpyAsync", 1), (9, 12, "cuLaunchKernelEx", 1)), 3),
        (((1, 4, "cuLaunchKernelEx", 1), (0, 5, "cudaLaunchKernel", 1), (6, 9, "cudaLaunchKernel", 1)), 2),
        (((0, 5, "cudaLaunchKernel", 1), (1, 4, "cudaLaunchKernel", 2)), 2),
        (((0, 9, "cudaEventRecord", 1), (1, 4, "cudaLaunchKernel", 1)), 1),
    ],
)
def test_a_call_inside_another_is_the_same_launch(rows, launches):
    assert submitting(events(*rows), NAMES) == launches


def test_on_the_cpu_nothing_is_counted_and_nothing_called():
    def fails():
        raise AssertionError("called")

    variant = Variant("any", "made", lambda inputs: fails, (), ("eager", "graph"), "")
    assert LaunchCounter("cpu").of(fails, variant) == NOTHING


@pytest.mark.parametrize(
    ("why", "ran"),
    [
        ("OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB", True),
        ("RuntimeError: CUDA error: out of memory", True),
        ("RuntimeError: [enforce fail at alloc_cpu.cpp:121] data. DefaultCPUAllocator: can't allocate memory", True),
        ("RuntimeError: an illegal memory access was encountered", False),
        (None, False),
    ],
)
def test_whether_memory_ran_out_is_told_by_what_was_raised(why, ran):
    assert ran_out(why) is ran
