"""The two lanes of the time account, cut from a trace: what its host was in, and what its device did.

    host     | python |dispatch| launch |dispatch|      sync      |
    device   |         idle         | memcpy |  idle  |  memcpy   |

The host lane of a thread is cut by the innermost event open on it, that of a process out of those of its threads; the device
lane by what runs on the device.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.account import DEVICE_STATES, HOST_STATES, PRECEDENCE
from launchlens.traces.columns import codes, is_any, is_on
from launchlens.traces.communication import communicates
from launchlens.traces.event_names import named
from launchlens.traces.grouping import by_keys
from launchlens.traces.intervals import Ints, covered, innermost, moments, union
from launchlens.traces.launches.apis import waits
from launchlens.traces.launches.table import Launches
from launchlens.traces.schema import GPU_KINDS

#: Ranges that a framework's C++ opens, whatever runs the program: PyTorch's ops under `emit_nvtx`, and what c10d calls its
#: collectives, also on autograd's thread.
_FRAMEWORKS = re.compile(
    r"(aten|autograd|c10d|torch|prims|prim|quantized|torchvision|xla)::|(nccl|gloo|mpi|ucc|xccl|hccl):"
)


#: The states, as indices, in which a thread was seen to do something.
DOING = tuple(HOST_STATES.index(state) for state in ("dispatch", "launch", "sync", "api", "profiler"))


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
        return np.where(within, self.state.take(segment, mode="clip"), self.outside)

    def in_state(self, name: str) -> tuple[Ints, Ints]:
        """When the lane is in a state, between its edges: starts and ends."""
        mine = self.state == self.names.index(name)
        return self.edges[:-1][mine], self.edges[1:][mine]

    def runs(self) -> Lane:
        """The same lane with no edge at which the state stays what it was."""
        if not len(self.state):
            return self
        opens = np.concatenate(([True], self.state[1:] != self.state[:-1]))
        return Lane(np.append(self.edges[:-1][opens], self.edges[-1]), self.state[opens], self.names, self.outside)


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


@dataclass(frozen=True)
class HostEvents:
    """The host events of a trace by the state that their thread is in while they are innermost: one entry an event.

    `rows` are positions in the event table. `state` and `evident` index HOST_STATES: `state` takes every range for the caller's
    own code, which is `python`; `evident` says so only where the process is known to run Python, see `host_events`.
    `of_thread` are the positions in these arrays by process and thread, as codes of the event table.
    """

    rows: Ints
    start_ns: Ints
    end_ns: Ints
    state: Ints
    evident: Ints
    of_thread: Mapping[tuple[int, int], Ints]

    def threads_of(self, process: int) -> list[int]:
        """The threads of a process, by their codes."""
        return sorted(thread for of, thread in self.of_thread if of == process)


def host_events(events: pd.DataFrame, launches: Launches, python_processes: Collection[str]) -> HostEvents:
    """The state of every host event.

    A range is evidence of Python where its process is one of `python_processes`. A range that a framework's C++ opened, told by
    its name, is `dispatch` like an op; any other says nothing of what its thread does.
    """
    # Category codes are compared, not strings: a trace has millions of rows and a handful of threads.
    kinds, kind = events["kind"].array.categories.tolist(), events["kind"].array.codes
    of_kind = np.full(len(kinds) + 1, -1, np.int64)
    for name, host_state in (("range", "python"), ("op", "dispatch"), ("api", "api"), ("overhead", "profiler")):
        if name in kinds:
            of_kind[kinds.index(name)] = HOST_STATES.index(host_state)
    rows = np.flatnonzero(of_kind[kind] >= 0)
    state = of_kind[kind[rows]]
    is_api = state == HOST_STATES.index("api")
    calls = np.flatnonzero(is_api)
    state[calls[named(events["name"], waits, rows[calls])]] = HOST_STATES.index("sync")
    launching = np.zeros(len(events), bool)
    launching[launches.row] = True
    state[launching[rows]] = HOST_STATES.index("launch")
    start = events["start_ns"].to_numpy()[rows]
    end = start + events["dur_ns"].to_numpy()[rows]
    process, thread = (codes(events, each)[rows] for each in ("process", "thread"))
    of_thread = by_keys(np.arange(len(rows)), process, thread)
    for mine in of_thread.values():
        # a driver call inside the runtime call that launches is part of that launch
        state[mine] = _inherit_launch(state[mine], is_api[mine], start[mine], end[mine])

    is_range = state == HOST_STATES.index("python")
    known = np.array([*(str(each) in python_processes for each in events["process"].array.categories), False])
    of_range = np.flatnonzero(is_range)
    opened_by_framework = named(events["name"], lambda name: bool(_FRAMEWORKS.match(name)), rows[of_range])
    evident = state.copy()
    evident[is_range & ~known[process]] = HOST_STATES.index("not-recorded")
    evident[of_range[opened_by_framework]] = HOST_STATES.index("dispatch")
    return HostEvents(rows, start, end, state, evident, of_thread)


def host_lane(found: HostEvents, process: int, thread: int) -> Lane:
    """The host lane of one thread that is known to run the caller's code: where nothing else is open it is `python`."""
    return _innermost_lane(found, found.state, process, thread, "python")


