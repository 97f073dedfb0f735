"""One trace measured window by window: its time by kernel, op, range, cause of idle time and account cell, and how often each was.

Every table of a window sums to the window's time, or to the part of it that the table is of (`Measured.of`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from launchlens.traces.account import DEVICE_STATES, HOST_STATES
from launchlens.traces.columns import is_any, is_on, most_first
from launchlens.traces.comparisons.order_in_window import Stood, stood_in
from launchlens.traces.comparisons.pieces import BUSY, UNKNOWN, Around, Pieces, pieces_of
from launchlens.traces.comparisons.recording_setup import Told
from launchlens.traces.comparisons.windows import Windows, whole
from launchlens.traces.event_names import named
from launchlens.traces.intervals import Ints
from launchlens.traces.joined import JoinedTrace
from launchlens.traces.problems import Problems
from launchlens.traces.ranges import folded_names
from launchlens.traces.slice import Slice
from launchlens.traces.steps.gaps import CAUSES, HOST_CAUSES, Gaps
from launchlens.traces.steps.host_line import HostLine, host_line, is_allocation
from launchlens.traces.steps.steps import is_users
from launchlens.traces.threads import busiest_device

FigureName = Literal["wall", "busy", "idle", "unknown"]
#: The tables, and the figure (of FIGURES) that each sums to in every window.
TABLES: dict[str, FigureName] = {
    "kernels": "busy", "operators": "wall", "ranges": "wall", "idle_causes": "idle", "account": "wall",
}  # fmt: skip
#: What is known of a window besides, `busy`, `idle` and `unknown` summing to `wall`.
FIGURES: tuple[FigureName, ...] = ("wall", "busy", "idle", "unknown")
#: Causes of idle time that are told apart by framework ops and Python alone, and what they are together.
_TOLD_BY_OPS, HOST = ("host-python", "host-dispatch", "not-recorded"), "host"
#: Idle time in which the host's own code runs: it takes longer on a host that is slower.
_OF_HOST = tuple(CAUSES.index(cause) for cause in HOST_CAUSES)
#: What stands for no op, no range, and a cell's two states.
NO_OP, NO_RANGE, CELL = "(in no operator)", "(in no range)", " · "


@dataclass(frozen=True)
class Measures:
    """Something of each window by name: `ns` and `calls` are [windows, names], int64.

    `host_ns` is that part of `ns` in which the GPU waits for the host's own code, [2, windows, names]: for the thread of the steps, and for
    others; None where there is none of it.
    """

    names: tuple[str, ...]
    ns: Ints
    calls: Ints
    host_ns: Ints | None = None

    @property
    def host_parts(self) -> Ints:
        return np.zeros((2, *self.ns.shape), np.int64) if self.host_ns is None else self.host_ns

    def of(self, windows: npt.NDArray[np.bool_]) -> Measures:
        host = None if self.host_ns is None else self.host_ns[:, windows]
        return Measures(self.names, self.ns[windows], self.calls[windows], host)


@dataclass(frozen=True)
class OnDevice:
    """The windows on one device: `figures` are FIGURES by name, int64 ns a window, and `tables` are TABLES by name.

    All figures but `wall`, and the tables that sum to them, are left out where no GPU work was recorded.
    """

    figures: dict[FigureName, Ints]
    tables: dict[str, Measures]

    def of(self, windows: npt.NDArray[np.bool_]) -> OnDevice:
        """Some of the windows alone."""
        return OnDevice(
            {name: each[windows] for name, each in self.figures.items()},
            {name: each.of(windows) for name, each in self.tables.items()},
        )

    def host_folded(self) -> OnDevice:
        """The same without what needs framework ops: no ops, no host states, and idle time that the host makes outside calls as one cause."""
        tables = {name: each for name, each in self.tables.items() if name not in ("operators", "account")}
        if "idle_causes" in tables:
            tables["idle_causes"] = _folded(tables["idle_causes"])
        return OnDevice(self.figures, tables)


class Behind(Protocol):
    """The trace that was measured. It is at hand, or read again where something is asked that the measures don't tell."""

    @property
    def joined(self) -> JoinedTrace: ...

    def stood(self, windows: Windows, device: int | None, position: int) -> Stood:
        """What stands in one of the windows."""

    def as_whole(self) -> Measured:
        """The trace measured as one window."""


