"""What a recorder leaves out of graph replays: it is named, and its time is never idle time."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from costly import costly
from hypothesis import given
from hypothesis import strategies as st

from events import events, gpu, host, joined, trace, windows
from launchlens.traces.account import DEVICE_STATES
from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.documents.structure import as_plain
from launchlens.traces.intervals import covered, moments, union
from launchlens.traces.launches.join import find_launches
from launchlens.traces.problems import Problems
from launchlens.traces.source import open_trace
from launchlens.traces.trace import Trace

ROOT = Path(__file__).parents[2]
CODES = ("graph-replay-unrecorded", "graph-replay-incomplete", "graph-replay-under-recorded")


def graph(start, correlation, *work, api="cudaGraphLaunch", nodes=True, **more):
    """A graph launch of 10 ns with its work, (start, end) pairs; the n-th has node n of graph 5 unless it says another."""
    rows = [host("api", api, start, start + 10, correlation=correlation, **more)]
    for number, (low, high, *node) in enumerate(work):
        ids = {"graph": 5, "graph_node": node[0] if node else number} if nodes else {}
        name = f"k{node[0] if node else number}"
        rows.append(gpu("kernel", low, high, correlation, name=name, **ids))
    return rows


def sync(start, end, api="cudaDeviceSynchronize", **more):
    return host("api", api, start, end, **more)


def of(*rows):
    """The problems of some rows, by code, and the device's states over the whole trace."""
    found = analyze(trace([row for part in rows for row in (part if isinstance(part, list) else [part])]))
    assert found.slice is not None
    states = {state: ns for state, ns in found.slice.account.on_device().items() if ns}
    assert sum(states.values()) == found.slice.end_ns[0] - found.slice.start_ns[0]
    return {problem.code: problem for problem in found.problems}, states


# -- a launch without any activity


def test_a_replay_that_was_not_recorded_is_unknown_until_the_wait_for_it_ends():
    problems, states = of(
        graph(0, 1, (20, 30)), sync(12, 40), graph(100, 2), sync(112, 180), host("range", "r", 0, 300)
    )
    assert states == {"kernel": 10, "unknown": 80, "idle": 210}
    problem = problems["graph-replay-unrecorded"]
    assert (problem.count, problem.ns, problem.severity) == (1, 80, "warning")
    assert problems["launch-without-gpu-record"].count == 1
    assert "not idle" in problem.meaning and problem.ns == 80


def test_on_one_stream_the_work_before_and_after_bounds_it():
    problems, states = of(
        graph(0, 1, (20, 60)), graph(30, 2), host("api", "cudaLaunchKernel", 45, 50, correlation=3),
        gpu("kernel", 90, 95, 3), sync(96, 100),
    )  # fmt: skip
    assert states == {"kernel": 45, "unknown": 30, "idle": 25}
    assert problems["graph-replay-unrecorded"].ns == 30


def test_a_gap_in_earlier_work_is_idle_still():
    _, states = of(graph(0, 1, (20, 40), (55, 60)), graph(30, 2), sync(62, 100))
    assert states == {"kernel": 25, "unknown": 40, "idle": 35}


def test_work_on_other_streams_bounds_nothing():
    rows = [host("api", "cudaLaunchKernel", 45, 50, correlation=3), gpu("kernel", 90, 95, 3, stream=8)]
    _, states = of(graph(0, 1, (20, 60)), graph(30, 2), rows, sync(96, 200))
    assert states == {"kernel": 45, "unknown": 135, "idle": 20}


def test_where_work_went_to_several_streams_a_wait_for_one_proves_nothing():
    other = [host("api", "cudaLaunchKernel", 45, 50, correlation=3), gpu("kernel", 60, 65, 3, stream=8)]
    rows = [*graph(0, 1, (20, 30)), *other, *graph(100, 2), host("range", "r", 0, 300)]
    assert of(rows, sync(112, 180, "cudaStreamSynchronize"))[1]["unknown"] == 200
    assert of(rows, sync(112, 180, "cudaDeviceSynchronize"))[1]["unknown"] == 80
    alone = [*graph(0, 1, (20, 30)), *graph(100, 2), host("range", "r", 0, 300)]
    assert of(alone, sync(112, 180, "cudaStreamSynchronize"))[1]["unknown"] == 80


def test_without_any_wait_it_is_unknown_to_the_end():
    _, states = of(graph(0, 1, (20, 30)), graph(100, 2), host("range", "r", 0, 300))
    assert states == {"kernel": 10, "unknown": 200, "idle": 90}


