"""The account sums to its window exactly, whatever the events, and puts known time into known cells."""

from dataclasses import replace

import numpy as np
import pytest
from costly import costly
from hypothesis import given
from hypothesis import strategies as st

from events import events, gpu, host, joined, trace, windows
from launchlens.traces.account import HOST_STATES, PRECEDENCE
from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.intervals import union
from launchlens.traces.joined import join
from launchlens.traces.problems import InputError
from launchlens.traces.threads import busiest_device, launching_thread
from launchlens.traces.windows import of_range, range_of_caller, whole_trace

#: What may be open on a host thread, in each state that it can put its thread in.
kinds_on_host = st.sampled_from(
    [
        ("range", "step"),
        ("range", "nccl:all_reduce"),
        ("op", "aten::mm"),
        ("api", "cudaFree"),
        ("api", "cudaLaunchKernel"),
        ("api", "cudaDeviceSynchronize"),
        ("overhead", "Buffer Flush"),
    ]
)
API_NAMES = ["cudaLaunchKernel", "cudaMemcpyAsync", "cudaDeviceSynchronize", "cudaFree", "cuLaunchKernelEx"]


def held(states):
    """The states that hold time."""
    return {state: ns for state, ns in states.items() if ns}


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
    account = windows(frame, [0], [100]).account
    assert held(account.host()) == {
        "python": 10 + 2 + 1 + 2 + 10,
        "dispatch": 5 + 10,
        "launch": 15,
        "sync": 40,
        "api": 3,
        "profiler": 2,
    }
    assert held(account.on_device()) == {"memcpy": 25, "idle": 75}
    assert account.of_cell("dispatch", "memcpy") == [5]
    assert account.of_cell("sync", "memcpy") == [10]
    assert account.total_ns == 100 and list(account.window_ns) == [100]


def test_a_driver_call_inside_a_launch_is_part_of_the_launch():
    frame = events(
        [
            host("api", "cudaLaunchKernel", 0, 10, correlation=1),
            host("api", "cuLaunchKernel", 2, 8, correlation=1, layer="driver"),
            host("api", "cuCtxGetCurrent", 8, 9, layer="driver"),
            gpu("kernel", 12, 20, 1),
        ]
    )
    assert windows(frame, [0], [20]).account.host()["launch"] == 10


def test_a_driver_call_inside_a_call_that_waits_is_part_of_the_wait():
    frame = events(
        [
            host("api", "cudaDeviceSynchronize", 0, 10),
            host("api", "cuCtxGetCurrent", 2, 8, layer="driver"),
            host("api", "cuCtxGetCurrent", 12, 15, layer="driver"),
        ]
    )
    host_states = windows(frame, [0], [20], device=None).account.host()
    assert (host_states["sync"], host_states["api"]) == (10, 3)


def test_the_device_is_that_of_the_thread_and_of_its_process():
    rows = [host("api", "cudaLaunchKernel", 0, 1, correlation=1), gpu("kernel", 2, 3, 1, process="1", device=4)]
    for number in range(2, 5):  # the same thread number in another process, with more work on another device
        rows.append(host("api", "cudaLaunchKernel", number, number + 1, correlation=number, process="2"))
        rows.append(gpu("kernel", number + 1, number + 2, number, process="2", device=7))
    launches = joined(events(rows)).launches
    frame = events(rows)
    process = list(frame["process"].cat.categories)
    assert busiest_device(frame, launches, process.index("1"), 0) == 4
    assert busiest_device(frame, launches, process.index("2"), 0) == 7
    assert launching_thread(launches) == (process.index("2"), 0)


def test_a_kernel_and_a_memcpy_at_once_are_a_state_of_their_own():
    frame = events(
        [gpu("kernel", 0, 10), gpu("memcpy", 6, 14, stream=9), gpu("memset", 12, 20, stream=9), host("op", "x", 0, 1)]
    )
    device = windows(frame, [0], [25]).account.on_device()
    assert held(device) == {"kernel": 6, "memcpy": 4, "memset": 6, "kernel+memcpy": 4, "idle": 5}


def test_a_graph_recorded_whole_is_a_state_where_nothing_more_specific_runs():
    frame = events([gpu("graph", 0, 40), gpu("kernel", 10, 20), gpu("memset", 35, 50), host("op", "x", 0, 1)])
    device = windows(frame, [0], [60]).account.on_device()
    assert held(device) == {"kernel": 10, "memset": 15, "graph": 25, "idle": 10}


def test_collectives_are_a_state_of_their_own_alone_and_beside_other_work():
    nccl = "ncclDevKernel_AllReduce_Sum_f32_RING_LL(ncclDevKernelArgsStorage<4096ul>)"
    frame = events(
        [
            gpu("kernel", 0, 40, name=nccl),
            gpu("kernel", 10, 20, stream=9),
            gpu("memcpy", 15, 30, stream=11),
            gpu("memset", 35, 50, stream=9),
            host("op", "x", 0, 1),
        ]
    )
    device = windows(frame, [0], [60]).account.on_device()
    assert held(device) == {
        "communication": 10 + 10,
        "kernel+communication": 10,
        "communication+memcpy": 10,
        "memset": 10,
        "idle": 10,
    }


