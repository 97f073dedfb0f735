"""The export, decoded: every event once where it belongs, the account's lanes exactly, flows and counters that close."""

import io
from collections import Counter as Bag
from pathlib import Path

import pandas as pd
import pytest
from costly import costly
from hypothesis import given, settings
from hypothesis import strategies as st

from events import events, gpu, host, trace

pytest.importorskip("perfetto", reason="pip install 'launchlens[export]'")

from launchlens.traces.account import DEVICE_STATES, HOST_STATES
from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.joined import join
from launchlens.traces.launches.join import find_launches
from launchlens.traces.nesting import sweep
from launchlens.traces.perfetto.export import ExportedTrace, write
from launchlens.traces.perfetto.tracks import TRACK_OF_KIND
from launchlens.traces.problems import Problems
from launchlens.traces.schema import GPU_KINDS, HOST_KINDS
from launchlens.traces.source import open_trace
from launchlens.traces.steps.replay import replay_of
from launchlens.traces.trace import Trace
from launchlens.traces.windows import blocks as sliced
from launchlens.traces.windows import of_devices
from pftrace import read
from traces import samples

#: Categories of the slices that launchlens draws itself: all others are events.
OURS = ("time account", "launchlens")


def exported(*made, blocks=False):
    """What is read back from the export of some traces, and what the export says of it."""
    file = io.BytesIO()
    done = write(file, [ExportedTrace(f"part {number}", f"{number}", one, blocks) for number, one in enumerate(made)])
    assert done.bytes == len(file.getvalue())
    return read(file.getvalue()), done


def brief(slices):
    return [(one.name, one.start, one.end, one.depth) for one in slices]


def total(slices, low=0, high=1 << 62):
    """Time by name of the slices within [low, high); a slice must not reach over the edge."""
    bag: Bag[str] = Bag()
    for one in slices:
        if low <= one.start < high:
            assert one.end <= high
            bag[one.name] += one.end - one.start
    return bag


# -- one small trace, by hand


SMALL = [
    host("range", "step", 1000, 1100),
    host("op", "aten::copy_", 1010, 1040),
    host("api", "cudaMemcpyAsync", 1015, 1030, correlation=5),
    host("api", "cudaDeviceSynchronize", 1050, 1090, correlation=6),
    host("op", "aten::other", 1020, 1025, thread="2"),
    gpu("memcpy", 1035, 1060, 5, copy_kind="DtoD", bytes=4096, context=1),
]


def test_a_small_trace_has_every_event_on_its_own_track_from_zero_on():
    found, done = exported(trace(SMALL))
    assert brief(found.on("thread 1", "ranges")) == [("step", 0, 100, 0)]
    assert brief(found.on("thread 1", "framework ops")) == [("aten::copy_", 10, 40, 0)]
    assert brief(found.on("thread 2", "framework ops")) == [("aten::other", 20, 25, 0)]
    assert brief(found.on("API calls")) == [
        ("cudaMemcpyAsync", 15, 30, 0),
        ("cudaDeviceSynchronize", 50, 90, 0),
    ]
    (copy,) = found.on("GPU 0", "stream 7")
    assert (copy.start, copy.end, copy.category) == (35, 60, "memcpy")
    assert copy.args == {"bytes": 4096, "copy_kind": "DtoD", "correlation": 5}
    assert done.slices == len(found.slices) and done.flows == len(found.flows) == 1


def test_the_states_are_the_account():
    found, _ = exported(trace(SMALL))
    assert brief(found.on("host state: process 1")) == [
        ("python", 0, 10, 0),
        ("dispatch", 10, 15, 0),
        ("launch", 15, 30, 0),
        ("dispatch", 30, 40, 0),
        ("python", 40, 50, 0),
        ("sync", 50, 90, 0),
        ("python", 90, 100, 0),
    ]
    assert brief(found.on("device state: GPU 0")) == [("idle", 0, 35, 0), ("memcpy", 35, 60, 0), ("idle", 60, 100, 0)]


def test_a_flow_goes_from_the_launch_to_its_work_and_the_counters_follow_it():
    found, _ = exported(trace(SMALL))
    ((source, target),) = found.flows.values()
    assert (source.name, target.name) == ("cudaMemcpyAsync", "memcpy")
    assert found.counter("launches in flight") == [(0, 0), (15, 1), (60, 0)]
    assert found.counter("launches queued") == [(0, 0), (30, 1), (35, 0)]


