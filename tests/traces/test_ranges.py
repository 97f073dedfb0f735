"""A range owns the work launched inside it on its own thread, nested ranges included."""

import numpy as np
import pandas as pd
from costly import costly
from hypothesis import given
from hypothesis import strategies as st

from events import events, gpu, host
from launchlens.traces.launches.join import find_launches
from launchlens.traces.problems import Problems
from launchlens.traces.ranges import range_instances, range_totals


def instances(rows):
    frame = events(rows)
    launches = find_launches(frame, Problems())
    return range_instances(frame, launches), launches, frame


def test_nested_ranges_both_own_the_work_and_other_threads_do_not():
    found, _, _ = instances(
        [
            host("range", "step", 0, 100),
            host("range", "forward", 10, 40),
            host("range", "elsewhere", 0, 100, thread="2"),
            host("api", "cudaLaunchKernel", 12, 15, correlation=1),
            host("api", "cudaMemcpyAsync", 50, 55, correlation=2),
            gpu("kernel", 20, 30, 1),
            gpu("memcpy", 120, 140, 2, copy_kind="DtoH"),
        ]
    )
    rows = found.set_index("name")[["launches", "kernels", "memcpys", "gpu_projection_ns", "gpu_ns"]]
    assert list(rows.loc["step"]) == [2, 1, 1, 120, 30]
    assert list(rows.loc["forward"]) == [1, 1, 0, 10, 10]
    assert list(rows.loc["elsewhere", ["launches", "kernels", "memcpys", "gpu_ns"]]) == [0, 0, 0, 0]
    assert rows.loc["elsewhere", "gpu_projection_ns"] is pd.NA


def test_totals_sum_instances_and_put_the_longest_first():
    found, _, _ = instances([host("range", "a", 0, 5), host("range", "b", 6, 60), host("range", "a", 70, 80)])
    totals = range_totals(found)
    assert list(totals["name"].astype(str)) == ["b", "a"]
    assert list(totals["instances"]) == [1, 2]
    assert list(totals["host_ns"]) == [54, 15]


@costly
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40), st.sampled_from(["1", "2"])), min_size=1, max_size=12),
    st.lists(
        st.tuples(st.integers(0, 90), st.sampled_from(["1", "2"]), st.integers(0, 30), st.integers(1, 9)), max_size=20
    ),
)
def test_any_ranges_own_what_a_plain_search_finds(ranges, calls):
    rows = [
        host("range", f"r{i}", start, start + length, thread=thread) for i, (start, length, thread) in enumerate(ranges)
    ]
    for number, (start, thread, wait, length) in enumerate(calls, 1):
        rows.append(host("api", "cudaLaunchKernel", start, start + 1, thread=thread, correlation=number))
        rows.append(gpu("kernel", start + wait, start + wait + length, number))
    found, _, _ = instances(rows)
    by_name = found.set_index("name")
    for i, (low, length, thread) in enumerate(ranges):
        inside = [(s + w, s + w + n) for s, t, w, n in calls if t == thread and low <= s < low + length]
        row = by_name.loc[f"r{i}"]
        assert row["launches"] == len(inside)
        assert row["gpu_ns"] == sum(end - start for start, end in inside)
        expected = max(end for _, end in inside) - min(start for start, _ in inside) if inside else pd.NA
        assert row["gpu_projection_ns"] is expected or row["gpu_projection_ns"] == expected
    assert np.array_equal(found["host_ns"], found["end_ns"] - found["start_ns"])