def test_a_wait_of_another_thread_proves_nothing_unless_it_is_for_the_whole_device():
    first = [*graph(0, 1, (20, 30)), *graph(100, 2), host("range", "r", 0, 300)]
    assert of(first, sync(112, 180, "cudaStreamSynchronize", thread="2"))[1]["unknown"] == 200
    assert of(first, sync(112, 180, "cudaDeviceSynchronize", thread="2"))[1]["unknown"] == 80


def test_a_wait_for_an_event_proves_what_was_launched_before_the_event():
    launches = [*graph(0, 1, (20, 30)), *graph(100, 2), host("range", "r", 0, 300)]
    waits = sync(150, 180, "cudaEventSynchronize")
    assert of(launches, waits)[1]["unknown"] == 200
    assert of(launches, host("api", "cudaEventRecord", 90, 95), waits)[1]["unknown"] == 200
    assert of(launches, host("api", "cudaEventRecord_v3020", 120, 125), waits)[1]["unknown"] == 80


def test_activities_that_were_recorded_elsewhere_are_not_missing():
    explained = (
        [gpu("kernel", 120, 140, None)],  # it may be the graph's: it has no id
        [gpu("kernel", 120, 140, 99)],
        [host("api", "cuGraphLaunch", 102, 108, correlation=4, layer="driver"), gpu("kernel", 120, 140, 4)],
    )
    for rows in explained:
        problems, states = of(graph(0, 1, (20, 30)), graph(100, 2), sync(112, 180), rows)
        assert "graph-replay-unrecorded" not in problems and "unknown" not in states, rows


def test_a_migration_of_managed_memory_explains_nothing():
    rows = [gpu("memcpy", 120, 130, None, copy_kind="UVM HtoD")]
    problems, _ = of(graph(0, 1, (20, 30)), graph(100, 2), sync(112, 180), rows)
    assert problems["graph-replay-unrecorded"].ns == 70


def test_a_trace_without_gpu_records_knows_nothing_of_the_device():
    document = as_plain(as_document(analyze(trace([*graph(0, 1), sync(12, 40)]))))
    assert {problem["code"] for problem in document["problems"]} == {"no-gpu-records"}
    assert {cell["device"] for cell in document["account"]["cells"]} == {None}


def test_kernels_without_records_are_no_replays():
    problems, states = of(
        graph(0, 1, (20, 30)), host("api", "cudaLaunchKernel", 100, 110, correlation=2), sync(112, 180)
    )
    assert not set(problems) & set(CODES)
    # what the kernel did until the wait for it returned is as unknown as a replay's work
    assert problems["work-unrecorded"].count == 1 and states["unknown"] == problems["work-unrecorded"].ns == 80


def test_each_device_that_the_thread_uses_may_have_run_it():
    rows = [
        *graph(0, 1, (20, 30)),
        host("api", "cudaMemcpyAsync", 32, 34, correlation=3),
        gpu("memcpy", 40, 50, 3, device=1),
        *graph(100, 2),
        sync(112, 180),
        host("api", "cudaGraphLaunch", 10, 11, correlation=9, thread="2"),
        gpu("kernel", 12, 13, 9, device=2, graph_node=77),
    ]
    unknown = joined(events(rows)).unknown
    assert {device: [side.tolist() for side in spans] for device, spans in unknown.items()} == {
        0: [[100], [180]],
        1: [[100], [180]],
    }


# -- a replay with fewer activities than others


def test_a_replay_that_lacks_nodes_is_unknown_where_nothing_was_recorded():
    problems, states = of(
        graph(0, 1, (20, 30), (32, 40), (41, 50)), sync(12, 60),
        graph(100, 2, (120, 130, 0), (141, 150, 2)), sync(112, 160),
    )  # fmt: skip
    assert states == {"kernel": 10 + 8 + 9 + 10 + 9, "unknown": 60 - 19, "idle": 73}
    problem = problems["graph-replay-incomplete"]
    assert (problem.count, problem.ns) == (1, 41)
    assert problem.meaning.endswith("not idle: 1 missing (kernel k1 × 1).")
    assert "launch-without-gpu-record" not in problems


def test_names_of_what_is_missing_steer_no_terminal():
    rows = [graph(0, 1, (20, 30), (40, 50)), sync(60, 70), graph(100, 2, (120, 130)), sync(160, 170)]
    named = [
        [row | {"name": "\x1b[31mk\n\u202e"} if row["name"] == "k1" else row for row in part]
        for part in rows
        if isinstance(part, list)
    ]
    problem = of(*named, sync(60, 70), sync(160, 170))[0]["graph-replay-incomplete"]
    assert problem.details == ("1 missing (kernel \ufffd[31mk\ufffd\ufffd × 1)",) and problem.meaning.isprintable()


