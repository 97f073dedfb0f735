"""Times in which a device may have run what its recorder did not write down: kernels, and replays of CUDA graphs.

Such time is no idle time. It is told in three ways: by a launch without any GPU activity, by a replay that has fewer
activities than others of its graph, and by a host that waits on for the device after all that was recorded has ended.

    host     |launch|      |---------------- sync ----------------|
    device             |k1| |k2|........ nothing recorded ........|   the last part is unknown
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.columns import is_any
from launchlens.traces.grouping import by_keys
from launchlens.traces.intervals import Ints, union, union_length
from launchlens.traces.launches.captured import captured
from launchlens.traces.launches.table import Launches
from launchlens.traces.problems import Problems, shown_name
from launchlens.traces.thresholds import THRESHOLDS
from launchlens.traces.unrecorded.incomplete_replays import incomplete
from launchlens.traces.unrecorded.stream_order import StreamOrder
from launchlens.traces.unrecorded.sync_calls import FIRST, SyncCalls, find_sync_calls

#: Starts and ends of disjoint intervals by device.
Spans: TypeAlias = Mapping[int, tuple[Ints, Ints]]

#: How many names of missing activities a problem lists, and how much of each.
_NAMES, _NAME = 3, 60


def unknown_time(events: pd.DataFrame, launches: Launches, problems: Problems) -> Spans:
    """By device the times of which it is not known whether work ran; what was recorded within them is known all the same.

    What was found is counted in `problems`.
    """
    is_graph, is_kernel = (np.asarray(launches.columns["submits"] == each) for each in ("graph", "kernel"))
    idle_hands = ~launches.caused_work & ~captured(events, launches)
    if not len(launches.activity_rows) or not (is_graph.any() or (is_kernel & idle_hands).any()):
        return {}
    work, waits = StreamOrder(events, launches), find_sync_calls(events)
    # launches that share an id may have activities that could not be told to be theirs
    silent = idle_hands & ~launches.columns["ambiguous"] & ~_within_one_that_ran(launches)
    without, lost = (silent & each for each in (is_graph, is_kernel))
    for each in (without, lost):
        each[each] = ~work.strays_within(*work.bounds(np.flatnonzero(each), waits))
    plain = _spans(work, waits, np.flatnonzero(lost))
    problems.add("work-unrecorded", int(lost.sum()), ns=_silent_ns(work, plain))
    if not is_graph.any():
        return plain
    of_graph = is_graph[work.owner]
    looked = incomplete(events, launches, work.rows[of_graph], work.owner[of_graph])

    unseen = _spans(work, waits, np.flatnonzero(without))
    problems.add("graph-replay-unrecorded", int(without.sum()), ns=_silent_ns(work, unseen))
    short = looked.missing > 0
    partly = _spans(work, waits, np.flatnonzero(short))
    detail = f"{looked.missing.sum():,} missing ({_listed(looked.names)})"
    problems.add("graph-replay-incomplete", int(short.sum()), ns=_silent_ns(work, partly), detail=detail)
    count, waited = _long_waits(events, work, waits, is_graph, without | short | (idle_hands & ~is_graph))
    problems.add("graph-replay-under-recorded", count, ns=(ns := _silent_ns(work, waited)), detail=f"{ns:,} ns")
    return _joined((plain, unseen, partly, waited))


def _within_one_that_ran(launches: Launches) -> npt.NDArray[np.bool_]:
    """Which launch calls overlap another of their thread that caused activities: the driver's call inside the runtime's, say."""
    inside = np.zeros(len(launches), bool)
    ran, start, end = launches.caused_work, launches.start_ns, launches.end_ns
    for rows in by_keys(np.arange(len(inside)), launches.process, launches.thread).values():
        low, high = union(start[rows[ran[rows]]], end[rows[ran[rows]]])
        before = np.searchsorted(low, end[rows], side="left") - 1
        inside[rows] = (before >= 0) & (np.append(high, FIRST)[before] > start[rows])
    return inside


def _spans(work: StreamOrder, waits: SyncCalls, launches: Ints) -> Spans:
    """From each launch until its work must have ended, by device; nothing without launches."""
    if not len(launches):
        return {}
    low, high = work.bounds(launches, waits)
    found = {}
    for device in work.devices:
        here = work.may_run_on(launches, device)
        found[device] = union(low[here], high[here])
    return found


def _silent_ns(work: StreamOrder, spans: Spans) -> int:
    """How much of some spans no record covers, ns."""
    total = 0
    for device, (low, high) in spans.items():
        start, end = work.recorded_on(device)
        total += union_length(np.append(low, start), np.append(high, end)) - union_length(start, end)
    return total


def _long_waits(
    events: pd.DataFrame,
    work: StreamOrder,
    waits: SyncCalls,
    is_graph: npt.NDArray[np.bool_],
    explained: npt.NDArray[np.bool_],
) -> tuple[int, Spans]:
    """Waits after graph launches that last on when all that was recorded has ended: how many, and their last parts by device.

    Not counted is a wait after a launch that is `explained` otherwise, nor the time that the recorder says it took itself.
    """
    overheads = np.flatnonzero(is_any(events, "kind", "overhead"))
    start = events["start_ns"].to_numpy()
    recorder = union(start[overheads], start[overheads] + events["dur_ns"].to_numpy()[overheads])
    launched = work.launches.start_ns
    count, found = 0, []
    for process in np.unique(waits.process):
        mine = np.flatnonzero(work.launches.process == process)
        here = waits.process == process
        low, high = waits.start[here], waits.end[here]
        last = np.searchsorted(launched[mine], low, side="right") - 1
        low, high, last = low[last >= 0], high[last >= 0], last[last >= 0]
        if not len(low):
            continue
        # the launches that it is for: all since the wait before the last of them
        ends = np.sort(waits.end[here])
        before = np.searchsorted(ends, launched[mine][last], side="right") - 1
        first = np.where(before >= 0, np.searchsorted(launched[mine], ends[before], side="left"), 0)
        graphs, others = (
            np.concatenate(([0], np.cumsum(each[mine], dtype=np.int64))) for each in (is_graph, explained)
        )
        asked = (graphs[last + 1] > graphs[first]) & (others[last + 1] == others[first])
        devices = work.devices_of(int(process))
        silent = np.maximum(low, work.last_end_before(high, devices))
        length = high - silent - (_covered_until(recorder, high) - _covered_until(recorder, np.minimum(silent, high)))
        long = asked & (length >= THRESHOLDS.long_wait_ns) & (length >= THRESHOLDS.long_wait_share * (high - low))
        count += int(long.sum())
        found.append({device: union(silent[long], high[long]) for device in devices})
    return count, _joined(found)


def _covered_until(spans: tuple[Ints, Ints], moment: Ints) -> Ints:
    """How much of some disjoint spans lies before each moment, ns."""
    low, high = spans
    whole = np.concatenate(([0], np.cumsum(high - low)))
    at = np.searchsorted(low, moment, side="right")
    past = np.where(at > 0, np.maximum(np.insert(high, 0, FIRST)[at] - moment, 0), 0)
    covered: Ints = whole[at] - past
    return covered


def _listed(names: Counter[str]) -> str:
    """The most frequent of some names with their counts, and how many others there are."""
    shown = [
        f"{shown_name(name, _NAME)} × {count}"
        for name, count in sorted(names.items(), key=lambda item: (-item[1], item[0]))
    ]
    return ", ".join(shown[:_NAMES]) + (f" and {len(shown) - _NAMES} other names" if len(shown) > _NAMES else "")


def _joined(several: Iterable[Spans]) -> Spans:
    """The union of some spans, by device; none for a device without any."""
    parts: dict[int, list[tuple[Ints, Ints]]] = {}
    for spans in several:
        for device, each in spans.items():
            parts.setdefault(device, []).append(each)
    made = {
        device: union(np.concatenate([low for low, _ in each]), np.concatenate([high for _, high in each]))
        for device, each in parts.items()
    }
    return {device: spans for device, spans in made.items() if len(spans[0])}
