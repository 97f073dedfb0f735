"""The time account: every nanosecond of a window in exactly one cell, host state x device state.

The host lane is cut by the innermost event open on the launching thread, the device lane by what runs on the device:

    host     | python |dispatch| launch |dispatch|      sync      |
    device   |         idle         | memcpy |  idle  |  memcpy   |
    cells     python·idle, dispatch·idle, launch·idle, launch·memcpy, ...

The cells are whole nanoseconds, never negative, and sum to the window exactly, whatever the events are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.documents.account import AccountCell
from launchlens.traces.intervals import Ints, covered, innermost, moments, union
from launchlens.traces.launches.apis import waits
from launchlens.traces.launches.join import Launches
from launchlens.traces.problems import Problems
from launchlens.traces.schema import GPU_KINDS, HOST_KINDS

#: Host states. `python` is the time in the window in no op and no API call: the interpreter, Triton's launcher, the
#: caller's own code in any language. `profiler` is what the recorder itself declared as its own overhead.
HOST_STATES = ("python", "dispatch", "launch", "sync", "api", "profiler")
#: Device states. A memset beside a kernel counts as kernel, and beside a memcpy as memcpy. `graph` is a replay that was
#: recorded whole, while nothing recorded by itself runs: the device was busy, with what is not known. `unknown` is time in
#: which nothing was recorded, and work of a graph replay may have run all the same (`traces.unrecorded`).
DEVICE_STATES = ("kernel", "memcpy", "memset", "kernel+memcpy", "graph", "unknown", "idle")


@dataclass(frozen=True)
class Account:
    """An account of one or several windows of one thread and one device.

    `cells` is int64 ns, [HOST_STATES, DEVICE_STATES]; it sums to `window_ns`. `thread` and `device` name the lanes;
    `device` is None where the trace holds no device event (the device lane is then idle throughout, and unknown).
    """

    cells: npt.NDArray[np.int64]
    window_ns: int
    windows: int
    covers: str
    thread: str
    device: str | None

    def host(self) -> dict[str, int]:
        """Time by host state, ns."""
        return {state: int(ns) for state, ns in zip(HOST_STATES, self.cells.sum(axis=1), strict=True)}

    def on_device(self) -> dict[str, int]:
        """Time by device state, ns."""
        return {state: int(ns) for state, ns in zip(DEVICE_STATES, self.cells.sum(axis=0), strict=True)}

    def rows(self) -> list[AccountCell]:
        """The cells that hold time, as documents hold them; a device that was not recorded is null, never idle."""
        return [
            AccountCell(host=host, device=device if self.device is not None else None, ns=int(self.cells[i, j]))
            for i, host in enumerate(HOST_STATES)
            for j, device in enumerate(DEVICE_STATES)
            if self.cells[i, j]
        ]


@dataclass(frozen=True)
class Lane:
    """One lane of the account: state `names[state[i]]` from `edges[i]` to `edges[i + 1]`, `names[outside]` elsewhere."""

    edges: Ints
    state: Ints
    names: tuple[str, ...]
    outside: int

    def at(self, moment: Ints) -> Ints:
        """The state at each moment, as an index into `names`."""
        return _state_at(moment, self.edges, self.state, self.outside)


class Accountant:
    """Cuts the lanes of one thread and one device once, then answers for any window of them.

    `process`, `thread`: codes of the event table's categories. `device`: device number, or None for a trace without
    device events.
    """

    def __init__(
        self, events: pd.DataFrame, launches: Launches, *, process: int, thread: int, device: int | None
    ) -> None:
        self.thread_name = thread_name(events, process, thread)
        self.device = device
        self._host_edges, self._host_state = _host_lane(events, launches, process, thread)
        self._device_edges, self._device_state = _device_lane(events, launches, device)

    def lanes(self) -> tuple[Lane, Lane]:
        """The host lane and the device lane that the account is made of, for drawing them."""
        return (
            Lane(self._host_edges, self._host_state, HOST_STATES, HOST_STATES.index("python")),
            Lane(self._device_edges, self._device_state, DEVICE_STATES, DEVICE_STATES.index("idle")),
        )

    def account(self, start: Sequence[int] | Ints, end: Sequence[int] | Ints, covers: str) -> Account:
        """The account of the union of the windows [start, end), int64 ns; `covers` says in words what they are."""
        low, high = union(np.asarray(start, np.int64), np.asarray(end, np.int64))
        cells = np.zeros((len(HOST_STATES), len(DEVICE_STATES)), np.int64)
        if len(low):
            edges = moments(self._host_edges, self._device_edges, low, high)
            left, length = edges[:-1], np.diff(edges)
            inside = covered(edges, low, high)
            left, length = left[inside], length[inside]
            host = _state_at(left, self._host_edges, self._host_state, HOST_STATES.index("python"))
            device = _state_at(left, self._device_edges, self._device_state, DEVICE_STATES.index("idle"))
            np.add.at(cells, (host, device), length)
        return Account(
            cells=cells,
            window_ns=int((high - low).sum()),
            windows=len(start),
            covers=covers,
            thread=self.thread_name,
            device=None if self.device is None else str(self.device),
        )

    def per_window(self, start: Ints, end: Ints) -> npt.NDArray[np.int64]:
        """An account per window: int64 ns, [windows, HOST_STATES, DEVICE_STATES]. Windows must not overlap."""
        order = np.argsort(start, kind="stable")
        low, high = start[order], end[order]
        if np.any(low[1:] < high[:-1]):
            raise ValueError("windows overlap")
        cells = np.zeros((len(low), len(HOST_STATES), len(DEVICE_STATES)), np.int64)
        if len(low):
            edges = moments(self._host_edges, self._device_edges, low, high)
            left, length = edges[:-1], np.diff(edges)
            which = np.searchsorted(low, left, side="right") - 1
            inside = (which >= 0) & (left < high[which])
            left, length, which = left[inside], length[inside], which[inside]
            host = _state_at(left, self._host_edges, self._host_state, HOST_STATES.index("python"))
            device = _state_at(left, self._device_edges, self._device_state, DEVICE_STATES.index("idle"))
            np.add.at(cells, (which, host, device), length)
        result = np.empty_like(cells)
        result[order] = cells
        return result


def thread_name(events: pd.DataFrame, process: int, thread: int) -> str:
    """What a thread is called in results: its id, with its process's where host events come from several processes."""
    name = str(events["thread"].cat.categories[thread]) if thread >= 0 else "unknown"
    # categories may hold more than processes (readers number all ids together), and device rows may name others
    kinds = events["kind"].cat
    of_host = np.isin(
        kinds.codes.to_numpy(), [kinds.categories.get_loc(kind) for kind in HOST_KINDS if kind in kinds.categories]
    )
    codes = np.unique(events["process"].cat.codes.to_numpy()[of_host])
    several = int((codes >= 0).sum()) > 1
    return f"{name} of process {events['process'].cat.categories[process]}" if several and process >= 0 else name


