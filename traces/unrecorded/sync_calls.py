"""Calls in which the host waits for the device: when they prove that submitted work is done."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.columns import codes, is_any
from launchlens.traces.event_names import named
from launchlens.traces.grouping import by_keys
from launchlens.traces.intervals import Ints
from launchlens.traces.launches.apis import records_event, waits, waits_for_event, waits_for_whole_device

#: Before and after everything.
FIRST, LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max

#: Of some waits what each covers, in order, and the first end of any that covers as much or more; LAST at the end.
_Ends: TypeAlias = tuple[Ints, Ints]


@dataclass(frozen=True)
class SyncCalls:
    """The waiting calls of a trace, in order of their start; int64, times in ns.

    Once a call has returned, what its thread submitted to the stream that it waits for until `covers` is done: until it
    began, or, for an event, until the event was recorded (FIRST where no record of one came before). For a call that waits
    for the `whole_device` that holds of all streams, and of the other threads of its process as well.
    """

    process: Ints
    thread: Ints
    start: Ints
    end: Ints
    covers: Ints
    whole_device: npt.NDArray[np.bool_]

    def done_at(self, process: int, thread: int, submitted: Ints, *, one_stream: bool) -> Ints:
        """When what a thread had `submitted` by some moments must have been done: the first such end, LAST without one.

        Unless all of it went to `one_stream`, only a wait for the whole device is sure to be for it.
        """
        found = _first_end(self._of_device.get(process), submitted)
        return np.minimum(found, _first_end(self._of_thread.get((process, thread)), submitted)) if one_stream else found

    @cached_property
    def _of_device(self) -> dict[Hashable, _Ends]:
        """The waits for the whole device by process."""
        chosen = np.flatnonzero(self.whole_device & (self.covers > FIRST))
        return self._ends(by_keys(chosen, self.process[chosen]))

    @cached_property
    def _of_thread(self) -> dict[Hashable, _Ends]:
        """All waits by process and thread."""
        chosen = np.flatnonzero(self.covers > FIRST)
        return self._ends(by_keys(chosen, self.process[chosen], self.thread[chosen]))

    def _ends(self, groups: Mapping[Hashable, Ints]) -> dict[Hashable, _Ends]:
        found = {}
        for at, mine in groups.items():
            mine = mine[np.argsort(self.covers[mine], kind="stable")]
            soonest = np.append(np.minimum.accumulate(self.end[mine][::-1])[::-1], LAST)
            found[at] = self.covers[mine], soonest
        return found


def _first_end(ends: _Ends | None, submitted: Ints) -> Ints:
    """The first end of the waits that cover each moment, LAST without one."""
    if ends is None:
        return np.full(len(submitted), LAST)
    covers, soonest = ends
    found: Ints = soonest[np.searchsorted(covers, submitted, side="left")]
    return found


def find_sync_calls(events: pd.DataFrame) -> SyncCalls:
    """The calls of `events` that wait for a device, told by their names."""
    calls = np.flatnonzero(is_any(events, "kind", "api"))

    def rows_where(says: Callable[[str], bool]) -> Ints:
        rows = calls[named(events["name"], says, calls)]
        return rows[np.argsort(start[rows], kind="stable")]

    start = events["start_ns"].to_numpy()
    process, thread = (codes(events, each) for each in ("process", "thread"))
    rows = rows_where(waits)
    covers = start[rows].copy()
    of_event = named(events["name"], waits_for_event, rows)
    if of_event.any():
        recorded = rows_where(records_event)
        of_thread = by_keys(recorded, process[recorded], thread[recorded])
        asking = np.flatnonzero(of_event)
        for at, mine in by_keys(asking, process[rows[asking]], thread[rows[asking]]).items():
            theirs = start[of_thread.get(at, np.empty(0, np.int64))]
            covers[mine] = np.insert(theirs, 0, FIRST)[np.searchsorted(theirs, covers[mine], side="right")]
    whole = named(events["name"], waits_for_whole_device, rows)
    end = start[rows] + events["dur_ns"].to_numpy()[rows]
    return SyncCalls(process[rows], thread[rows], start[rows], end, covers, whole)
