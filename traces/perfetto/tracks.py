"""Which tracks an exported trace shows, from the top of the screen down, and which slices point to which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from launchlens.traces.intervals import Ints
from launchlens.traces.joined import JoinedTrace
from launchlens.traces.launches.table import Launches
from launchlens.traces.perfetto.account import account_layers
from launchlens.traces.perfetto.layers import Counter, Layer, thread_track
from launchlens.traces.perfetto.marks import mark_layers
from launchlens.traces.schema import GPU_KINDS, HOST_KINDS
from launchlens.traces.slice import Slice
from launchlens.traces.threads import launching_thread
from launchlens.traces.trace import Trace
from launchlens.traces.windows import blocks, of_devices, whole_trace

#: What the tracks of a host thread and of a stream are called, by the kind of event that they hold.
TRACK_OF_KIND = {"range": "ranges", "op": "framework ops", "api": "API calls", "overhead": "profiler overhead"}

_FLIGHT_SAYS = "Launches from the start of their API call to the end of the last GPU activity that they caused."
_QUEUED_SAYS = (
    "Launches from the end of their API call to the start of their first GPU activity: submitted, not started."
)


@dataclass(frozen=True)
class Flows:
    """Which slice points to which, by position in the event table: flow `i` leaves `source[i]` and enters `target[i]`.

    `backwards` counts the activities that start before their launch (the clocks disagree): an arrow can't point back
    in time, so these have none.
    """

    source: Ints
    target: Ints
    backwards: int


def layers(joined: JoinedTrace, *, of_capture: bool) -> list[Layer | Counter]:
    """Everything a trace shows, from the top of the screen down: marks, account, counters, host threads, GPU streams.

    `of_capture`: account for the `variant:` ranges of a capture, and not for the whole trace; its variants are no steps of one
    program, so that nothing is marked.
    """
    accounted = _accounted(joined, of_capture)
    leading = launching_thread(joined.launches) if accounted else None
    if of_capture and accounted and accounted[0].thread is not None:
        leading = accounted[0].process, accounted[0].thread
    return [
        *([] if of_capture else mark_layers(joined.stepped())),
        *account_layers(joined, accounted),
        *_counters(joined.trace, joined.launches),
        *_host_layers(joined.events, leading),
        *_gpu_layers(joined.trace),
    ]


def _accounted(joined: JoinedTrace, of_capture: bool) -> list[Slice]:
    if of_capture:
        return list(blocks(joined).values())
    whole = whole_trace(joined)
    return [] if whole is None else of_devices(joined, whole)


def _counters(trace: Trace, launches: Launches) -> list[Counter]:
    """Launches in flight and launches queued, per device; a launch counts on each device that it gave work to."""
    rows, owner = launches.joined_rows, launches.owner
    device = trace.events["device"].iloc[rows]
    start = trace.events["start_ns"].to_numpy()
    end = start + trace.events["dur_ns"].to_numpy()
    made = []
    for number in sorted(int(value) for value in device.dropna().unique()):
        here = (device == number).fillna(False).to_numpy(bool)
        launch, which = np.unique(owner[here], return_inverse=True)
        first = np.full(len(launch), np.iinfo(np.int64).max)
        last = np.full(len(launch), np.iinfo(np.int64).min)
        np.minimum.at(first, which, start[rows[here]])
        np.maximum.at(last, which, end[rows[here]])
        call_start, call_end = launches.start_ns[launch], launches.end_ns[launch]
        for name, says, low, high in (
            (f"launches in flight: GPU {number}", _FLIGHT_SAYS, call_start, last),
            (f"launches queued: GPU {number}", _QUEUED_SAYS, call_end, first),
        ):
            made.append(Counter((name,), *_count(low, high), "launches", says))
    return made


def _count(start: Ints, end: Ints) -> tuple[Ints, Ints]:
    """How many of some intervals hold each moment, where that changes. Intervals without length hold none."""
    holds = end > start
    at, which = np.unique(np.concatenate((start[holds], end[holds])), return_inverse=True)
    change = np.zeros(len(at), np.int64)
    np.add.at(change, which, np.repeat([1, -1], int(holds.sum())))
    changes = change != 0
    return at[changes], np.cumsum(change)[changes]


def _host_layers(events: pd.DataFrame, leading: tuple[int, int] | None) -> list[Layer]:
    """A group per host thread, the launching one first, with a track per kind of event."""
    keys = np.stack([events[name].cat.codes.to_numpy(np.int64) for name in ("process", "thread", "kind")], axis=1)
    kinds = list(events["kind"].cat.categories)
    rank = {kinds.index(kind): number for number, kind in enumerate(HOST_KINDS) if kind in kinds}
    groups = [group for group in _groups(keys) if group[0][2] in rank]
    groups.sort(key=lambda group: (group[0][:2] != leading, group[0][:2], rank[group[0][2]]))
    return [
        _event_layer(events, rows, (thread_track(events, process, thread), TRACK_OF_KIND[kinds[kind]]))
        for (process, thread, kind), rows in groups
    ]


def _gpu_layers(trace: Trace) -> list[Layer]:
    """A group per device with a track per stream, and one for the recorder's own projections of ranges on it."""
    events = trace.events
    named: dict[str, list[str | None]] = {}
    codes = []
    for column in ("device", "context", "stream"):
        values, uniques = pd.factorize(events[column], sort=True)
        codes.append(values.astype(np.int64))
        named[column] = [*(str(value) for value in uniques), None]  # a code of -1, for null, finds the last
    kind = events["kind"].astype(str).to_numpy(dtype=object)
    codes.append((kind == "gpu-range").astype(np.int64))
    on_gpu = np.isin(kind, (*GPU_KINDS, "gpu-range"))
    contexts = set(codes[1][on_gpu])
    made = []
    for (device, context, stream, projected), chosen in _groups(np.stack(codes, axis=1)[on_gpu]):
        number = named["device"][device]
        group = "GPU not named" if number is None else f"GPU {number}"
        title = trace.devices.get(int(number)) if number is not None else None
        group += f": {title}" if title else ""
        name = "stream not named" if stream < 0 else f"stream {named['stream'][stream]}"
        # a stream's number is unique within its context only
        if len(contexts) > 1:
            name += f" of context {named['context'][context] or 'unknown'}"
        name += " (ranges)" if projected else ""
        made.append(_event_layer(events, np.flatnonzero(on_gpu)[chosen], (group, name)))
    return made