def launching_thread(launches: Launches, start: int | None = None, end: int | None = None) -> tuple[int, int] | None:
    """The (process, thread) codes with the most launches that start in [start, end); None without launches."""
    table = launches.table
    if start is not None and end is not None:
        table = table[(table["start_ns"] >= start) & (table["start_ns"] < end)]
    if not len(table):
        return None
    counts = table.groupby(["process", "thread"]).size()
    process, thread = counts.idxmax()
    return int(process), int(thread)


def busiest_device(events: pd.DataFrame, launches: Launches, process: int, thread: int) -> int | None:
    """The device with the most GPU activities launched by a thread, else with the most in all; None without any."""
    rows = launches.activity_rows
    if not len(rows):
        return None
    table = launches.table
    mine = ((table["process"] == process) & (table["thread"] == thread)).to_numpy()
    owned = launches.launch_of >= 0
    owned[owned] = mine[launches.launch_of[owned]]
    devices = events["device"].iloc[rows[owned] if owned.any() else rows].dropna()
    return int(devices.value_counts().idxmax()) if len(devices) else None


def _host_lane(events: pd.DataFrame, launches: Launches, process: int, thread: int) -> tuple[Ints, Ints]:
    """Edges of the host lane and the state of each segment between them."""
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
    return edges, np.where(owner >= 0, state_here[owner], HOST_STATES.index("python"))


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


def _device_lane(events: pd.DataFrame, launches: Launches, device: int | None) -> tuple[Ints, Ints]:
    """Edges of the device lane and the state of each segment between them."""
    if device is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    on_device = (events["device"] == device).fillna(False).to_numpy(bool)
    kinds = events["kind"].to_numpy(dtype=object)
    lanes = {}
    for kind in GPU_KINDS:
        rows = np.flatnonzero(on_device & (kinds == kind))
        start = events["start_ns"].to_numpy()[rows]
        lanes[kind] = union(start, start + events["dur_ns"].to_numpy()[rows])
    lanes["unknown"] = launches.unrecorded.get(device, (np.empty(0, np.int64), np.empty(0, np.int64)))
    edges = moments(*(side for lane in lanes.values() for side in lane))
    if len(edges) < 2:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    kernel, memcpy, memset, graph = (covered(edges, *lanes[kind]) for kind in ("kernel", "memcpy", "memset", "graph"))
    state = np.full(len(edges) - 1, DEVICE_STATES.index("idle"))
    state[covered(edges, *lanes["unknown"])] = DEVICE_STATES.index("unknown")
    state[graph] = DEVICE_STATES.index("graph")
    state[memset] = DEVICE_STATES.index("memset")
    state[memcpy] = DEVICE_STATES.index("memcpy")
    state[kernel] = DEVICE_STATES.index("kernel")
    state[kernel & memcpy] = DEVICE_STATES.index("kernel+memcpy")
    return edges, state


def _state_at(moment: Ints, edges: Ints, state: Ints, outside: int) -> Ints:
    """The state of a lane at each moment; `outside` before its first edge and from its last one on."""
    if not len(state):
        return np.full(len(moment), outside, np.int64)
    segment = np.searchsorted(edges, moment, side="right") - 1
    within = (segment >= 0) & (segment < len(state))
    return np.where(within, state[np.clip(segment, 0, len(state) - 1)], outside)


def count_late_work(launches: Launches, start: Ints, end: Ints, problems: Problems) -> None:
    """Count GPU activities that outlast the window in which their launch was made: the account cuts them off."""
    table = launches.table
    worked = table["activities"].to_numpy() > 0
    moment = table["start_ns"].to_numpy()
    order = np.argsort(start, kind="stable")
    which = np.searchsorted(start[order], moment, side="right") - 1
    inside = (which >= 0) & worked
    inside[inside] = moment[inside] < end[order][which[inside]]
    late = inside.copy()
    late[inside] = table["gpu_end_ns"].to_numpy()[inside] > end[order][which[inside]]
    problems.add("gpu-work-after-window", int(late.sum()))