def test_several_graphs_and_processes_are_told_apart_by_their_nodes():
    rows = [*graph(0, 1, (20, 30, 1), (31, 40, 2)), *graph(50, 2, (60, 70, 3))]
    other = [row | {"process": "2"} for row in graph(100, 9, (120, 130, 1))]
    first = [row | {"process": "1"} for row in rows]
    assert not set(of(first, other, sync(140, 150))[0]) & set(CODES)


def test_nodes_of_a_loop_may_run_any_number_of_times():
    rows = [*graph(0, 1, (20, 30, 1), (31, 40, 1), (41, 50, 1)), *graph(60, 2, (80, 90, 1))]
    assert not set(of(rows, sync(95, 100))[0]) & set(CODES)
    more = [*graph(110, 3, (120, 130, 1), (131, 140, 1), (141, 150, 2)), sync(151, 160)]
    problem = of(rows, sync(95, 100), more)[0]["graph-replay-incomplete"]
    assert (problem.count, problem.details) == (2, ("2 missing (kernel k2 × 2)",))


def replays_in_ranges(*counts, name="step"):
    """One replay of some kernels, k0 first, in each instance of a range, without any ids of graphs."""
    rows = []
    for number, count in enumerate(counts):
        at = 100 * number
        rows += [host("range", name, at, at + 100), sync(at + 12, at + 90)]
        rows += graph(at, number, *((at + 20 + 10 * each, at + 25 + 10 * each) for each in range(count)), nodes=False)
    return rows


def test_without_ids_the_odd_replay_of_a_range_is_told_by_the_names():
    problems, states = of(replays_in_ranges(3, 3, 2, 3))
    problem = problems["graph-replay-incomplete"]
    assert (problem.count, problem.details) == (1, ("1 missing (kernel k2 × 1)",))
    assert states["unknown"] == problem.ns == 90 - 10


@pytest.mark.parametrize(
    "counts",
    [
        (3, 2),  # which is the odd one?
        (3, 2, 3, 2),
        (1, 2, 1, 2),
        (5, 2, 5, 2),
        (4, 1, 4, 1),
        (2, 2, 3, 2),  # a larger graph among smaller ones
        (3, 3, 2, 2, 1),  # most are not alike
        (3, 3, 3, 3),
    ],
)
def test_without_ids_only_a_minority_that_lacks_something_is_odd(counts):
    assert not set(of(replays_in_ranges(*counts))[0]) & set(CODES)


def test_without_ids_a_replay_of_other_kernels_is_of_another_graph():
    rows = replays_in_ranges(3, 3, 3)
    other = [
        row | {"name": "other"}
        if row["kind"] == "kernel" and row["correlation"] == 1 and row["start_ns"] < 130
        else row
        for row in rows
    ]
    assert other != rows and not set(of(other)[0]) & set(CODES)


def test_without_ids_several_graphs_of_a_range_are_told_by_their_places():
    rows = []
    for number in range(4):
        at = 200 * number
        rows.append(host("range", "step", at, at + 200))
        rows += graph(at, 2 * number, (at + 20, at + 30), (at + 31, at + 40), nodes=False)
        rows += graph(at + 50, 2 * number + 1, (at + 70, at + 80), nodes=False)
        rows.append(sync(at + 100, at + 110))
    assert not set(of(rows)[0]) & set(CODES)


def test_whole_replays_are_one_activity_each():
    rows = [host("api", "cudaGraphLaunch", 0, 10, correlation=1), gpu("graph", 20, 40, 1, graph=3)]
    more = [host("api", "cudaGraphLaunch", 50, 60, correlation=2), gpu("graph", 70, 90, 2, graph=4)]
    problems, states = of(rows, more, sync(92, 100))
    assert not set(problems) & set(CODES) and states == {"graph": 40, "idle": 60}


# -- a host that waits on


def test_a_wait_that_lasts_on_after_all_that_was_recorded_is_no_idle_time():
    rows = [*graph(0, 1, (20, 1_000)), sync(12, 900_000)]
    problems, states = of(rows)
    assert states == {"kernel": 980, "unknown": 899_000, "idle": 20}
    problem = problems["graph-replay-under-recorded"]
    assert (problem.count, problem.ns) == (1, 899_000) and "899,000 ns" in problem.meaning


