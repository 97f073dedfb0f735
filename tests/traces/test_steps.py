"""Steps, the gaps of a device and what they were for, and the calls that wait: made traces with what was counted by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from traces.made_program import Machine, recorded

import events as made
from events import gpu, host
from launchlens.traces.advice.document import verdict_of
from launchlens.traces.analyses.answers import answers
from launchlens.traces.analyses.catalogue import questions
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.analysis import analyze
from launchlens.traces.joined import JoinedTrace, join
from launchlens.traces.problems import InputError
from launchlens.traces.steps.bound_by import bound_by
from launchlens.traces.steps.gaps import CAUSES, about_collectives, find_gaps, loads_data
from launchlens.traces.steps.host_line import STATES, host_line
from launchlens.traces.steps.stepped import Stepped
from launchlens.traces.steps.steps import is_users, repetition

Rows = list[dict[str, Any]]


def launched(at: int, start: int, end: int, correlation: int, *, kind: str = "kernel", **more: Any) -> Rows:
    """A launch call of 10 ns at a moment, and its work."""
    call = {"kernel": "cudaLaunchKernel", "memcpy": "cudaMemcpyAsync"}[kind]
    return [host("api", call, at, at + 10, correlation=correlation), gpu(kind, start, end, correlation, **more)]


def rows_of(joined: JoinedTrace, name: str, steps: str | None = None) -> list[dict[str, Any]]:
    table = answers(questions([name]), Scope(joined, steps=steps)).tables[name]
    return [dict(zip([column.name for column in table.columns], row, strict=True)) for row in table.rows()]


# -- steps


def ahead() -> JoinedTrace:
    """The host is a step ahead: each step's work ends after the host has gone on."""
    return made.joined(
        made.events(
            [
                host("range", "ProfilerStep#1", 0, 100),
                *launched(10, 50, 150, 1),
                host("range", "ProfilerStep#2", 100, 200),
                *launched(110, 150, 300, 2),
                host("range", "ProfilerStep#3", 200, 420),
                *launched(210, 300, 400, 3),
            ]
        )
    )


def test_a_step_lasts_from_the_end_of_the_one_before_to_the_end_of_its_last_work() -> None:
    steps = Stepped(ahead()).steps
    assert steps is not None
    assert steps.names == ("ProfilerStep#1", "ProfilerStep#2", "ProfilerStep#3")
    assert steps.start_ns.tolist() == [0, 150, 300]
    assert steps.wall_ns.tolist() == [150, 150, 120]  # the last one's host ends after its work
    rows = rows_of(ahead(), "steps")
    assert [row["gpu_busy_ns"] for row in rows] == [100, 150, 100]
    assert [row["idle_ns"] for row in rows] == [50, 0, 20]
    assert [row["launches"] for row in rows] == [1, 1, 1]
    assert [row["host_ns"] for row in rows] == [100, 100, 220]
    assert rows[0]["note"] == "first" and rows[2]["note"] == "last"


def test_work_that_was_launched_before_the_first_step_is_said_and_is_no_steps() -> None:
    rows = [
        gpu("kernel", 0, 60, 99),
        host("range", "ProfilerStep#1", 10, 100),
        *launched(20, 60, 90, 1),
        host("range", "ProfilerStep#2", 100, 200),
        *launched(110, 120, 150, 2),
    ]
    joined = made.joined(made.events(rows))
    steps = Stepped(joined).steps
    assert steps is not None and steps.earlier_work == 1
    assert rows_of(joined, "steps")[0]["note"] == "first; 1 pieces of GPU work were launched before it"


def test_steps_are_the_ranges_that_a_pattern_names() -> None:
    rows: Rows = []
    for number in range(4):
        at = 1000 * number
        rows += [host("range", f"iteration {number}", at, at + 900), host("range", "inner", at + 5, at + 400)]
        rows += launched(at + 10, at + 20, at + 30, number + 1)
    joined = made.joined(made.events(rows))
    assert [row["name"] for row in rows_of(joined, "steps", "iteration *")] == [f"iteration {n}" for n in range(4)]
    with pytest.raises(InputError, match="holds no range that fits 'epoch"):
        analyze(joined.trace, steps="epoch*")


