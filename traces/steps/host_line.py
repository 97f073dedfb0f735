"""What the launching process did on the host, as one line over its threads.

    main      |--- range ---------- (backward) ------------|
    autograd              |- op --|  |- op --|
    line      [ python   ][ op   ][p][ op   ][ python      ]

At each moment one thread speaks for the process: the one that does most, in the order launch, dispatch, api, sync, python. So a
thread that waits for another is not what the process does, and a time in which no thread has anything open says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.account import HOST_STATES
from launchlens.traces.columns import codes, is_any
from launchlens.traces.event_names import named
from launchlens.traces.intervals import Ints, covered, innermost, moments, union
from launchlens.traces.joined import JoinedTrace
from launchlens.traces.launches.apis import allocates

#: What the process is in, the one that speaks first where several threads have something open first.
STATES = ("launch", "dispatch", "api", "sync", "python", "profiler", "nothing")
#: What the account calls them (`launchlens.traces.account.HOST_STATES`).
_OF_ACCOUNT = np.array([STATES.index(each) if each in STATES else STATES.index("nothing") for each in HOST_STATES])
#: Threads with the most events that are taken: a line over hundreds of threads costs more than it tells.
MOST_THREADS = 24


@dataclass(frozen=True)
class HostLine:
    """From `edges[i]` to `edges[i + 1]` the process is in `STATES[state[i]]`, and `row[i]` is the innermost event (-1: none).

    Outside the edges nothing is open. `process` is the code of the process in the event table, -1 where no event names one.
    """

    events: pd.DataFrame
    process: int
    edges: Ints
    state: Ints
    row: Ints

    @cached_property
    def names(self) -> npt.NDArray[np.object_]:
        """The name of each segment's event; what stands where nothing is open means nothing."""
        return np.asarray(self.events["name"].array)[self.row] if len(self.events) else np.empty(len(self.row), object)

    @property
    def start_ns(self) -> Ints:
        return self.edges[:-1]

    @property
    def end_ns(self) -> Ints:
        return self.edges[1:]

    def is_in(self, *states: str) -> npt.NDArray[np.bool_]:
        """Which segments are in one of these states."""
        return np.isin(self.state, [STATES.index(state) for state in states])

    def segment(self, moment: Ints) -> Ints:
        """The segment that holds each moment, -1 outside the line."""
        at = np.searchsorted(self.edges, moment, side="right") - 1
        return np.where((at >= 0) & (at < len(self.state)), at, -1)

    def row_at(self, moment: Ints) -> Ints:
        """The row of the event table of the segment that holds each moment, -1 for none."""
        if not len(self.row):
            return np.full(len(moment), -1, np.int64)
        at = self.segment(moment)
        return np.where(at >= 0, self.row[at], -1)

    def integral(self, chosen: npt.NDArray[np.bool_]) -> Callable[[Ints], Ints]:
        """A function of moments: the time up to there, ns, that lies in chosen segments. Outside the line there is none.

        All in whole numbers: a clock that counts from 1970 leaves a float steps of 256 ns.
        """
        total = np.concatenate(([0], np.cumsum(np.diff(self.edges) * chosen)))

        def until(moment: Ints) -> Ints:
            if not len(self.state):
                return np.zeros(len(moment), np.int64)
            moment = np.clip(moment, self.edges[0], self.edges[-1])
            at = np.minimum(np.searchsorted(self.edges, moment, side="right") - 1, len(self.state) - 1)
            found: Ints = total[at] + (moment - self.edges[at]) * chosen[at]
            return found

        return until


def host_line(joined: JoinedTrace, process: int) -> HostLine:
    """The line of a process: of its threads that launch, or that hold ranges or ops."""
    events = joined.events
    state = np.full(len(events), -1, np.int64)
    # what an event says of its thread: a range of a program that is not known to run Python says nothing
    of = joined.host_events
    state[of.rows] = _OF_ACCOUNT[of.evident]
    thread = codes(events, "thread")
    mine = (events["process"].array.codes == process) & (state >= 0)
    start, took = events["start_ns"].to_numpy(), events["dur_ns"].to_numpy()
    end = start + took

    # a thread that only asks whether an event has come (a watchdog, say) does nothing for the step
    tells = mine & (np.isin(state, [STATES.index("python"), STATES.index("dispatch"), STATES.index("launch")]))
    threads, count = np.unique(thread[tells], return_counts=True)
    threads = threads[np.argsort(-count, kind="stable")][:MOST_THREADS]
    lanes = []
    for each in threads:
        rows = np.flatnonzero(mine & (thread == each) & (took > 0))
        edges, owner = innermost(start[rows], end[rows], rank=state[rows])
        if len(edges) > 1:
            lanes.append((edges, np.where(owner >= 0, rows[owner], -1)))
    if not lanes:
        nothing = np.empty(0, np.int64)
        return HostLine(events, process, nothing, nothing, nothing)
    # where nothing else is open, frames of Python's stack say that a thread is in Python
    told = [spans for each in threads.tolist() if (spans := joined.frames_of(process, each)) is not None]
    frames = union(*(np.concatenate(each) for each in zip(*told, strict=True))) if told else None
    edges = moments(*(lane[0] for lane in lanes), *(frames or ()))
    left = edges[:-1]
    best = np.full(len(left), STATES.index("nothing"), np.int64)
    row = np.full(len(left), -1, np.int64)
    for own, owner in lanes:
        at = np.searchsorted(own, left, side="right") - 1
        within = (at >= 0) & (at < len(owner))
        here = np.where(within, owner[np.clip(at, 0, len(owner) - 1)], -1)
        rank = np.where(here >= 0, state[here], STATES.index("nothing"))
        better = rank < best
        best[better], row[better] = rank[better], here[better]
    if frames is not None:
        best[(best == STATES.index("nothing")) & covered(edges, *frames)] = STATES.index("python")
    return HostLine(events, process, edges, best, row)


def range_line(joined: JoinedTrace, process: int, wanted: Callable[[str], bool]) -> HostLine:
    """The innermost range, of those whose name is `wanted`, that is open in a process on any of its threads."""
    events = joined.events
    took = events["dur_ns"].to_numpy()
    is_range = is_any(events, "kind", "range") & (events["process"].array.codes == process)
    rows = np.flatnonzero(is_range & (took > 0))
    rows = rows[named(events["name"], wanted, rows)]
    start = events["start_ns"].to_numpy()[rows]
    edges, owner = innermost(start, start + took[rows])
    row = np.where(owner >= 0, rows[owner], -1) if len(rows) else owner
    state = np.where(owner >= 0, STATES.index("python"), STATES.index("nothing"))
    return HostLine(events, process, edges, state, row)


def launching_process(joined: JoinedTrace) -> int:
    """The process with the most launches; without any, that with the most host events; -1 where no event names one."""
    of = joined.launches.process
    if not len(of):
        of = joined.events["process"].array.codes
    of = of[of >= 0]
    return int(np.bincount(of).argmax()) if len(of) else -1


def is_allocation(line: HostLine) -> npt.NDArray[np.bool_]:
    """Which segments are in a call that gets or gives back memory of a device, or pinned memory."""
    inside = named(line.events["name"], allocates, line.row)
    return inside & line.is_in("api", "sync")
