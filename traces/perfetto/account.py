"""The time account as tracks: the host lane of a launching thread and the device lane of its device, within windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from launchlens.traces.account import Accountant, Lane, busiest_device, launching_thread
from launchlens.traces.intervals import Ints, covered, union
from launchlens.traces.launches.join import Launches
from launchlens.traces.perfetto.layers import Layer, thread_track
from launchlens.traces.ranges import range_instances
from launchlens.traces.studies.recording import BLOCK
from launchlens.traces.trace import Trace

_HOST_STATE_SAYS = (
    "The host lane of launchlens' time account: what the launching thread is in, by the innermost event open on it."
    " python: in no op and no API call; dispatch: in a framework op; launch: in a call that submits work; sync: in one"
    " that waits; api: in any other; profiler: in the recorder's own overhead. Covers "
)
_DEVICE_STATE_SAYS = (
    "The device lane of launchlens' time account: what runs on the device, all its streams together. Covers "
)


@dataclass(frozen=True)
class Windows:
    """The windows that an account covers on one thread and one device; `device` is None where none was recorded."""

    process: int
    thread: int
    device: int | None
    start_ns: Ints
    end_ns: Ints
    covers: str


def whole_trace(trace: Trace, launches: Launches) -> list[Windows]:
    """One window over all events, on the lanes that `analyze` cuts; none where no thread launches anything."""
    thread = launching_thread(launches)
    if thread is None:
        return []
    start = trace.events["start_ns"].to_numpy()
    end = start + trace.events["dur_ns"].to_numpy()
    device = busiest_device(trace.events, launches, *thread)
    return [Windows(*thread, device, start.min()[None], end.max()[None], "the whole trace, first event to last.")]


def capture_blocks(trace: Trace, launches: Launches) -> list[Windows]:
    """The windows of every variant's account, on the lanes that `study` cuts them on: those of its first block."""
    instances = range_instances(trace.events, launches)
    names = instances["name"].astype(str)
    found = []
    for name in dict.fromkeys(names[names.str.startswith(BLOCK)]):
        mine = instances[names == name]
        process, thread = int(mine["process"].iloc[0]), int(mine["thread"].iloc[0])
        device = busiest_device(trace.events, launches, process, thread)
        start, end = mine["start_ns"].to_numpy(), mine["end_ns"].to_numpy()
        found.append(Windows(process, thread, device, start, end, f"the `{BLOCK}` ranges: one a block of iterations."))
    return found


def account_layers(trace: Trace, launches: Launches, covered_by: Sequence[Windows]) -> list[Layer]:
    """The account's lanes: one track per launching thread, then one per device."""
    hosts: dict[tuple[int, int], tuple[Lane, list[Windows]]] = {}
    devices: dict[int, tuple[Lane, list[Windows]]] = {}
    cut: dict[tuple[int, int, int | None], tuple[Lane, Lane]] = {}
    for window in covered_by:
        thread, device = (window.process, window.thread), window.device
        if (*thread, device) not in cut:
            accountant = Accountant(trace.events, launches, process=window.process, thread=window.thread, device=device)
            cut[(*thread, device)] = accountant.lanes()
        host_lane, device_lane = cut[(*thread, device)]
        hosts.setdefault(thread, (host_lane, []))[1].append(window)
        if device is not None:
            devices.setdefault(device, (device_lane, []))[1].append(window)
    return [
        *(
            _state_layer(f"host state: {thread_track(trace.events, *thread)}", _HOST_STATE_SAYS, *found)
            for thread, found in hosts.items()
        ),
        *(
            _state_layer(f"device state: GPU {device}", _DEVICE_STATE_SAYS, *found)
            for device, found in sorted(devices.items())
        ),
    ]


def _state_layer(name: str, says: str, lane: Lane, windows: Sequence[Windows]) -> Layer:
    # variants share a lane, and ranges may nest: the union of their windows is drawn once
    start, end, state = runs(
        lane,
        np.concatenate([window.start_ns for window in windows]),
        np.concatenate([window.end_ns for window in windows]),
    )
    return Layer((name,), lane.names, state, start, end, says=says + windows[0].covers)


def runs(lane: Lane, start: Ints, end: Ints) -> tuple[Ints, Ints, Ints]:
    """The states of a lane within the union of some windows, as (start, end, state) of runs that share no moment.

    A run ends where the state changes or where a window starts or ends, so that each window is made of whole runs.
    """
    low, high = union(start, end)
    if not len(low):
        empty = np.empty(0, np.int64)
        return empty, empty, empty
    edges = np.unique(np.concatenate((lane.edges, start, end)))
    inside = covered(edges, low, high)
    left, right = edges[:-1][inside], edges[1:][inside]
    state = lane.at(left)
    opens = np.ones(len(left), bool)
    opens[1:] = state[1:] != state[:-1]
    opens |= np.isin(left, start) | np.isin(left, end)  # where moments are left out, a window ended and one starts
    closes = np.append(opens[1:], True)
    return left[opens], right[closes], state[opens]