def test_steps_are_found_by_what_the_launches_repeat() -> None:
    rows, correlation = [], 0
    for step in range(6):
        for place, name in enumerate(["embed", "layer", "layer", "layer", "head"]):
            correlation += 1
            at = 10_000 * step + 100 * place
            rows += launched(at, at + 20, at + 60, correlation, name=name)
    steps = Stepped(made.joined(made.events(rows))).steps
    assert steps is not None and len(steps) == 6
    assert set(steps.launches.tolist()) == {5}
    assert set(np.diff(steps.host_start_ns).tolist()) == {10_000}
    assert steps.wall_ns.tolist() == [460] + [10_000] * 5


def test_the_period_of_a_sequence_is_the_whole_step_not_a_layer_of_it() -> None:
    layer = [1, 2, 3, 2]
    step = [9, *layer * 6, 7]
    assert repetition(np.array(step * 5)) == len(step)
    assert repetition(np.array([1] * 50)) is None
    assert repetition(np.arange(60)) is None
    assert repetition(np.array(step * 2)) is None


def test_the_odd_step_and_in_what_it_is_odd() -> None:
    def program(m: Machine, number: int) -> None:
        with m.range("data"):
            m.sleep(3000 if number == 4 else 30)
        for _ in range(10):
            m.kernel("aten::mul", "mul", 20)

    rows = rows_of(recorded(program), "steps")
    assert [row["odd_in"] is not None for row in rows] == [number == 4 for number in range(8)]
    assert rows[4]["odd_in"].startswith("GPU idle: data +")
    assert rows[4]["idle_cause"] == "data"
    assert sum(row["is_median"] for row in rows) == 1


# -- what the process did on the host


def test_the_thread_that_does_most_speaks_for_the_process() -> None:
    rows = [
        host("range", "backward", 0, 100, thread="1"),
        *launched(5, 20, 30, 1),
        host("op", "MulBackward", 20, 60, thread="2"),
        host("api", "cudaLaunchKernel", 30, 40, thread="2", correlation=2),
        gpu("kernel", 50, 60, 2),
        host("api", "cudaEventQuery", 60, 100, thread="3"),  # a watchdog: it speaks for nobody
    ]
    joined = made.joined(made.events(rows))
    line = host_line(joined, 0)
    said = [(int(a), int(b), STATES[s]) for a, b, s in zip(line.start_ns, line.end_ns, line.state, strict=True)]
    assert said == [
        (0, 5, "python"), (5, 15, "launch"), (15, 20, "python"), (20, 30, "dispatch"), (30, 40, "launch"), (40, 60, "dispatch"),
        (60, 100, "python"),
    ]  # fmt: skip


# -- gaps


def gaps_of(rows: Rows, window: tuple[int, int] | None = None) -> list[tuple[int, int, str]]:
    joined = made.joined(made.events(rows))
    stepped = Stepped(joined)
    assert stepped.device is not None
    found = find_gaps(joined, stepped.host, stepped.device, window or stepped.window)
    assert (found.parts.sum(axis=1) == found.length_ns).all() and (found.parts >= 0).all()
    triples = zip(found.start_ns.tolist(), found.end_ns.tolist(), found.cause.tolist(), strict=True)
    return [(start, end, CAUSES[cause]) for start, end, cause in triples]