@dataclass(frozen=True)
class Read:
    """A trace at hand."""

    joined: JoinedTrace
    around: Around

    def stood(self, windows: Windows, device: int | None, position: int) -> Stood:
        return stood_in(self.joined, self.around, windows, device, position)

    def as_whole(self) -> Measured:
        return measure(self.joined, whole(self.joined))


@dataclass(frozen=True)
class Measured:
    """The windows of one trace, on `device`, which does most of what their process launches (None: it launches nothing on any); `others`
    has the other devices on which it does something, by number. `launches` are those made in each window, `launch_ns` the time in these
    calls, `contents` what each window holds, `host_calls` what the host calls in all
    windows of the trace: on the thread of the steps, on others.
    """

    path: Path
    told: Told
    windows: Windows
    device: int | None
    here: OnDevice
    others: Mapping[int, OnDevice]
    launches: Ints
    launch_ns: Ints
    contents: Measures
    host_calls: tuple[Measures, Measures]
    behind: Behind

    @property
    def figures(self) -> dict[FigureName, Ints]:
        return self.here.figures

    @property
    def tables(self) -> dict[str, Measures]:
        return self.here.tables

    def __len__(self) -> int:
        return len(self.figures["wall"])

    @cached_property
    def positions(self) -> Ints:
        """Which windows of the trace these are, where some were left out."""
        return np.arange(len(self.windows))

    def stood(self, position: int) -> Stood:
        """What stands in the window at a position of the trace."""
        return self.behind.stood(self.windows, self.device, position)

    def as_whole(self) -> Measured:
        """The trace measured as one window."""
        return self if self.windows.is_whole else self.behind.as_whole()

    @property
    def devices(self) -> set[int]:
        """The devices on which something of the windows' process runs."""
        return {*self.others} if self.device is None else {self.device, *self.others}

    def on(self, device: int) -> Measured:
        """The same windows on one of the `devices`."""
        if device == self.device:
            return self
        found = replace(self, device=device, here=self.others[device], others={})
        found.__dict__["positions"] = self.positions
        return found

    def host_folded(self) -> Measured:
        """The same without what needs framework ops."""
        others = {device: each.host_folded() for device, each in self.others.items()}
        return replace(self, here=self.here.host_folded(), others=others)

    def only(self, windows: npt.NDArray[np.bool_]) -> Measured:
        """Some of the windows alone."""
        found = replace(
            self,
            here=self.here.of(windows),
            others={device: each.of(windows) for device, each in self.others.items()},
            launches=self.launches[windows],
            launch_ns=self.launch_ns[windows],
            contents=self.contents.of(windows),
        )
        found.__dict__["positions"] = self.positions[windows]
        return found


def measure(joined: JoinedTrace, windows: Windows) -> Measured:
    """Measure some windows of a trace, on every device on which their process launches something."""
    of = joined.launches
    device = busiest_device(joined.events, of, windows.process)
    around = Around.of(joined, windows.process)
    host = host_line(joined, windows.process)
    here = _on_device(joined, windows, device, around, host)
    others = {
        each: _on_device(joined, windows, each, around, host)
        for each in _devices(joined, windows.process)
        if each != device
    }
    made = windows.owner(of.start_ns)
    made[of.process != windows.process] = -1
    mine = made >= 0
    launches = np.bincount(made[mine], minlength=len(windows)).astype(np.int64)
    launch_ns = np.zeros(len(windows), np.int64)
    np.add.at(launch_ns, made[mine], (of.end_ns - of.start_ns)[mine])
    return Measured(
        joined.trace.path, Told.of(joined), windows, device, here, others, launches, launch_ns,
        _contents(joined, windows, here.tables), _host_calls(joined, windows, host, step_thread(joined, windows)), Read(joined, around),
    )  # fmt: skip