@pytest.mark.parametrize(
    "rows",
    [
        [sync(12, 60_000)],  # the host may take its time to see that the device is done
        [sync(12, 900_000), gpu("kernel", 500_000, 899_990, None)],
        [sync(12, 900_000), gpu("kernel", 500_000, 950_000, None)],
        [sync(12, 900_000), host("overhead", "Buffer Flush", 1_000, 899_000, thread="9")],
        [sync(12, 5_000), sync(5_010, 5_020), host("api", "cudaMemcpyAsync", 5_030, 5_040, correlation=8),
         gpu("memcpy", 5_050, 5_060, 8), sync(5_042, 900_000)],
    ],
)  # fmt: skip
def test_a_wait_with_another_explanation_is_not_held_against_the_recorder(rows):
    problems, states = of(graph(0, 1, (20, 1_000)), rows)
    assert not set(problems) & set(CODES) and "unknown" not in states


def test_a_wait_after_a_lost_kernel_is_not_held_against_the_replay_before_it():
    lost = [sync(12, 900_000), host("api", "cudaLaunchKernel", 10, 11, correlation=7)]
    problems, states = of(graph(0, 1, (20, 1_000)), lost)
    assert not set(problems) & set(CODES) and states["unknown"] == problems["work-unrecorded"].ns == 899_000


def test_a_short_end_of_a_long_wait_is_the_hosts():
    problems, _ = of(graph(0, 1, (20, 50_000_000)), sync(12, 50_000_000 + 4_000_000))
    assert not set(problems) & set(CODES)


def test_a_second_wait_is_for_what_the_first_one_was_for():
    rows = [*graph(0, 1, (20, 1_000)), sync(12, 1_100, "cudaStreamSynchronize"), sync(1_200, 900_000)]
    assert of(rows)[0]["graph-replay-under-recorded"].ns == 900_000 - 1_200


# -- for any replays


@st.composite
def runs(draw):
    """A host that replays one graph of a few nodes on one stream and waits now and then, as a good recorder has it.

    Returns the rows, and which of them may be dropped: the activities, by replay.
    """
    nodes = draw(st.integers(1, 4))
    now = free = 0
    rows, work = [], []
    for number in range(draw(st.integers(2, 6))):
        now += draw(st.integers(0, 50))
        rows.append(host("api", "cudaGraphLaunch", now, now + 10, correlation=number))
        at = max(free, now + draw(st.integers(0, 30)))
        mine = []
        for node in range(nodes):
            at += draw(st.integers(0, 5))
            length = draw(st.integers(1, 40))
            mine.append(gpu("kernel", at, at + length, number, name=f"k{node}", graph_node=node))
            at += length
        work.append(mine)
        free, now = at, now + 10
        if draw(st.booleans()):
            name = draw(st.sampled_from(["cudaDeviceSynchronize", "cudaStreamSynchronize", "cudaEventSynchronize"]))
            if name == "cudaEventSynchronize":
                rows.append(host("api", "cudaEventRecord", now, now + 1))
                now += 2
            done = max(now, free) + draw(st.integers(0, 10))
            rows.append(host("api", name, now, done))
            now = done
    rows.append(host("range", "all", 0, max(now, free) + 5))
    return rows, work


def lane(rows, low, high):
    """The device's state in each nanosecond of [low, high)."""
    account = windows(events(rows), np.arange(low, high), np.arange(low + 1, high + 1)).account
    assert (account.window_ns == 1).all(), "each nanosecond is in exactly one cell"
    states = np.stack([account.of_states("device", state) for state in DEVICE_STATES])
    return [DEVICE_STATES[state] for state in states.argmax(axis=0)]


@costly
@given(runs(), st.data())
def test_dropped_records_never_turn_work_into_idle_time(made, data):
    rows, work = made
    # one whole replay is needed to know what the others lack, and one record to know that there is a device
    lost = [set[int]()] + [data.draw(st.sets(st.integers(0, len(mine) - 1))) for mine in work[1:]]
    kept = [[row for at, row in enumerate(mine) if at not in gone] for mine, gone in zip(work, lost, strict=True)]
    end = max(row["end"] for row in rows)
    before = lane(rows + [row for mine in work for row in mine], 0, end)
    after = lane(rows + [row for mine in kept for row in mine], 0, end)
    assert "unknown" not in before, "a whole recording leaves nothing open"
    for was, now in zip(before, after, strict=True):
        assert now == was or now == "unknown"
        assert not (was == "kernel" and now == "idle")