def test_a_gap_is_put_down_to_what_the_host_did_until_the_next_launch() -> None:
    first = launched(0, 20, 100, 1)
    last = launched(900, 920, 1000, 2)
    around = host("range", "step", 0, 1000)
    assert gaps_of([around, *first, *last], (100, 920)) == [(100, 920, "host-python")]
    assert gaps_of([around, *first, host("op", "aten::add", 50, 950), *last], (100, 920)) == [
        (100, 920, "host-dispatch")
    ]
    assert gaps_of([*first, *last], (100, 920)) == [(100, 920, "not-recorded")]
    assert (
        gaps_of([around, *first, host("api", "cudaFuncSetAttribute", 50, 890), *last], (100, 920))[0][2] == "host-api"
    )
    assert gaps_of([around, *first, host("api", "cudaMalloc", 50, 890), *last], (100, 920))[0][2] == "allocation"
    assert gaps_of([host("range", "data", 0, 1000), *first, *last], (100, 920))[0][2] == "data"
    slow = [host("api", "cudaLaunchKernel", 110, 900, correlation=2), gpu("kernel", 920, 1000, 2)]
    assert gaps_of([around, *first, *slow], (100, 920))[0][2] == "host-launch"


def test_a_gap_after_a_wait_is_owed_to_the_wait_as_far_as_it_held_the_host_up() -> None:
    around = host("range", "step", 0, 3000)
    waited = [around, *launched(0, 20, 1000, 1), host("api", "cudaDeviceSynchronize", 20, 1020)]
    # the host was 980 ahead, and is 300 late now: without the wait there were no gap
    assert gaps_of([*waited, *launched(1300, 1310, 1400, 2)], (1000, 1310)) == [(1000, 1310, "sync")]
    # it waited for 30 only, and is 300 late
    brief = [around, *launched(0, 20, 1000, 1), host("api", "cudaDeviceSynchronize", 970, 1020)]
    assert gaps_of([*brief, *launched(1300, 1310, 1400, 2)], (1000, 1310)) == [(1000, 1310, "host-python")]


def test_work_that_had_been_launched_waits_for_the_device() -> None:
    around = host("range", "step", 0, 200_000)
    queued = [around, *launched(0, 20, 100_000, 1), *launched(20, 101_000, 101_100, 2)]
    assert gaps_of(queued, (100_000, 101_000)) == [(100_000, 101_000, "dependency")]
    # also while the host waits
    assert (
        gaps_of([*queued, host("api", "cudaDeviceSynchronize", 50, 101_200)], (100_000, 101_000))[0][2] == "dependency"
    )
    late = [around, *launched(0, 20, 100, 1), *launched(95, 5_000, 5_100, 2)]
    assert gaps_of(late, (100, 5_000)) == [(100, 5_000, "launch-latency")]
    replay = [around, host("api", "cudaGraphLaunch", 0, 10, correlation=1)]
    assert gaps_of([*replay, gpu("kernel", 20, 30, 1), gpu("kernel", 40, 50, 1)], (30, 40)) == [(30, 40, "dependency")]


def test_nothing_is_claimed_of_work_whose_launch_is_not_in_the_trace() -> None:
    rows = [host("range", "step", 0, 1000), *launched(0, 20, 100, 1), gpu("kernel", 800, 900, 77)]
    assert gaps_of(rows, (20, 900)) == [(100, 800, "unknown")]


def test_names_that_say_data_or_collectives() -> None:
    assert all(
        map(loads_data, ["data", "Data loading", "enumerate(DataLoader)#_Iter.__next__", "load_batch", "get inputs"])
    )
    assert not any(map(loads_data, ["forward", "database", "download_weights_x", "optimizer", "backward", "metadata"]))
    assert (
        about_collectives("ncclDevKernel_AllReduce_Sum_f32")
        and about_collectives("nccl:all_reduce")
        and about_collectives("c10d::allreduce_")
    )
    assert not about_collectives("aten::add") and not about_collectives("elementwise_kernel")
    assert (
        is_users("forward")
        and is_users("log")
        and not is_users("ProfilerStep#3")
        and not is_users("Optimizer.step#AdamW.step")
    )


