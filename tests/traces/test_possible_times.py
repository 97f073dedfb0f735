"""Records whose times can't be so are left out and counted, whoever wrote them; what they stood for is unknown, not idle."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from events import gpu, host, trace
from launchlens.traces.analysis import analyze
from launchlens.traces.details import Details
from launchlens.traces.readers.possible_times import with_possible_times
from launchlens.traces.source import open_trace
from launchlens.traces.thresholds import THRESHOLDS
from launchlens.traces.trace import Trace
from traces import samples

MS, S = 1_000_000, 1_000_000_000


def launches(count: int, base: int = MS, every: int = 100_000, dur: int = 10_000, **more: Any) -> list[dict[str, Any]]:
    """Launches one after the other, each with a kernel."""
    rows = []
    for number in range(count):
        at = base + number * every
        rows.append(host("api", "cudaLaunchKernel", at, at + 4_000, correlation=number + 1))
        rows.append(gpu("kernel", at + 9_000, at + 9_000 + dur, number + 1, context=1, **more))
    return rows


def codes(made: Trace) -> dict[str, int]:
    return {problem.code: problem.count for problem in made.problems}


def states(made: Trace) -> dict[str, float]:
    found = analyze(made).slice
    assert found is not None
    return {state: ns for state, ns in found.account.on_device().items() if ns}


@pytest.mark.parametrize("name", [*samples.OURS, *samples.MADE, *samples.of_others()])
def test_of_real_recordings_nothing_is_left_out(name, tmp_path) -> None:
    source = open_trace(samples.sample(name, tmp_path))
    assert with_possible_times(source) is source
    assert not {"time-not-taken", "time-far-away", "over-others-of-its-stream"} & set(codes(source))


def test_kernels_whose_time_could_not_be_taken_do_not_stretch_the_window(tmp_path) -> None:
    base = 2_000_000_000_000_000
    events: list[dict[str, Any]] = []
    for number in range(15):
        call = {"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 1, "tid": 1, "dur": 4}
        events.append(call | {"ts": base + 1_000 + 50 * number, "args": {"correlation": number + 1}})
        args = {"device": 0, "context": 1, "stream": 7, "correlation": number + 1}
        timed = {"ts": base + 1_009 + 50 * number, "dur": 10} if number % 3 else {"ts": 0, "dur": 0}
        events.append({"ph": "X", "cat": "kernel", "name": "k", "pid": 0, "tid": 7, "args": args} | timed)
    path = tmp_path / "trace.json"
    path.write_text(json.dumps({"schemaVersion": 1, "traceEvents": events}))
    made = open_trace(path)
    assert codes(made)["time-not-taken"] == 5
    assert (made.events["kind"] == "kernel").sum() == 10
    found = states(made)
    assert sum(found.values()) == 719_000 and found["unknown"] > 0 and found["kernel"] == 100_000


@pytest.mark.parametrize("kind", ["op", "kernel"])
def test_an_event_at_zero_hours_before_all_others_has_no_time(kind) -> None:
    rows = launches(4, base=2 * THRESHOLDS.far_from_zero_ns)
    odd = host("op", "x", 0, 70) if kind == "op" else gpu("kernel", 0, 70, 99)
    made = with_possible_times(trace([*rows, odd]))
    assert codes(made) == {"time-not-taken": 1} and len(made.events) == len(rows)


def test_a_clock_that_begins_at_zero_is_a_clock() -> None:
    made = trace([*launches(4, base=5_000), host("op", "x", 0, 70), gpu("kernel", 0, 3, None)])
    assert with_possible_times(made) is made


@pytest.mark.parametrize("at", [9_000 * S, -9_000 * S])
def test_one_kernel_far_from_all_else_in_time(at) -> None:
    rows = launches(8)
    rows[5] = rows[5] | {"start_ns": at, "end": at + 10_000}
    made = with_possible_times(trace(rows))
    assert codes(made) == {"time-far-away": 1}
    (problem,) = made.problems
    assert problem.ns == 10_000 and "kernel, 10,000 ns, 12.50% of the GPU time recorded" in problem.meaning
    found = states(made)
    assert sum(found.values()) < 2 * MS and found["kernel"] == 70_000 and found["unknown"] > 0


def test_a_device_whose_clock_is_another_is_left_as_it_is() -> None:
    rows = [
        row if row["kind"] == "api" else row | {"start_ns": row["start_ns"] + 9_000 * S, "end": row["end"] + 9_000 * S}
        for row in launches(8)
    ]
    made = trace(rows)
    assert with_possible_times(made) is made


def test_work_that_runs_long_after_its_launch_is_believed_where_the_device_is_busy_until_then() -> None:
    rows = launches(4, dur=5 * S, every=20_000)
    for number, row in enumerate(row for row in rows if row["kind"] == "kernel"):
        row |= {"start_ns": MS + 9_000 + number * 5 * S, "end": MS + 9_000 + (number + 1) * 5 * S}
        rows[2 * number + 1] = row
    made = trace(rows)
    assert with_possible_times(made) is made


def impossible(**more: Any) -> list[dict[str, Any]]:
    """50 kernels on a stream, the second of which says that it ran for two seconds."""
    rows = launches(50, **more)
    rows[3] = rows[3] | {"end": rows[3]["start_ns"] + 2 * S}
    return rows


def test_a_kernel_over_all_others_of_its_stream_makes_the_gpu_not_busy_but_unknown() -> None:
    made = with_possible_times(trace(impossible()))
    assert codes(made) == {"over-others-of-its-stream": 1}
    (problem,) = made.problems
    assert problem.ns == 2 * S and "kernel, 2,000,000,000 ns, 99.98% of the GPU time recorded" in problem.meaning
    found = states(made)
    assert sum(found.values()) < 6 * MS and found["kernel"] == 49 * 10_000
    assert 90_000 < found["unknown"] < 110_000  # from its launch to the next kernel, which waited for it


def test_small_overlaps_on_a_stream_stay_silent() -> None:
    rows = launches(
        50, every=10_000, dur=12_000
    )  # programmatic dependent launches: each begins before the last one's end
    made = trace(rows)
    assert with_possible_times(made) is made
    assert codes(made) == {}


@pytest.mark.parametrize(
    "changed",
    [{"graph_node": 5}, {"stream": 8}, {"device": 1}, {"context": 2}],
    ids=lambda changed: next(iter(changed)),
)
def test_what_may_run_beside_others_is_not_impossible(changed) -> None:
    rows = impossible()
    rows[3] = rows[3] | changed
    made = trace(rows)
    assert with_possible_times(made) is made


def test_hips_streams_share_queues() -> None:
    rows = [row | {"name": "hipLaunchKernel"} if row["kind"] == "api" else row for row in impossible()]
    made = trace(rows)
    assert with_possible_times(made) is made


def test_where_many_overlap_the_streams_are_not_streams() -> None:
    rows = [row | {"end": row["start_ns"] + 2 * S} if row["kind"] == "kernel" else row for row in launches(50)]
    made = trace(rows)
    assert with_possible_times(made) is made


def test_what_is_told_beside_the_events_stays_with_its_event() -> None:
    rows = impossible()
    shapes = pd.DataFrame({"row": [2, 3, 4, 99], "shapes": pd.Categorical(["[1]", "[2]", "[3]", "[4]"])})
    made = with_possible_times(replace(trace(rows), details=Details(shapes=shapes)))
    assert made.details.shapes is not None
    assert made.details.shapes.values.tolist() == [[2, "[1]"], [3, "[3]"], [98, "[4]"]]


def test_a_trace_is_not_altered() -> None:
    made = trace(impossible())
    before = made.events.copy()
    with_possible_times(made)
    assert made.events.equals(before) and codes(made) == {}
    assert with_possible_times(replace(made, path=Path("other.json"))).path == Path("other.json")