def _groups(keys: Ints) -> list[tuple[tuple[int, ...], Ints]]:
    """The distinct rows of `keys`, in order, each with the positions at which it stands."""
    if not len(keys):
        return []
    order = np.lexsort(keys.T[::-1])
    firsts = np.flatnonzero(np.any(np.diff(keys[order], axis=0) != 0, axis=1)) + 1
    return [(tuple(int(part) for part in keys[rows[0]]), rows) for rows in np.split(order, firsts)]


def _event_layer(events: pd.DataFrame, rows: Ints, path: tuple[str, ...]) -> Layer:
    start = events["start_ns"].to_numpy()[rows]
    names = events["name"].cat.categories
    codes, used = pd.factorize(events["name"].array.codes[rows])
    return Layer(
        path,
        [str(names[code]) for code in used],
        codes.astype(np.int64),
        start,
        start + events["dur_ns"].to_numpy()[rows],
        rows,
    )


def flows(events: pd.DataFrame, launches: Launches) -> Flows:
    """An arrow from each launch call to each GPU activity that it caused."""
    target = launches.joined_rows
    source = launches.row[launches.owner]
    start = events["start_ns"].to_numpy()
    forward = start[target] >= start[source]
    return Flows(source[forward], target[forward], int((~forward).sum()))