@given(
    work=st.lists(st.tuples(st.integers(0, 400), st.integers(1, 80), st.booleans()), min_size=1, max_size=25),
    ops=st.lists(st.tuples(st.integers(0, 900), st.integers(1, 90)), max_size=10),
    waits=st.lists(st.tuples(st.integers(0, 900), st.integers(1, 90)), max_size=4),
    steps=st.integers(1, 4),
)
@settings(max_examples=120, deadline=None, derandomize=True)
def test_causes_sum_to_idle_and_steps_tile(
    work: list[tuple[int, int, bool]], ops: list[tuple[int, int]], waits: list[tuple[int, int]], steps: int
) -> None:
    rows: Rows = [host("range", f"ProfilerStep#{n}", 1000 * n // steps, 1000 * (n + 1) // steps) for n in range(steps)]
    for number, (at, length, known) in enumerate(work, 1):
        call = launched(at, at + 15, at + 15 + length, number)
        rows += call if known else call[1:]
    rows += [host("op", "aten::add", at, at + length) for at, length in ops]
    rows += [host("api", "cudaStreamSynchronize", at, at + length) for at, length in waits]
    joined = made.joined(made.events(rows))
    stepped = Stepped(joined)
    if stepped.gaps is None or stepped.steps is None:
        return
    found, gaps = stepped.steps, stepped.gaps
    low, high = stepped.window
    busy = np.zeros(high - low, bool)
    for row in stepped.work:
        busy[max(int(stepped.start[row]) - low, 0) : max(int(stepped.end[row]) - low, 0)] = True
    idle = int((~busy).sum())
    assert gaps.by_cause().sum() == gaps.by_part().sum() == gaps.length_ns.sum() == idle
    assert (found.start_ns[1:] == found.done_ns[:-1]).all() and (found.wall_ns >= 0).all()
    assert found.wall_ns.sum() == high - low
    each = gaps.within(found.start_ns, found.done_ns)
    assert (each.sum(axis=0) == gaps.by_cause()).all()
    table = rows_of(joined, "steps")
    assert all(row["gpu_busy_ns"] + row["idle_ns"] == row["wall_ns"] for row in table)
    if idle:
        causes = rows_of(joined, "idle_causes")
        assert sum(row["total_ns"] for row in causes) == sum(row["parts_ns"] for row in causes) == idle
        assert sum(row["count"] for row in causes) == len(gaps.start_ns)


# -- the tables of gaps and waits


def test_the_longest_gap_with_what_was_around_it_and_what_the_host_did() -> None:
    rows = [
        host("range", "ProfilerStep#1", 0, 200_000),
        host("range", "forward", 0, 190_000),
        *launched(0, 20, 1_000, 1, name="void first<int>(int)"),
        host("op", "aten::linear", 10_000, 150_000),
        host("op", "aten::addmm", 20_000, 140_000),
        *launched(140_500, 145_000, 150_000, 2, name="second"),
    ]
    joined = made.joined(made.events(rows))
    (row,) = [row for row in rows_of(joined, "idle") if row["cause"] != "host-python"]
    assert (row["start_ns"], row["length_ns"], row["cause"], row["device"]) == (1_000, 144_000, "host-dispatch", "0")
    assert (row["before"], row["after"]) == ("first", "second")
    assert (row["host_state"], row["host_event"], row["op"], row["range"]) == (
        "dispatch",
        "aten::addmm",
        "aten::linear",
        "forward",
    )
    assert row["step"] == "ProfilerStep#1"


def test_gaps_of_every_device_of_the_process_each_and_together() -> None:
    rows: Rows = []
    for number in range(3):
        at = 100_000 * number
        rows += [host("range", f"ProfilerStep#{number}", at, at + 100_000)]
        rows += launched(at + 1_000, at + 2_000, at + 60_000, 10 * number + 1)
        rows += launched(at + 62_000, at + 63_000, at + 70_000, 10 * number + 2)
        rows += launched(at + 30_000, at + 31_000, at + 95_000, 10 * number + 3, device=1)
    joined = made.joined(made.events(rows))
    causes = rows_of(joined, "idle_causes")
    by_device = {
        device: sum(row["total_ns"] for row in causes if row["device"] == device) for device in ("0", "1", None)
    }
    assert by_device == {"0": 105_000, "1": 108_000, None: 213_000}
    assert list(dict.fromkeys(row["device"] for row in causes)) == [None, "0", "1"]
    for whole in (row for row in causes if row["device"] is None):
        parts = [row for row in causes if row["device"] is not None and row["cause"] == whole["cause"]]
        for column, put_together in (("count", sum), ("total_ns", sum), ("parts_ns", sum), ("longest_ns", max)):
            assert put_together(row[column] for row in parts) == whole[column]
    gaps = rows_of(joined, "idle")
    assert {row["device"] for row in gaps} == {"0", "1"}
    assert [row["length_ns"] for row in gaps] == sorted((row["length_ns"] for row in gaps), reverse=True)
    busy = [
        (row["step"], row["device"], row["gpu_busy_ns"], row["idle_ns"]) for row in rows_of(joined, "steps_devices")
    ]
    assert busy[:2] == [("ProfilerStep#0", "0", 65_000, 35_000), ("ProfilerStep#0", "1", 64_000, 36_000)]
    assert len(busy) == 6
    assert [(row["device"], row["gpu_busy_ns"]) for row in rows_of(joined, "steps")] == [("0", 65_000)] * 3
    of_steps = rows_of(joined, "steps_idle")
    assert sum(row["idle_ns"] for row in of_steps if row["device"] == "1") == by_device["1"]


def two_devices(first_us: int, other_us: int) -> Stepped:
    """Three steps of 100 µs, in each of which two devices are busy for so long."""
    rows: Rows = []
    for number in range(3):
        at = 100_000 * number
        rows += [host("range", f"ProfilerStep#{number}", at, at + 100_000)]
        rows += launched(at + 1_000, at + 2_000, at + 2_000 + 1_000 * first_us, 10 * number + 1)
        rows += launched(at + 97_000, at + 98_000, at + 99_000, 10 * number + 2)
        rows += launched(at + 3_000, at + 4_000, at + 4_000 + 1_000 * other_us, 10 * number + 3, device=1)
    return made.joined(made.events(rows)).stepped()


def test_each_of_several_devices_has_a_verdict() -> None:
    verdict = verdict_of(two_devices(10, 20))
    assert [(each.device, each.bound_by) for each in verdict.devices] == [("0", "host"), ("1", "host")]
    first, other = verdict.devices
    assert (verdict.bound_by, verdict.share, verdict.sentence) == ("host", first.share, first.sentence)
    assert sum(other.shares.values()) == pytest.approx(1) and other.shares["gpu"] == pytest.approx(0.2)
    low, high = f"{100 * other.share:.0f} % of device 1's time", f"{100 * first.share:.0f} % of device 0's time"
    assert verdict.devices_sentence == f"This limits each of its 2 devices: between {low} and {high}."

    verdict = verdict_of(two_devices(10, 80))
    assert [(each.device, each.bound_by) for each in verdict.devices] == [("0", "host"), ("1", "gpu")]
    assert verdict.bound_by == "host"
    assert (
        verdict.devices_sentence
        == "That is device 0, which does most. What limits its others: the GPU itself, 80 % of device 1's time."
    )


def test_one_device_has_no_verdict_of_its_own() -> None:
    rows = [host("range", "ProfilerStep#0", 0, 100_000), *launched(1_000, 2_000, 50_000, 1)]
    verdict = verdict_of(made.joined(made.events(rows)).stepped())
    assert verdict.devices == [] and verdict.devices_sentence is None


def test_with_a_range_everything_is_of_its_instances_alone() -> None:
    rows: Rows = []
    for number in range(4):
        at = 100_000 * number
        rows += [host("range", f"ProfilerStep#{number}", at, at + 100_000)]
        rows += [host("range", "forward", at + 5_000, at + 30_000), host("range", "log", at + 60_000, at + 90_000)]
        rows += launched(at + 10_000, at + 12_000, at + 40_000, 10 * number + 1)
        rows += launched(at + 65_000, at + 70_000, at + 75_000, 10 * number + 2)
        rows += [host("api", "cudaStreamSynchronize", at + 66_000, at + 76_000)]
    found = analyze(made.joined(made.events(rows)).trace, range_name="log")
    tables = found.answers(["steps", "idle_causes", "idle", "syncs"]).tables
    steps = found.stepped.steps
    assert steps is not None and set(steps.names) == {"log"} and steps.wall_ns.tolist() == [30_000] * 4
    assert tables["steps"].frame["gpu_busy_ns"].tolist() == [5_000] * 4
    assert tables["idle_causes"].frame["parts_ns"].sum() == tables["idle"].frame["length_ns"].sum() == 4 * 25_000
    assert tables["idle_causes"].frame["share_of_time"].sum() == pytest.approx(25 / 30)
    assert tables["idle_causes"].frame["parts_share_of_time"].sum() == pytest.approx(25 / 30)
    bound = bound_by(found.stepped)
    assert bound is not None and bound.window_ns == 3 * 30_000 and bound.shares["gpu"] == pytest.approx(5 / 30)
    # work that outlasts its range on the host is still its instance's
    forward = analyze(found.joined.trace, range_name="forward").stepped.steps
    assert forward is not None and forward.wall_ns.tolist() == [35_000] * 4 and forward.launches.tolist() == [1] * 4


def test_a_clock_that_counts_from_1970_changes_no_nanosecond() -> None:
    def parts(origin: int) -> Any:
        rows = [
            host("range", "ProfilerStep#1", origin, origin + 100_003),
            host("op", "aten::add", origin + 1_001, origin + 50_004),
        ]
        rows += [
            *launched(origin + 2, origin + 15, origin + 303, 1),
            *launched(origin + 60_007, origin + 60_029, origin + 61_001, 2),
        ]
        gaps = Stepped(made.joined(made.events(rows))).gaps
        assert gaps is not None
        return gaps.parts.tolist()

    assert parts(1_700_000_000_123_456_789) == parts(0)


def test_frames_of_pythons_stack_say_that_the_host_was_in_python() -> None:
    rows = [*launched(0, 20, 1_000, 1), *launched(9_000, 9_020, 10_000, 2)]
    trace = made.joined(made.events(rows)).trace
    process, thread = (str(trace.events[each].dropna().iloc[0]) for each in ("process", "thread"))
    frames = {(process, thread): (np.array([2_000]), np.array([7_000]))}
    for known, expected in ((frames, 5_000), ({}, 0)):
        gaps = Stepped(join(replace(trace, python_frames=known))).gaps
        assert gaps is not None
        parts = dict(zip(CAUSES, gaps.by_part().tolist(), strict=True))
        assert (parts["host-python"], parts["not-recorded"]) == (expected, 8_000 - expected)


def test_waits_by_what_made_them_and_the_idle_time_that_followed() -> None:
    rows: Rows = [host("range", "log", 0, 3000)]
    for number in range(3):
        at = 1000 * number
        rows += launched(at, at + 20, at + 200, number + 1)
        rows += [
            host("op", "aten::item", at + 20, at + 260),
            host("op", "aten::_local_scalar_dense", at + 30, at + 250),
        ]
        rows += [host("api", "cudaStreamSynchronize", at + 50, at + 240)]
    (row,) = rows_of(made.joined(made.events(rows)), "syncs")
    assert (row["api"], row["op"], row["inner_op"], row["range"]) == (
        "cudaStreamSynchronize",
        "aten::item",
        "aten::_local_scalar_dense",
        "log",
    )
    assert (row["calls"], row["total_ns"], row["median_ns"], row["max_ns"]) == (3, 570, 190, 190)
    assert row["idle_after_ns"] == 2 * 820  # from 200 to 1020, twice: the last work ends what is looked at


def test_tables_are_absent_where_the_trace_holds_nothing_of_them() -> None:
    rows = [host("range", "step", 0, 1000), host("op", "aten::add", 10, 20)]
    found = answers(questions(["steps", "idle", "idle_causes", "syncs"]), Scope(made.joined(made.events(rows))))
    assert not found.tables
    assert found.lacking["steps"].startswith("no steps") and found.lacking["syncs"].startswith("no calls that wait")
    assert found.lacking["idle"] == found.lacking["idle_causes"] == "no GPU work"