def test_our_tracks_come_first():
    found, _ = exported(trace(SMALL))
    (root,) = [uuid for uuid, track in found.tracks.items() if not track.parent_uuid]
    below = [track for track in found.tracks.values() if track.parent_uuid == root]
    below.sort(key=lambda track: track.sibling_order_rank)
    assert [track.name for track in below] == [
        "host state: process 1",
        "device state: GPU 0",
        "launches in flight: GPU 0",
        "launches queued: GPU 0",
        "thread 1",
        "thread 2",
        "GPU 0",
    ]
    assert found.tracks[root].name == "1. part 0"


def test_the_thread_that_launches_comes_before_the_others():
    first = [row | {"thread": {"2": "1"}.get(row.get("thread", ""), "2")} for row in SMALL if row["kind"] != "memcpy"]
    found, _ = exported(trace([*reversed(first), SMALL[-1]]))
    threads = [track for track in found.tracks.values() if track.name.startswith("thread ")]
    threads.sort(key=lambda track: track.sibling_order_rank)
    assert [track.name for track in threads] == ["thread 2", "thread 1"]
    assert [track.name for track in found.tracks.values() if "host state" in track.name] == ["host state: process 1"]


def test_a_graph_launch_has_an_arrow_to_each_activity_and_counts_once():
    found, _ = exported(
        trace(
            [
                host("api", "cudaGraphLaunch", 0, 10, correlation=1),
                gpu("kernel", 20, 30, 1, graph=9, graph_node=1),
                gpu("kernel", 30, 40, 1, graph=9, graph_node=2),
                gpu("memset", 40, 45, 1, stream=8, bytes=16),
            ]
        )
    )
    assert [(a.name, b.name, b.start) for a, b in found.flows.values()] == [
        ("cudaGraphLaunch", "kernel", 20),
        ("cudaGraphLaunch", "kernel", 30),
        ("cudaGraphLaunch", "memset", 40),
    ]
    assert found.on("stream 7")[0].args == {"correlation": 1, "graph": 9, "graph_node": 1}
    assert found.counter("launches in flight") == [(0, 1), (45, 0)]
    assert found.counter("launches queued") == [(0, 0), (10, 1), (20, 0)]


def test_work_before_its_launch_has_no_arrow_and_is_said():
    found, done = exported(trace([host("api", "cudaLaunchKernel", 50, 60, correlation=1), gpu("kernel", 10, 20, 1)]))
    assert found.flows == {} and (done.flows, done.flows_left_out) == (0, 1)
    assert [problem.code for problem in done.problems["0"]] == ["gpu-start-before-launch"]
    assert found.counter("launches in flight") == [(0, 0)]


def test_events_that_overlap_without_nesting_get_further_tracks_that_are_drawn_as_one():
    found, _ = exported(trace([gpu("kernel", 0, 10), gpu("kernel", 5, 15), gpu("kernel", 15, 20), gpu("memset", 6, 8)]))
    slices = found.on("stream 7")
    assert brief(slices) == [("kernel", 0, 10, 0), ("kernel", 5, 15, 0), ("memset", 6, 8, 1), ("kernel", 15, 20, 0)]
    first, second = dict.fromkeys(one.track for one in slices)
    one, other = found.tracks[first], found.tracks[second]
    assert (one.name, one.parent_uuid, one.sibling_merge_key_int, one.sibling_order_rank) == (
        other.name,
        other.parent_uuid,
        other.sibling_merge_key_int,
        other.sibling_order_rank,
    )


def test_streams_of_several_contexts_and_devices_are_kept_apart():
    made = trace([gpu("kernel", 0, 9, context=1), gpu("kernel", 0, 9, context=2), gpu("kernel", 0, 9, device=1)])
    named = Trace(made.path, "nsys", "2026.1", 0, made.events, Problems(), devices={0: "NVIDIA H200"})
    found, _ = exported(named)
    assert {found.path(one.track)[1:] for one in found.slices if one.category not in OURS} == {
        ("GPU 0: NVIDIA H200", "stream 7 of context 1"),
        ("GPU 0: NVIDIA H200", "stream 7 of context 2"),
        ("GPU 1", "stream 7 of context unknown"),
    }