def test_a_thread_is_named_with_its_process_only_where_host_events_come_from_several():
    rows = [host("api", "cudaFree", 0, 1), gpu("kernel", 0, 1, process="2")]
    assert windows(events(rows), [0], [1]).thread_name == "1"
    frame = events([*rows, host("op", "x", 5, 6, process="3")])
    assert windows(frame, [0], [1]).thread_name == "1 of process 1"
    # readers may number processes and threads together: a category is no process
    frame = events(rows)
    frame["process"] = frame["process"].cat.add_categories(["7"])
    assert windows(frame, [0], [1]).thread_name == "1"


def test_other_threads_and_devices_are_left_out():
    frame = events([host("op", "mine", 0, 10), host("op", "theirs", 0, 30, thread="2"), gpu("kernel", 0, 20, device=1)])
    account = windows(frame, [0], [30]).account
    assert account.host()["dispatch"] == 10
    assert account.on_device()["idle"] == 30


def test_windows_that_overlap_are_refused():
    with pytest.raises(ValueError, match="overlap"):
        _ = windows(events([host("op", "x", 0, 10)]), [0, 5], [8, 12]).account


def test_instances_inside_another_of_their_name_count_once():
    rows = [host("range", "r", 0, 10), host("range", "r", 2, 5), host("range", "r", 8, 12), host("range", "r", 12, 15)]
    made = range_of_caller(joined(events(rows)), "r")
    assert (list(made.start_ns), list(made.end_ns)) == ([0, 12], [10, 15])
    assert made.covers == "2 instances of range 'r'"


def test_instances_that_share_a_moment_are_one_window_on_whichever_threads():
    rows = [host("range", "r", 0, 10), host("range", "r", 2, 5), host("range", "r", 8, 12, thread="2")]
    rows += [host("range", "r", 12, 15), host("range", "r", 30, 31, process="2")]
    made = of_range(joined(events(rows)), "r")
    assert (list(made.start_ns), list(made.end_ns)) == ([0, 12], [12, 15])
    assert made.covers == "4 instances of range 'r', in 2 windows"


# -- the lane of a process


def test_a_process_is_in_the_first_state_that_one_of_its_threads_is_in():
    rows = [
        host("range", "step", 0, 100),
        host("api", "cudaDeviceSynchronize", 60, 90),
        host("op", "aten::mm", 20, 40, thread="2"),
        host("api", "cudaLaunchKernel", 25, 30, thread="2", correlation=1),
        host("api", "cudaEventQuery", 65, 70, thread="3"),
        host("overhead", "Buffer Flush", 95, 120, thread="3"),
        gpu("kernel", 30, 130, 1),
    ]
    whole = whole_trace(joined(events(rows)))
    assert whole is not None and whole.thread_name is None
    assert held(whole.account.host()) == {
        "python": 20 + 20 + 10,
        "dispatch": 5 + 10,
        "launch": 5,
        "api": 5,
        "sync": 25,
        "profiler": 20,
        "not-recorded": 10,
    }


def test_nothing_is_called_python_without_a_range_of_a_python_process():
    rows = [
        host("range", "step", 0, 100),
        host("range", "nccl:all_reduce", 110, 120),  # c10d's own, in C++
        host("api", "cudaLaunchKernel", 10, 20, correlation=1),
        host("op", "aten::mm", 130, 140),
    ]
    frame = events(rows)
    python = whole_trace(joined(frame))
    program = whole_trace(join(replace(trace(rows), python_processes=frozenset())))
    assert python is not None and program is not None
    assert held(python.account.host()) == {"python": 90, "launch": 10, "dispatch": 20, "not-recorded": 20}
    assert held(program.account.host()) == {"launch": 10, "dispatch": 20, "not-recorded": 110}


def test_where_a_range_covers_all_of_one_thread_the_lanes_of_thread_and_process_are_those_of_a_known_caller():
    rows = [host("range", "all", 0, 100), host("op", "aten::mm", 20, 40), host("api", "cudaLaunchKernel", 25, 30)]
    made = joined(events(rows))
    whole = whole_trace(made)
    alone = whole_trace(made, (0, 0))
    assert whole is not None and alone is not None
    assert (whole.account.cells == windows(events(rows), [0], [100], device=None).account.cells).all()
    assert (whole.account.cells == alone.account.cells).all()


threads = st.sampled_from(["1", "2", "3"])


@costly
@given(st.lists(st.tuples(kinds_on_host, st.integers(0, 60), st.integers(0, 40), threads), min_size=1, max_size=25))
def test_the_lane_of_a_process_is_what_its_threads_are_in_moment_by_moment(rows):
    frame = events(host(kind, name, at, at + length, thread=thread) for (kind, name), at, length, thread in rows)
    made = joined(frame)
    process = made.process_lane(0)
    lanes = [made.evident_lane(0, code) for code in range(len(frame["thread"].cat.categories))]
    moments = np.arange(-2, 110)
    of_threads = np.stack([lane.at(moments) for lane in lanes])
    wanted = [min((HOST_STATES[state] for state in each), key=PRECEDENCE.index) for each in of_threads.T]
    assert [HOST_STATES[state] for state in process.at(moments)] == wanted


