"""The account sums to its window exactly, whatever the events, and puts known time into known cells."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from events import events, gpu, host
from launchlens.traces.account import DEVICE_STATES, HOST_STATES, Accountant, count_late_work
from launchlens.traces.launches.join import find_launches
from launchlens.traces.problems import Problems

API_NAMES = ["cudaLaunchKernel", "cudaMemcpyAsync", "cudaDeviceSynchronize", "cudaFree", "cuLaunchKernelEx"]


def accountant(frame, device=0):
    problems = Problems()
    return Accountant(frame, find_launches(frame, problems), process=0, thread=0, device=device)


def cell(account, host_state, device_state):
    return int(account.cells[HOST_STATES.index(host_state), DEVICE_STATES.index(device_state)])


def test_each_state_gets_its_time():
    frame = events(
        [
            host("range", "variant:copy_", 0, 100),
            host("op", "aten::copy_", 10, 40),
            host("api", "cudaMemcpyAsync", 15, 30, correlation=5),
            host("api", "cudaEventRecord", 42, 45),
            host("overhead", "Buffer Flush", 46, 48),
            host("api", "cudaDeviceSynchronize", 50, 90, correlation=6),
            gpu("memcpy", 35, 60, 5, copy_kind="DtoD"),
        ]
    )
    account = accountant(frame).account([0], [100], "all of it")
    assert account.host() == {
        "python": 10 + 2 + 1 + 2 + 10,
        "dispatch": 5 + 10,
        "launch": 15,
        "sync": 40,
        "api": 3,
        "profiler": 2,
    }
    assert account.on_device() == {
        "kernel": 0,
        "memcpy": 25,
        "memset": 0,
        "kernel+memcpy": 0,
        "graph": 0,
        "unknown": 0,
        "idle": 75,
    }
    assert cell(account, "dispatch", "memcpy") == 5
    assert cell(account, "sync", "memcpy") == 10
    assert account.window_ns == 100 == account.cells.sum()


def test_a_driver_call_inside_a_launch_is_part_of_the_launch():
    frame = events(
        [
            host("api", "cudaLaunchKernel", 0, 10, correlation=1),
            host("api", "cuLaunchKernel", 2, 8, correlation=1, layer="driver"),
            host("api", "cuCtxGetCurrent", 8, 9, layer="driver"),
            gpu("kernel", 12, 20, 1),
        ]
    )
    assert accountant(frame).account([0], [20], "").host()["launch"] == 10


def test_a_kernel_and_a_memcpy_at_once_are_a_state_of_their_own():
    frame = events(
        [gpu("kernel", 0, 10), gpu("memcpy", 6, 14, stream=9), gpu("memset", 12, 20, stream=9), host("op", "x", 0, 1)]
    )
    device = accountant(frame).account([0], [25], "").on_device()
    assert device == {"kernel": 6, "memcpy": 4, "memset": 6, "kernel+memcpy": 4, "graph": 0, "unknown": 0, "idle": 5}


def test_a_graph_recorded_whole_is_a_state_where_nothing_more_specific_runs():
    frame = events([gpu("graph", 0, 40), gpu("kernel", 10, 20), gpu("memset", 35, 50), host("op", "x", 0, 1)])
    device = accountant(frame).account([0], [60], "").on_device()
    assert device == {
        "kernel": 10,
        "memcpy": 0,
        "memset": 15,
        "kernel+memcpy": 0,
        "graph": 25,
        "unknown": 0,
        "idle": 10,
    }


def test_a_thread_is_named_with_its_process_only_where_host_events_come_from_several():
    rows = [host("api", "cudaFree", 0, 1), gpu("kernel", 0, 1, process="2")]
    assert accountant(events(rows)).thread_name == "1"
    frame = events([*rows, host("op", "x", 5, 6, process="3")])
    assert accountant(frame).thread_name == "1 of process 1"
    # readers may number processes and threads together: a category is no process
    frame = events(rows)
    frame["process"] = frame["process"].cat.add_categories(["7"])
    assert accountant(frame).thread_name == "1"


def test_other_threads_and_devices_are_left_out():
    frame = events([host("op", "mine", 0, 10), host("op", "theirs", 0, 30, thread="2"), gpu("kernel", 0, 20, device=1)])
    account = accountant(frame).account([0], [30], "")
    assert account.host()["dispatch"] == 10
    assert account.on_device()["idle"] == 30


def test_windows_that_overlap_count_once():
    frame = events([host("op", "x", 0, 10)])
    assert accountant(frame).account([0, 5], [8, 12], "").window_ns == 12


kinds = st.sampled_from(["range", "op", "api", "overhead", "kernel", "memcpy", "memset", "graph"])
event = st.tuples(
    kinds, st.integers(-50, 200), st.integers(0, 90), st.sampled_from(API_NAMES), st.integers(1, 6) | st.none()
)
windows = st.lists(st.tuples(st.integers(-80, 250), st.integers(0, 60)), min_size=1, max_size=5)


def made(rows):
    made_rows = []
    for kind, start, length, name, correlation in rows:
        row = {"kind": kind, "name": name if kind == "api" else kind, "start_ns": start, "dur_ns": length}
        if kind in {"api", "kernel", "memcpy", "memset", "graph"}:
            row["correlation"] = correlation
        made_rows.append(row)
    return events([host("op", "anchor", 0, 1), *made_rows])


@given(st.lists(event, max_size=30), windows)
def test_the_cells_sum_to_the_window_for_any_events(rows, cuts):
    account = accountant(made(rows)).account([low for low, _ in cuts], [low + length for low, length in cuts], "")
    covered = {moment for low, length in cuts for moment in range(low, low + length)}
    assert account.cells.min() >= 0
    assert int(account.cells.sum()) == account.window_ns == len(covered)


@given(st.lists(event, max_size=30), st.lists(st.integers(0, 40), min_size=1, max_size=6))
def test_windows_one_by_one_add_up_to_all_of_them(rows, lengths):
    keeper = accountant(made(rows))
    ends = np.cumsum(np.array(lengths) + 3)
    starts = ends - np.array(lengths)
    each = keeper.per_window(starts, ends)
    assert list(each.sum(axis=(1, 2))) == lengths
    assert np.array_equal(each.sum(axis=0), keeper.account(starts, ends, "").cells)


def test_work_that_outlasts_its_window_is_counted():
    frame = events([host("api", "cudaLaunchKernel", 0, 10, correlation=1), gpu("kernel", 12, 200, 1)])
    problems = Problems()
    launches = find_launches(frame, problems)
    count_late_work(launches, np.array([0]), np.array([100]), problems)
    assert problems["gpu-work-after-window"] == 1
    count_late_work(launches, np.array([0]), np.array([200]), problems)
    assert problems["gpu-work-after-window"] == 1