def test_several_traces_each_start_at_zero_in_a_group_of_their_own():
    later = [row | {"start_ns": row["start_ns"] + 10**15, "end": row["end"] + 10**15} for row in SMALL]
    found, _ = exported(trace(SMALL), trace(later))
    one, other = found.on("1. part 0"), found.on("2. part 1")
    assert brief(one) == brief(other) and len(one) + len(other) == len(found.slices)
    assert len(found.flows) == 2 and all(
        found.path(a.track)[0] == found.path(b.track)[0] for a, b in found.flows.values()
    )


def test_nothing_at_all_and_no_launch_are_fine():
    assert exported(trace([]))[0].slices == []
    found, _ = exported(trace([host("op", "aten::add", 3, 9)]))
    assert brief(found.slices) == [("aten::add", 0, 6, 0)], "no thread launches: there is no account"


HOSTILE = ["k" * 1_000_000, "lone \ud800 surrogate", "nul\0 and <script>", "", "ünï ∑ 🚀"]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_strings_and_nothing_else(name):
    kept = name.replace("\ud800", "?")  # pandas' own strings can't hold it; a device's name can
    rows = [host("range", kept, 0, 9), gpu("memcpy", 1, 3, copy_kind=kept or None), host("op", "x", 1, 2, thread=kept)]
    made = trace(rows)
    found, _ = exported(Trace(Path("made.json"), "kineto", name, 0, made.events, Problems(), devices={0: name}))
    (shown,) = found.on("thread 1", "ranges")
    assert len(shown.name) <= 1000 and shown.name[:999] == kept[:999]
    assert all(len(track.name) <= 1000 for track in found.tracks.values())
    assert any(track.name.startswith(f"GPU 0: {kept[:900]}" if name else "GPU 0") for track in found.tracks.values())


def test_two_groups_of_one_name_stay_two():
    rows = [host("op", "a", 0, 9, thread="unknown"), host("op", "b", 5, 20, thread=None)]
    found, _ = exported(trace(rows))
    assert sorted(brief(found.slices)) == [("a", 0, 9, 0), ("b", 5, 20, 0)]


def test_the_same_input_gives_the_same_bytes():
    first, second = io.BytesIO(), io.BytesIO()
    for file in (first, second):
        write(file, [ExportedTrace("part", "p", trace(SMALL), False)])
    assert first.getvalue() == second.getvalue()


def test_every_host_kind_has_a_track():
    assert tuple(TRACK_OF_KIND) == HOST_KINDS


# -- what launchlens marks


STEP = 1_000_000


def two_steps():
    """Two steps of 1 ms: in each a copy that the host waits for, and a kernel after 300 µs in which nothing is launched."""
    rows, number = [], 0
    for at in (0, STEP, 2 * STEP):
        rows.append(host("range", f"ProfilerStep#{at // STEP}", at, at + STEP - 1_000))
        for start, kind, name in (
            (10_000, "memcpy", "Memcpy HtoD"),
            (350_000, "kernel", f"void k{at // STEP}<int>(int)"),
        ):
            number += 1
            call = "cudaMemcpyAsync" if kind == "memcpy" else "cudaLaunchKernel"
            rows.append(host("api", call, at + start, at + start + 5_000, correlation=number))
            more = {"copy_kind": "HtoD", "bytes": 64} if kind == "memcpy" else {}
            rows.append(gpu(kind, at + start + 6_000, at + start + 40_000, number, name=name, **more))
    return trace(rows)


def marked(found, track):
    return [one for one in found.slices if found.path(one.track)[1:3] == ("launchlens", track)]