def test_each_device_has_an_account_of_the_process_that_launched_on_it():
    rows = [
        host("api", "cudaLaunchKernel", 0, 10, correlation=1),
        host("api", "cudaLaunchKernel", 10, 20, correlation=2),
        host("api", "cudaLaunchKernel", 50, 70, correlation=1, process="2"),
        gpu("kernel", 20, 30, 1, process="1", device=4),
        gpu("kernel", 40, 60, 2, process="1", device=4),
        gpu("kernel", 80, 100, 1, process="2", device=5),
    ]
    made = as_document(analyze(trace(rows)))
    assert made.account == made.accounts[0]
    assert [(row.process, row.thread, row.device) for row in made.accounts] == [("1", None, "4"), ("2", None, "5")]
    assert [sum(cell.ns for cell in row.cells) for row in made.accounts] == [100, 100]
    assert [sum(cell.ns for cell in row.cells if cell.host == "launch") for row in made.accounts] == [20, 20]


def test_one_thread_is_asked_for_by_its_id_or_by_what_results_call_it():
    rows = [host("op", "x", 0, 10, thread="7"), host("op", "x", 20, 25, thread="7", process="2")]
    made = trace([*rows, host("op", "x", 40, 41, thread="8")])
    with pytest.raises(InputError, match=r"several threads '7' \(say which: '7 of process 1', '7 of process 2'\)"):
        analyze(made, thread="7")
    with pytest.raises(InputError, match="holds no thread '9'"):
        analyze(made, thread="9")
    for asked, spent in (("7 of process 2", 5), ("8", 1)):
        accounted = analyze(made, thread=asked).slice
        assert accounted is not None
        assert held(accounted.account.host()) == {"dispatch": spent, "not-recorded": 41 - spent}


kinds = st.sampled_from(["range", "op", "api", "overhead", "kernel", "memcpy", "memset", "graph"])
event = st.tuples(
    kinds, st.integers(-50, 200), st.integers(0, 90), st.sampled_from(API_NAMES), st.integers(1, 6) | st.none()
)
cuts = st.lists(st.tuples(st.integers(-80, 250), st.integers(0, 60)), min_size=1, max_size=5)


def made(rows):
    made_rows = []
    for kind, start, length, name, correlation in rows:
        row = {"kind": kind, "name": name if kind == "api" else kind, "start_ns": start, "dur_ns": length}
        if kind in {"api", "kernel", "memcpy", "memset", "graph"}:
            row["correlation"] = correlation
        made_rows.append(row)
    return events([host("op", "anchor", 0, 1), *made_rows])


@costly
@given(st.lists(event, max_size=30), cuts)
def test_the_cells_sum_to_the_window_for_any_events(rows, cuts):
    low, high = (np.array(side) for side in zip(*((low, low + length) for low, length in cuts), strict=True))
    account = windows(made(rows), *union(low, high)).account
    covered = {moment for low, length in cuts for moment in range(low, low + length)}
    assert account.cells.min(initial=0) >= 0
    assert account.total_ns == len(covered)
    assert sum(account.host().values()) == sum(account.on_device().values()) == len(covered)


@costly
@given(st.lists(event, max_size=30), st.lists(st.integers(0, 40), min_size=1, max_size=6))
def test_windows_one_by_one_add_up_to_all_of_them(rows, lengths):
    ends = np.cumsum(np.array(lengths) + 3)
    starts = ends - np.array(lengths)
    of_all = windows(made(rows), starts, ends)
    assert list(of_all.account.window_ns) == lengths
    each = [
        replace(of_all, start_ns=np.array([start]), end_ns=np.array([end])).account
        for start, end in zip(starts, ends, strict=True)
    ]
    account = of_all.account
    assert np.array_equal(account.cells, np.concatenate([one.cells for one in each]))


def test_work_that_outlasts_its_window_is_counted():
    rows = [
        host("range", "short", 0, 100),
        host("api", "cudaLaunchKernel", 0, 10, correlation=1),
        gpu("kernel", 12, 200, 1),
    ]
    assert analyze(trace(rows), range_name="short").problems["gpu-work-after-window"] == 1
    whole = whole_trace(joined(events(rows)))
    assert whole is not None and not whole.problems["gpu-work-after-window"]
    assert of_range(joined(events(rows)), "short").outlasted


def test_a_difference_of_accounts_is_an_account():
    frame = events([host("op", "x", 0, 10), gpu("kernel", 5, 8)])
    more, less = windows(frame, [0], [10]).account, windows(frame, [5], [10]).account
    difference = more.less(less)
    assert difference.total_ns == 5 and difference.on_device()["kernel"] == 0
    assert {cell.device: cell.ns for cell in difference.rows()} == {"idle": 5}
    with pytest.raises(ValueError, match="1 windows less 2"):
        more.less(windows(frame, [0, 5], [3, 9]).account)