def _host_calls(joined: JoinedTrace, windows: Windows, host: HostLine, main: int) -> tuple[Measures, Measures]:
    """Calls of ops and of the API, those that wait or allocate left out, by what passes until the next one: of the thread of the steps, of others."""
    if not len(host.row):
        none = Measures((), np.zeros((len(windows), 0), np.int64), np.zeros((len(windows), 0), np.int64))
        return none, none
    calls = host.is_in("dispatch", "launch", "api") & (host.row >= 0) & ~is_allocation(host)
    # what lies between a call and the next is code as well, and as quick
    last = np.maximum.accumulate(np.where(calls, np.arange(len(calls)), -1))
    chosen = (last >= 0) & (calls | host.is_in("python", "nothing"))
    rows, part = np.unique(host.row[last[chosen]], return_inverse=True)
    own = np.zeros(len(rows), np.int64)
    np.add.at(own, part.ravel(), np.diff(host.edges)[chosen])
    events = joined.events
    window = windows.owner(events["start_ns"].to_numpy()[rows])
    of_others = events["thread"].array.codes[rows] != main
    names = events["name"].array
    codes = names.codes.astype(np.int64)[rows]
    kept = (window >= 0) & (own > 0)

    def of(mine: npt.NDArray[np.bool_]) -> Measures:
        code, at = codes[mine], window[mine]
        return _named(len(windows), code, at, own[mine], (code, at), lambda code: str(names.categories[code]))

    return of(kept & ~of_others), of(kept & of_others)


def _devices(joined: JoinedTrace, process: int) -> list[int]:
    """The devices on which something runs that a process launched."""
    of = joined.launches
    rows = of.joined_rows[of.process[of.owner] == process]
    return sorted(most_first(joined.events["device"].array[rows]))


def _on_device(joined: JoinedTrace, windows: Windows, device: int | None, around: Around, host: HostLine) -> OnDevice:
    pieces, gaps = pieces_of(joined, windows, device, around, host)
    count = len(windows)

    def figure(chosen: npt.NDArray[np.bool_]) -> Ints:
        total = np.zeros(count, np.int64)
        np.add.at(total, pieces.window[chosen], pieces.length_ns[chosen])
        return total

    figures: dict[FigureName, Ints] = {"wall": windows.wall_ns}
    hosts = _hosts(joined, pieces, step_thread(joined, windows))
    tables = {
        "operators": _operators(joined, windows, pieces, hosts),
        "ranges": _ranges(joined, windows, pieces, around, hosts),
    }
    if device is not None and gaps is not None:
        figures |= {
            "busy": figure(pieces.cause == BUSY),
            "idle": figure(pieces.cause >= 0),
            "unknown": figure(pieces.cause == UNKNOWN),
        }
        tables |= {
            "kernels": _kernels(joined, windows, pieces, device),
            "idle_causes": _idle_causes(windows, pieces, gaps, hosts),
        }
    tables["account"] = _account(joined, windows, device)
    return OnDevice(figures, tables)


def step_thread(joined: JoinedTrace, windows: Windows) -> int:
    """The thread of the steps, by its code: the one with most of their ranges, without ranges the one with most of their events."""
    events = joined.events
    thread = events["thread"].array.codes
    mine = (events["process"].array.codes == windows.process) & (thread >= 0)
    mine &= windows.owner(events["start_ns"].to_numpy()) >= 0
    ranges = mine & is_any(events, "kind", "range")
    chosen = thread[ranges if ranges.any() else mine]
    return int(np.bincount(chosen).argmax()) if len(chosen) else -1


def _hosts(joined: JoinedTrace, pieces: Pieces, main: int) -> Ints:
    """Whose code each piece of idle time waits for: 0 for that of the thread of the steps, 1 for another's, -1 for nobody's.

    Between two ops or calls it is that of the thread that made the first: the engine of a backward pass has no event open there.
    """
    events = joined.events
    called = np.append(is_any(events, "kind", "op", "api"), False)[pieces.host]
    last = np.maximum.accumulate(np.where(called, np.arange(len(called)), -1))
    thread = np.append(events["thread"].array.codes, main)[pieces.host[last]]
    return np.where(np.isin(pieces.cause, _OF_HOST), ((last >= 0) & (thread != main)).astype(np.int64), -1)