def test_steps_gaps_and_the_longest_kernels_are_marked():
    found, _ = exported(two_steps())
    assert brief(marked(found, "steps")) == [
        ("ProfilerStep#0", 0, STEP - 1_000, 0),
        ("ProfilerStep#1", STEP - 1_000, 2 * STEP - 1_000, 0),
        ("ProfilerStep#2", 2 * STEP - 1_000, 3 * STEP - 1_000, 0),
    ]
    gaps = marked(found, "idle by cause: GPU 0")
    assert [(one.name, one.start, one.end) for one in gaps[:3]] == [
        ("host-python", 0, 16_000),
        ("host-python", 50_000, 356_000),
        ("host-python", 390_000, STEP + 16_000),
    ]
    # 300 of 306 µs are Python's, the call itself 5 and its way to the GPU 1
    assert gaps[1].args == {"of that cause, ns": 300_000, "before": "Memcpy HtoD", "after": "k0"}
    kernels = marked(found, "longest kernels: GPU 0")
    assert [one.name for one in kernels] == ["1. k0", "2. k1", "3. k2"]
    assert kernels[0].args == {"kernel": "void k0<int>(int)"} and kernels[0].end - kernels[0].start == 34_000


def test_each_device_has_its_own_gaps_and_longest_kernels():
    rows = []
    for at in range(4):
        start = 100_000 * at
        rows.append(host("api", "cudaLaunchKernel", start, start + 5_000, correlation=at + 1))
        rows.append(gpu("kernel", start + 6_000, start + 20_000, at + 1, device=at % 2, name=f"k{at}"))
    found, _ = exported(trace(rows))
    assert [(one.start, one.end) for one in marked(found, "idle by cause: GPU 0")] == [
        (20_000, 206_000),
        (220_000, 320_000),
    ]
    assert [(one.start, one.end) for one in marked(found, "idle by cause: GPU 1")] == [(0, 106_000), (120_000, 306_000)]
    assert [one.name for one in marked(found, "longest kernels: GPU 1")] == ["1. k1", "2. k3"]


def test_marks_are_on_top_of_a_trace_and_not_of_a_capture():
    found, _ = exported(two_steps())
    (root,) = [uuid for uuid, track in found.tracks.items() if not track.parent_uuid]
    below = [track for track in found.tracks.values() if track.parent_uuid == root]
    assert min(below, key=lambda track: track.sibling_order_rank).name == "launchlens"
    assert not exported(two_steps(), blocks=True)[0].on("launchlens")


def test_every_listed_gap_and_all_that_advice_rests_on_is_marked_in_a_real_trace():
    made = open_trace(Path(__file__).parents[1] / "data" / "pairs" / "log-each-step.before.json.gz")
    found, _ = exported(made)
    analysis = analyze(made)
    zero = int(made.events["start_ns"].min())
    idle = analysis.answers(["idle"]).tables["idle"].frame
    marks = {(one.name, one.start, one.end) for one in marked(found, "idle by cause: GPU 0")}
    listed = {
        (row.cause, row.start_ns - zero, row.start_ns - zero + row.length_ns) for row in idle.itertuples(index=False)
    }
    assert len(listed) == len(idle) > 800 and listed <= marks
    advice = as_document(analysis).advice
    assert [row.code for row in advice] == ["capture-graph", "remove-sync", "fuse-kernels"]
    steps = replay_of(analysis.stepped).steps
    for number, row in enumerate(advice, 1):
        places = marked(found, f"advice {number}: {row.code}")
        spent = total(places)
        for each in row.rows:
            mine = [one for one in places if one.name == each.name]
            assert min(one.start for one in mine) == each.first_ns - zero
            assert len(mine) == round(each.per_step * steps) and spent[each.name] == round(each.ns_per_step * steps)
        assert {one.name for one in places} == {each.name for each in row.rows}
        assert row.sentence in found.tracks[places[0].track].description


# -- windows of a capture


def test_blocks_are_accounted_for_one_by_one_and_nothing_between():
    rows = []
    for start in (0, 1000):
        rows += [
            host("range", "variant:a", start, start + 100),
            host("api", "cudaLaunchKernel", start + 10, start + 20, correlation=start + 1),
            gpu("kernel", start + 90, start + 110, start + 1),
            host("range", "variant:b", start + 100, start + 200),
        ]
    found, _ = exported(trace(rows), blocks=True)
    assert brief(found.on("device state"))[:5] == [
        ("idle", 0, 90, 0),
        ("kernel", 90, 100, 0),
        ("kernel", 100, 110, 0),
        ("idle", 110, 200, 0),
        ("idle", 1000, 1090, 0),
    ], "a run is cut where one window ends and the next begins; there is none between windows"
    assert total(found.on("host state"), 0, 100) == {"python": 90, "launch": 10}
    assert total(found.on("host state"), 100, 200) == {"python": 100}
    assert total(found.on("device state"), 0, 100) == {"idle": 90, "kernel": 10}
    assert total(found.on("host state")).total() == total(found.on("device state")).total() == 400