@costly
@given(runs(), st.data())
def test_the_problems_count_what_was_dropped(made, data):
    rows, work = made
    gone = data.draw(st.lists(st.booleans(), min_size=len(work) - 1, max_size=len(work) - 1))
    kept = [row for mine, lost in zip(work, [False, *gone], strict=True) if not lost for row in mine]
    found = analyze(trace(rows + kept))
    assert found.problems["graph-replay-unrecorded"] == found.problems["launch-without-gpu-record"] == sum(gone)
    start, end = (np.array([row[side] for row in kept]) for side in ("start_ns", "end"))
    for low, high in found.joined.unknown.values():
        edges = moments(low, high, start, end)
        open_still = covered(edges, low, high) & ~covered(edges, *union(start, end))
        total = int(np.diff(edges)[open_still].sum())
        assert total == next(problem.ns for problem in found.problems if problem.code == "graph-replay-unrecorded")


# -- real recordings, whole and with holes made in them

RECORDED = sorted((ROOT / "traces" / "recorded").glob("*/torch/*.gz")) + sorted(
    (ROOT / "tests" / "data" / "nsys").glob("*/trace.sqlite")
)


@cache
def opened(path: Path) -> Trace:
    return open_trace(path)


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parents[1].name}-{path.parent.name}-{path.name}")
def test_a_whole_recording_raises_no_alarm(path):
    found = analyze(opened(path))
    assert not {problem.code for problem in found.problems} & {*CODES, "launch-without-gpu-record"}
    assert found.joined.unknown == {} and found.slice.account.on_device()["unknown"] == 0


def without(path, drop):
    """The analysis of a real trace less the activities for which `drop(launch position, its activities' rows)` asks."""
    whole = opened(path)
    launches = find_launches(whole.events, Problems())
    graphs = np.flatnonzero((launches.table["submits"] == "graph").to_numpy())
    gone = []
    for number, launch in enumerate(graphs):
        gone += list(drop(number, launches.work_of(np.array([launch]))[0]))
    kept = whole.events.drop(index=gone).reset_index(drop=True)
    return analyze(replace(whole, events=kept)), whole.events.iloc[gone]


KINETO = ROOT / "traces" / "recorded" / "small-copies-h200" / "torch" / "graph.pt.trace.json.gz"
NSYS = ROOT / "tests" / "data" / "nsys" / "copies-graph" / "trace.sqlite"


def never_idle(found, gone: pd.DataFrame):
    """In the time of the dropped records the device is not idle."""
    low, high = found.joined.unknown[0]
    start = gone["start_ns"].to_numpy()
    end = start + gone["dur_ns"].to_numpy()
    at = np.searchsorted(low, start, side="right") - 1
    assert (at >= 0).all() and (high[at] >= end).all()


@pytest.mark.parametrize("path", [KINETO, NSYS], ids=["kineto", "nsys"])
def test_real_replays_dropped_whole_are_named(path):
    found, gone = without(path, lambda number, rows: rows if number % 10 == 3 else [])
    problem = next(problem for problem in found.problems if problem.code == "graph-replay-unrecorded")
    assert problem.count == found.problems["launch-without-gpu-record"] > 5
    assert problem.ns >= gone["dur_ns"].sum()
    never_idle(found, gone)
    unknown = found.slice.account.on_device()["unknown"]
    assert 0 < unknown <= problem.ns


@pytest.mark.parametrize("path", [KINETO, NSYS], ids=["kineto", "nsys"])
def test_a_real_replay_that_lacks_nodes_is_named(path):
    found, gone = without(path, lambda number, rows: rows[2:4] if number == 30 and len(rows) == 7 else [])
    if not len(gone):  # not every replay has seven nodes
        found, gone = without(path, lambda number, rows: rows[2:4] if number == 31 and len(rows) == 7 else [])
    problem = next(problem for problem in found.problems if problem.code == "graph-replay-incomplete")
    assert problem.count == 1 and problem.details[0].startswith("2 missing (")
    never_idle(found, gone)


def test_when_all_replays_lack_their_records_only_other_work_is_known():
    """The first activity is left as a copy of its own: that there is a device is then known, and nothing of the replays."""
    found, gone = without(NSYS, lambda number, rows: rows)
    assert found.slice.device is None and found.problems["no-gpu-records"]
    found, gone = without(NSYS, lambda number, rows: rows[1:] if number == 0 else rows)
    assert found.problems["graph-replay-unrecorded"] == found.problems["launch-without-gpu-record"] == 75
    never_idle(found, gone[gone["start_ns"] > gone["start_ns"].min() + 10**6])