def evident_lane(
    found: HostEvents,
    process: int,
    thread: int,
    frames: tuple[Ints, Ints] | None = None,
    waits: tuple[Ints, Ints] | None = None,
) -> Lane:
    """The host lane of one thread of any program: where nothing is open it is `not-recorded`.

    `frames` is when Python frames are open: what else would be `not-recorded` is `python` then. `waits` is when another thread
    does its work: where it is seen to do nothing else it is `waiting` then.
    """
    lane = _innermost_lane(found, found.evident, process, thread, "not-recorded")
    lane = _overlaid(lane, frames, "python", ("not-recorded",))
    return _overlaid(lane, waits, "waiting", ("python", "not-recorded"))


def _overlaid(lane: Lane, spans: tuple[Ints, Ints] | None, name: str, over: tuple[str, ...]) -> Lane:
    """A lane that is in another state in some intervals, where it is in one of some states."""
    if spans is None or not len(spans[0]):
        return lane
    edges = moments(lane.edges, *spans)
    state = lane.at(edges[:-1])
    changed = np.isin(state, [lane.names.index(each) for each in over]) & covered(edges, *spans)
    return Lane(edges, np.where(changed, lane.names.index(name), state), lane.names, lane.outside)


def _innermost_lane(found: HostEvents, state: Ints, process: int, thread: int, outside: str) -> Lane:
    mine = found.of_thread.get((process, thread), np.empty(0, np.int64))
    state_here = state[mine]
    edges, owner = innermost(found.start_ns[mine], found.end_ns[mine], rank=state_here)
    nothing = HOST_STATES.index(outside)
    if not len(owner):
        return Lane(edges, owner, HOST_STATES, nothing)
    return Lane(edges, np.where(owner >= 0, state_here[owner], nothing), HOST_STATES, nothing)


def process_lane(lanes: Sequence[Lane]) -> Lane:
    """The host lane of a process from those of its threads: at each moment the state that comes first in PRECEDENCE.

    thread 1 |  python  |   waiting    | sync |
    thread 2 |            |launch| |launch|
    process  |  python  | |launch|w|launch|s|
    """
    lanes = [lane.runs() for lane in lanes]
    nothing = HOST_STATES.index(PRECEDENCE[-1])
    edges = moments(np.empty(0, np.int64), *(lane.edges for lane in lanes))
    state = np.full(max(len(edges) - 1, 0), nothing, np.int64)
    for name in reversed(PRECEDENCE[:-1]):
        spans = [lane.in_state(name) for lane in lanes]
        start, end = (np.concatenate([np.empty(0, np.int64), *(each[side] for each in spans)]) for side in (0, 1))
        state[covered(edges, start, end)] = HOST_STATES.index(name)
    return Lane(edges, state, HOST_STATES, nothing).runs()


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


def lane_kinds(events: pd.DataFrame) -> npt.NDArray[np.object_]:
    """What each event is to a device: its kind, of which a collective's kernel is `communication`."""
    kinds: npt.NDArray[np.object_] = events["kind"].to_numpy(dtype=object)
    kernels = np.flatnonzero(is_any(events, "kind", "kernel"))
    kinds[kernels[named(events["name"], communicates, kernels)]] = "communication"
    return kinds


def device_lane(
    events: pd.DataFrame,
    device: int | None,
    unknown: tuple[Ints, Ints] | None = None,
    kinds: npt.NDArray[np.object_] | None = None,
) -> Lane:
    """The lane of one device; without a device: no lane.

    `unknown` are the times of which it is not known whether work ran; `kinds` are the events' as `lane_kinds` has them.
    """
    outside = DEVICE_STATES.index("idle")
    nothing = np.empty(0, np.int64)
    if device is None:
        return Lane(nothing, nothing, DEVICE_STATES, outside)
    kinds = lane_kinds(events) if kinds is None else kinds
    on_device = np.flatnonzero(is_on(events, device))
    kinds = kinds[on_device]
    start = events["start_ns"].to_numpy()[on_device]
    end = start + events["dur_ns"].to_numpy()[on_device]
    lanes = {}
    for kind in (*GPU_KINDS, "communication"):
        mine = kinds == kind
        lanes[kind] = union(start[mine], end[mine])
    lanes["unknown"] = unknown or (nothing, nothing)
    edges = moments(*(side for lane in lanes.values() for side in lane))
    if len(edges) < 2:
        return Lane(nothing, nothing, DEVICE_STATES, outside)
    kernel, memcpy, memset, graph, communication = (
        covered(edges, *lanes[kind]) for kind in ("kernel", "memcpy", "memset", "graph", "communication")
    )
    state = np.full(len(edges) - 1, outside)
    state[covered(edges, *lanes["unknown"])] = DEVICE_STATES.index("unknown")
    state[graph] = DEVICE_STATES.index("graph")
    state[memset] = DEVICE_STATES.index("memset")
    state[memcpy] = DEVICE_STATES.index("memcpy")
    state[kernel] = DEVICE_STATES.index("kernel")
    state[kernel & memcpy] = DEVICE_STATES.index("kernel+memcpy")
    state[communication] = DEVICE_STATES.index("communication")
    state[communication & memcpy] = DEVICE_STATES.index("communication+memcpy")
    state[communication & kernel] = DEVICE_STATES.index("kernel+communication")
    return Lane(edges, state, DEVICE_STATES, outside)