# -- anything


TIMES = st.integers(0, 60)
API = [
    "cudaLaunchKernel",
    "cudaMemcpyAsync",
    "cudaGraphLaunch",
    "cudaDeviceSynchronize",
    "cudaFree",
    "cuLaunchKernelEx",
]
HOST_ROWS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(HOST_KINDS),
        "start_ns": TIMES,
        "dur_ns": st.integers(0, 30),
        "thread": st.sampled_from(["1", "1", "1", "2", None]),
        "process": st.sampled_from(["1", "1", "9", None]),
        "correlation": st.none() | st.integers(0, 6),
    }
)
GPU_ROWS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from([*GPU_KINDS, "gpu-range"]),
        "start_ns": TIMES,
        "dur_ns": st.integers(0, 30),
        "device": st.sampled_from([0, 0, 1, None]),
        "context": st.sampled_from([None, 1, 2]),
        "stream": st.sampled_from([7, 7, 8, None]),
        "correlation": st.none() | st.integers(0, 6),
        "bytes": st.none() | st.integers(-5, 2**62),
    }
)


@st.composite
def tables(draw):
    """Event tables of any kind, with a unique name per event so that each can be found again."""
    rows = draw(st.lists(HOST_ROWS | HOST_ROWS | GPU_ROWS, max_size=30))
    shift = draw(st.sampled_from([0, 10**18, -(10**18)]))
    # mostly ids of their own, so that most work has a launch; sometimes ids that repeat
    calls = [number for number, row in enumerate(rows) if row["kind"] == "api"]
    if draw(st.integers(0, 3)):
        for number, row in enumerate(rows):
            if row["kind"] == "api":
                row["correlation"] = 100 - number
            elif row["kind"] in GPU_KINDS and calls:
                row["correlation"] = 100 - draw(st.sampled_from(calls))
    for number, row in enumerate(rows):
        row["start_ns"] += shift
        if row["kind"] == "range":
            row["name"] = f"{draw(st.sampled_from(['variant:a', 'variant:b', 'step']))}"
        elif row["kind"] == "api":
            row["name"] = draw(st.sampled_from(API))
        else:
            row["name"] = f"{row['kind']} {number}"
    return events(rows)


@costly
@given(tables(), st.booleans())
def test_whatever_the_events_are(frame, blocks):
    made = Trace(Path("made.json"), "kineto", None, 0, frame, Problems())
    found, done = exported(made, blocks=blocks)
    drawn = [one for one in found.slices if one.category not in OURS]
    zero = int(frame["start_ns"].min()) if len(frame) else 0

    # every event is one slice, with its own start and end, which a wrong nesting would swap
    given_events = Bag(
        (row.kind, row.name, row.start_ns - zero, row.start_ns - zero + row.dur_ns) for row in frame.itertuples()
    )
    assert given_events == Bag((one.category, one.name, one.start, one.end) for one in drawn)
    assert done.slices == len(found.slices)
    for one in drawn:
        path = found.path(one.track)
        if one.category in TRACK_OF_KIND:
            assert path[2] == TRACK_OF_KIND[one.category]
        else:
            assert path[1].startswith("GPU") and path[2].endswith("(ranges)") == (one.category == "gpu-range")

    launches = find_launches(frame, Problems())
    owned = len(launches.owner)
    assert len(found.flows) == done.flows == owned - done.flows_left_out
    table = launches.table
    wanted = Bag(
        (int(table["start_ns"].iloc[owner]) - zero, frame["name"].iloc[row])
        for row, owner in zip(launches.joined_rows, launches.owner, strict=True)
        if frame["start_ns"].iloc[row] >= table["start_ns"].iloc[owner]
    )
    assert wanted == Bag((source.start, target.name) for source, target in found.flows.values())
    assert all(source.category == "api" for source, _ in found.flows.values())

    for values in found.counters.values():
        assert values[-1][1] == 0 and min(value for _, value in values) == 0
        assert [at for at, _ in values] == sorted({at for at, _ in values})
    check_states(made, found, zero, blocks=blocks)