def _named(
    count: int,
    codes: Ints,
    window: Ints,
    length: Ints,
    called: tuple[Ints, Ints],
    name: Callable[[int], str],
    hosts: Ints | None = None,
) -> Measures:
    """Sums of lengths by window and code, with how often each code was called: (codes, windows) of the calls. `hosts`: whose code it is,
    of the thread of the steps (0) or another's (1), -1 for nobody's."""
    call_codes, call_windows = called
    used = np.unique(np.concatenate((codes, call_codes)))
    ns, calls = (np.zeros((count, len(used)), np.int64) for _ in range(2))
    host = np.zeros((2, count, len(used)), np.int64)
    np.add.at(ns, (window, np.searchsorted(used, codes)), length)
    np.add.at(calls, (call_windows, np.searchsorted(used, call_codes)), 1)
    if hosts is not None:
        own = hosts >= 0
        np.add.at(host, (hosts[own], window[own], np.searchsorted(used, codes[own])), length[own])
    names = tuple(name(each) for each in used.tolist())
    if len(set(names)) == len(names):
        return Measures(names, ns, calls, None if hosts is None else host)
    labels, at = np.unique(np.array(names, object), return_inverse=True)
    ns, calls, host = (_merged(part, at, len(labels)) for part in (ns, calls, host))
    return Measures(tuple(labels.tolist()), ns, calls, None if hosts is None else host)


def _merged(values: Ints, at: Ints, count: int) -> Ints:
    """The last axis of some values with the places of some names put together."""
    found = np.zeros((*values.shape[:-1], count), np.int64)
    np.add.at(found.T, at, values.T)
    return found


def _kernels(joined: JoinedTrace, windows: Windows, pieces: Pieces, device: int) -> Measures:
    events = joined.events
    names = events["name"].array
    codes = names.codes.astype(np.int64)
    ran = pieces.work >= 0
    rows = joined.launches.activity_rows
    rows = rows[is_on(events, device, rows)]
    at = windows.at(events["start_ns"].to_numpy()[rows])
    rows, at = rows[at >= 0], at[at >= 0]
    return _named(
        len(windows), codes[pieces.work[ran]], pieces.window[ran], pieces.length_ns[ran], (codes[rows], at),
        lambda code: str(names.categories[code]),
    )  # fmt: skip


def _operators(joined: JoinedTrace, windows: Windows, pieces: Pieces, hosts: Ints) -> Measures:
    events = joined.events
    names = events["name"].array
    codes = np.append(names.codes.astype(np.int64), -1)
    rows = _host_rows(joined, "op", windows.process)
    at = windows.owner(events["start_ns"].to_numpy()[rows])
    rows, at = rows[at >= 0], at[at >= 0]
    return _named(
        len(windows), codes[pieces.op], pieces.window, pieces.length_ns, (codes[rows], at),
        lambda code: NO_OP if code < 0 else str(names.categories[code]), hosts,
    )  # fmt: skip


def _ranges(joined: JoinedTrace, windows: Windows, pieces: Pieces, around: Around, hosts: Ints) -> Measures:
    events = joined.events
    rows = _host_rows(joined, "range", windows.process)
    rows = rows[named(events["name"], is_users, rows)]
    folded = folded_names(events["name"].array[rows])
    of_row = np.full(len(events) + 1, -1, np.int64)
    of_row[rows] = folded.codes
    at = windows.owner(events["start_ns"].to_numpy()[rows])
    kept = at >= 0
    return _named(
        len(windows), of_row[pieces.place], pieces.window, pieces.length_ns, (of_row[rows[kept]], at[kept]),
        lambda code: NO_RANGE if code < 0 else str(folded.categories[code]), hosts,
    )  # fmt: skip


