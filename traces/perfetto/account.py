"""The time account as tracks: the host lane of a process or thread and the device lane of its device, within windows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from launchlens.traces.intervals import Ints, covered, union
from launchlens.traces.joined import JoinedTrace
from launchlens.traces.lanes import Lane
from launchlens.traces.perfetto.layers import Layer, thread_track
from launchlens.traces.slice import Slice

_HOST_STATE_SAYS = (
    "The host lane of launchlens' time account: what a thread is in, by the innermost event open on it, and a process by the"
    " first of these that a thread of it is in. launch: in a call that submits work; dispatch: in a framework op; sync: in a call"
    " that waits; api: in any other; python: in Python and in none of these; profiler: in the recorder's own overhead; waiting: for"
    " another thread that does its work; not-recorded: nothing is open. Covers "
)
_DEVICE_STATE_SAYS = (
    "The device lane of launchlens' time account: what runs on the device, all its streams together. Covers "
)


def account_layers(joined: JoinedTrace, slices: Sequence[Slice]) -> list[Layer]:
    """The lanes of the account of some slices: one track per process or launching thread, then one per device."""
    hosts: dict[tuple[int, int | None], list[Slice]] = {}
    devices: dict[int, list[Slice]] = {}
    for each in slices:
        hosts.setdefault((each.process, each.thread), []).append(each)
        if each.device is not None:
            devices.setdefault(each.device, []).append(each)
    return [
        *(
            _state_layer(f"host state: {_whose(mine[0])}", _HOST_STATE_SAYS, mine[0].host_lane, mine)
            for mine in hosts.values()
        ),
        *(
            _state_layer(f"device state: GPU {device}", _DEVICE_STATE_SAYS, joined.device_lane(device), mine)
            for device, mine in sorted(devices.items())
        ),
    ]


def _whose(slice_: Slice) -> str:
    if slice_.thread is None:
        return f"process {slice_.process_name or 'not named'}"
    return thread_track(slice_.joined.events, slice_.process, slice_.thread)


def _state_layer(name: str, says: str, lane: Lane, slices: Sequence[Slice]) -> Layer:
    # variants share a lane, and ranges may nest: the union of their windows is drawn once
    start, end, state = runs(
        lane,
        np.concatenate([each.start_ns for each in slices]),
        np.concatenate([each.end_ns for each in slices]),
    )
    return Layer((name,), lane.names, state, start, end, says=f"{says}{slices[0].covers}.")


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