def check_states(made, found, zero, *, blocks):
    """The state slices hold what an Account of the same windows holds, to the nanosecond."""
    frame = made.events
    if not blocks:
        whole = analyze(made).slice
        if whole is None:
            assert not total(found.on("host state")) and not total(found.on("device state"))
            return
        # one lane a device, of the process that launched most of what ran on it: it need not be the one that launches most
        for each in of_devices(whole.joined, whole):
            hosts = total(found.on(f"host state: process {each.process_name or 'not named'}"))
            assert {state: hosts[state] for state in HOST_STATES} == each.account.host()
            assert hosts.total() == each.account.total_ns
            if each.device is not None:
                devices = total(found.on(f"device state: GPU {each.device}"))
                assert {state: devices[state] for state in DEVICE_STATES} == each.account.on_device()
        return
    for each in sliced(join(made)).values():
        thread_track = f"host state: thread {each.thread_name}"
        unowned = " of no process" if each.process < 0 < len(frame["process"].cat.categories) else ""
        chosen = [one for one in found.slices if found.path(one.track)[-1] == thread_track + unowned]
        for at, (low, high) in enumerate(zip(each.start_ns - zero, each.end_ns - zero, strict=True)):
            hosts = total(chosen, low, high)
            assert {state: hosts[state] for state in HOST_STATES} == {
                state: each.account.of_states("host", state)[at] for state in HOST_STATES
            }
            assert hosts.total() == high - low
            if each.device is not None:
                devices = total(found.on(f"device state: GPU {each.device}"), low, high)
                assert {state: devices[state] for state in DEVICE_STATES} == {
                    state: each.account.of_states("device", state)[at] for state in DEVICE_STATES
                }


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)), max_size=25))
@settings(max_examples=300, deadline=None)
def test_a_sweep_puts_each_interval_on_a_lane_where_it_nests(pairs):
    start, end = [a for a, _ in pairs], [a + b for a, b in pairs]
    stacks: dict[int, list[int]] = {}
    now = -1
    opened, closed = [], []
    for lane, index, begins in sweep(start, end):
        stack = stacks.setdefault(lane, [])
        at = start[index] if begins else end[index]
        assert at >= now, "in order of time"
        now = at
        if begins:
            assert not stack or end[stack[-1]] >= end[index]
            stack.append(index)
            opened.append(index)
        else:
            assert stack.pop() == index
            closed.append(index)
    assert sorted(opened) == sorted(closed) == list(range(len(pairs)))
    overlap = max((sum(a <= t < b for a, b in zip(start, end, strict=True)) for t in start), default=0)
    assert len(stacks) <= max(overlap, 1)


def test_nested_intervals_need_one_lane_and_a_staircase_one_for_each_step_open():
    assert {lane for lane, _, _ in sweep([0, 1, 2, 5, 10], [10, 4, 3, 10, 12])} == {0}
    assert {lane for lane, _, _ in sweep([0, 0, 0], [3, 10, 0])} == {0}, (
        "of those that start together the longest is outermost"
    )
    assert {lane for lane, _, _ in sweep([0, 1, 2, 4], [4, 5, 6, 8])} == {0, 1, 2}


# -- recordings, ours and others'


@pytest.mark.parametrize("name", [*samples.OURS, *samples.MADE, *samples.of_others()])
def test_real_traces_come_through_whole(name, tmp_path):
    made = open_trace(samples.sample(name, tmp_path))
    found, done = exported(made)
    drawn = [one for one in found.slices if one.category not in OURS]
    start = made.events["start_ns"] - made.events["start_ns"].min()
    assert sorted((one.start, one.end) for one in drawn) == sorted(
        zip(start, start + made.events["dur_ns"], strict=True)
    )
    launches = find_launches(made.events, Problems())
    assert done.flows + done.flows_left_out == len(launches.owner)
    whole = analyze(made).slice
    if len(launches.table):
        assert whole is not None
        hosts = total(found.on(f"host state: process {whole.process_name or 'not named'}"))
        assert {state: hosts[state] for state in HOST_STATES} == whole.account.host()
    assert not any(pd.isna(value) for one in drawn for value in one.args.values())
