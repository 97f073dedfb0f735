"""The two lanes of the time account, cut from a trace: what its host thread was in, and what its device did.

    host     | python |dispatch| launch |dispatch|      sync      |
    device   |         idle         | memcpy |  idle  |  memcpy   |

The host lane is cut by the innermost event open on the thread, the device lane by what runs on the device.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.account import DEVICE_STATES, HOST_STATES
from launchlens.traces.intervals import Ints, covered, innermost, moments, union
from launchlens.traces.launches.apis import waits
from launchlens.traces.launches.table import Launches
from launchlens.traces.schema import GPU_KINDS


@dataclass(frozen=True)
class Lane:
    """One lane of the account: state `names[state[i]]` from `edges[i]` to `edges[i + 1]`, `names[outside]` elsewhere."""

    edges: Ints
    state: Ints
    names: tuple[str, ...]
    outside: int

    def at(self, moment: Ints) -> Ints:
        """The state at each moment, as an index into `names`: `outside` before the first edge and from the last one on."""
        if not len(self.state):
            return np.full(len(moment), self.outside, np.int64)
        segment = np.searchsorted(self.edges, moment, side="right") - 1
        within = (segment >= 0) & (segment < len(self.state))
        return np.where(within, self.state[np.clip(segment, 0, len(self.state) - 1)], self.outside)


def cut(host: Lane, device: Lane, start: Ints, end: Ints) -> npt.NDArray[np.int64]:
    """Time by host and device state in each of some windows: int64 ns, [windows, HOST_STATES, DEVICE_STATES].

    The windows are in order and share no moment; the cells of each sum to its length.
    """
    cells = np.zeros((len(start), len(HOST_STATES), len(DEVICE_STATES)), np.int64)
    if not len(start):
        return cells
    if np.any(start[1:] < end[:-1]):
        raise ValueError("windows overlap, or are not in order")
    edges = moments(host.edges, device.edges, start, end)
    left, length = edges[:-1], np.diff(edges)
    which = np.searchsorted(start, left, side="right") - 1
    inside = (which >= 0) & (left < end[which])
    left, length, which = left[inside], length[inside], which[inside]
    np.add.at(cells, (which, host.at(left), device.at(left)), length)
    return cells


def host_lane(events: pd.DataFrame, launches: Launches, process: int, thread: int) -> Lane:
    """The host lane of one thread, given by its codes in the event table."""
    # Category codes are compared, not strings: a trace has millions of rows and a handful of threads.
    on_thread = (events["thread"].cat.codes.to_numpy() == thread) & (events["process"].cat.codes.to_numpy() == process)
    kinds = list(events["kind"].cat.categories)
    kind = events["kind"].cat.codes.to_numpy()
    state_of_kind = {"range": "python", "op": "dispatch", "api": "api", "overhead": "profiler"}
    state = np.full(len(events), -1, np.int64)
    for name, host_state in state_of_kind.items():
        if name in kinds:
            state[kind == kinds.index(name)] = HOST_STATES.index(host_state)
    rows = np.flatnonzero(on_thread & (state >= 0))
    waiting = np.array([waits(str(name)) for name in events["name"].cat.categories] + [False])
    is_api = state[rows] == HOST_STATES.index("api")
    names = events["name"].cat.codes.to_numpy()[rows]
    state_here = state[rows]
    state_here[is_api & waiting[names]] = HOST_STATES.index("sync")
    launching = np.zeros(len(events), bool)
    launching[launches.table["row"].to_numpy(np.int64)] = True
    state_here[launching[rows]] = HOST_STATES.index("launch")
    start = events["start_ns"].to_numpy()[rows]
    end = start + events["dur_ns"].to_numpy()[rows]
    # a driver call inside the runtime call that launches is part of that launch
    state_here = _inherit_launch(state_here, is_api, start, end)
    edges, owner = innermost(start, end, rank=state_here)
    outside = HOST_STATES.index("python")
    return Lane(edges, np.where(owner >= 0, state_here[owner], outside), HOST_STATES, outside)


def _inherit_launch(state: Ints, is_api: npt.NDArray[np.bool_], start: Ints, end: Ints) -> Ints:
    """Give API calls made inside a launching or waiting API call the state of that call."""
    outer = np.flatnonzero(np.isin(state, [HOST_STATES.index("launch"), HOST_STATES.index("sync")]))
    inner = np.flatnonzero(is_api & (state == HOST_STATES.index("api")))
    if not len(outer) or not len(inner):
        return state
    order = outer[np.argsort(start[outer], kind="stable")]
    before = np.searchsorted(start[order], start[inner], side="right") - 1
    holder = order[np.maximum(before, 0)]
    held = (before >= 0) & (end[holder] >= end[inner])
    state = state.copy()
    state[inner[held]] = state[holder[held]]
    return state


def device_lane(events: pd.DataFrame, device: int | None, unknown: tuple[Ints, Ints] | None = None) -> Lane:
    """The lane of one device; `unknown` are the times of which it is not known whether work ran. Without a device: no lane."""
    outside = DEVICE_STATES.index("idle")
    nothing = np.empty(0, np.int64)
    if device is None:
        return Lane(nothing, nothing, DEVICE_STATES, outside)
    on_device = (events["device"] == device).fillna(False).to_numpy(bool)
    kinds = events["kind"].to_numpy(dtype=object)
    lanes = {}
    for kind in GPU_KINDS:
        rows = np.flatnonzero(on_device & (kinds == kind))
        start = events["start_ns"].to_numpy()[rows]
        lanes[kind] = union(start, start + events["dur_ns"].to_numpy()[rows])
    lanes["unknown"] = unknown or (nothing, nothing)
    edges = moments(*(side for lane in lanes.values() for side in lane))
    if len(edges) < 2:
        return Lane(nothing, nothing, DEVICE_STATES, outside)
    kernel, memcpy, memset, graph = (covered(edges, *lanes[kind]) for kind in ("kernel", "memcpy", "memset", "graph"))
    state = np.full(len(edges) - 1, outside)
    state[covered(edges, *lanes["unknown"])] = DEVICE_STATES.index("unknown")
    state[graph] = DEVICE_STATES.index("graph")
    state[memset] = DEVICE_STATES.index("memset")
    state[memcpy] = DEVICE_STATES.index("memcpy")
    state[kernel] = DEVICE_STATES.index("kernel")
    state[kernel & memcpy] = DEVICE_STATES.index("kernel+memcpy")
    return Lane(edges, state, DEVICE_STATES, outside)