def _idle_causes(windows: Windows, pieces: Pieces, gaps: Gaps, hosts: Ints) -> Measures:
    idle = pieces.cause >= 0
    gap, cause = np.nonzero(gaps.parts > 0)
    at = windows.at(gaps.start_ns[gap])
    return _named(
        len(windows), pieces.cause[idle], pieces.window[idle], pieces.length_ns[idle],
        (cause[at >= 0].astype(np.int64), at[at >= 0]), lambda code: CAUSES[code], hosts[idle],
    )  # fmt: skip


def _folded(causes: Measures) -> Measures:
    """Causes of idle time with those as one that only a recorder of framework ops tells apart."""
    labels = sorted({HOST if name in _TOLD_BY_OPS else name for name in causes.names})
    at = np.array([labels.index(HOST if name in _TOLD_BY_OPS else name) for name in causes.names], np.int64)
    parts = (causes.ns, causes.calls, causes.host_parts)
    return Measures(tuple(labels), *(_merged(part, at, len(labels)) for part in parts))


def _account(joined: JoinedTrace, windows: Windows, device: int | None) -> Measures:
    made = Slice(joined, windows.process, None, device, windows.start, windows.end, windows.found_by, Problems())
    cells = made.account.cells.astype(np.int64)
    flat = cells.reshape(len(cells), -1)
    states = [f"{host}{CELL}{state}" for host in HOST_STATES for state in DEVICE_STATES]
    if device is None:
        flat = cells.sum(axis=2)
        states = list(HOST_STATES)
    used = np.flatnonzero(flat.any(axis=0))
    return Measures(tuple(states[each] for each in used), flat[:, used], np.zeros((len(flat), len(used)), np.int64))


def _contents(joined: JoinedTrace, windows: Windows, tables: dict[str, Measures]) -> Measures:
    """How often each window calls, opens and launches what, by name: what tells a phase of a program from another."""
    of = joined.launches
    at = windows.owner(of.start_ns[of.owner])
    rows, at = of.joined_rows[at >= 0], at[at >= 0]
    names = joined.events["name"].array
    codes = names.codes.astype(np.int64)
    nothing = np.empty(0, np.int64)
    launched = _named(
        len(windows), nothing, nothing, nothing, (codes[rows], at), lambda code: str(names.categories[code])
    )
    parts = {"op": tables["operators"], "range": tables["ranges"], "work": launched}
    labels = tuple(f"{kind}:{name}" for kind, part in parts.items() for name in part.names)
    calls = np.concatenate([part.calls for part in parts.values()], axis=1)
    return Measures(labels, np.zeros_like(calls), calls)


def _host_rows(joined: JoinedTrace, kind: str, process: int) -> Ints:
    of_process = joined.events["process"].array.codes == process
    return np.flatnonzero(is_any(joined.events, "kind", kind) & of_process)


def union_of_names(measures: Iterable[Measures]) -> list[str]:
    """The names of some measures, each once, in order of their alphabet: that of neither side comes first."""
    return sorted({name for each in measures for name in each.names})


def aligned(measures: Measures, names: list[str]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Its ns and calls under other names, 0 where it has none of a name."""
    places = _places(measures, names)
    return _under(places, measures.ns), _under(places, measures.calls)


def host_aligned(measures: Measures, names: list[str], *, others: bool) -> npt.NDArray[np.float64]:
    """The part of its ns that is the host's, in the thread of the steps or in others, likewise."""
    return _under(_places(measures, names), measures.host_parts[int(others)])


def _places(measures: Measures, names: list[str]) -> Ints:
    """Where the measures have each name, -1 where they have none of it."""
    place = {name: at for at, name in enumerate(measures.names)}
    return np.array([place.get(name, -1) for name in names], np.int64)


def _under(places: Ints, values: Ints) -> npt.NDArray[np.float64]:
    found = np.zeros((len(values), len(places)))
    found[:, places >= 0] = values[:, places[places >= 0]]
    return found
