"""Calls in which the host waits for the device: when they prove that submitted work is done."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.apis import records_event, waits, waits_for_event, waits_for_whole_device
from launchlens.traces.intervals import Ints

#: Before and after everything.
FIRST, LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


@dataclass(frozen=True)
class Waits:
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
        its_own = (self.thread == thread) & one_stream
        mine = (self.process == process) & (its_own | self.whole_device) & (self.covers > FIRST)
        order = np.argsort(self.covers[mine], kind="stable")
        soonest = np.append(np.minimum.accumulate(self.end[mine][order][::-1])[::-1], LAST)
        found: Ints = soonest[np.searchsorted(self.covers[mine][order], submitted, side="left")]
        return found


def find_waits(events: pd.DataFrame) -> Waits:
    """The calls of `events` that wait for a device, told by their names."""
    is_api = (events["kind"] == "api").to_numpy()
    called = events["name"].cat.codes.to_numpy()
    names = [str(name) for name in events["name"].cat.categories]

    def rows_where(says: npt.NDArray[np.bool_]) -> Ints:
        rows = np.flatnonzero(is_api & np.append(says, False)[called])
        return rows[np.argsort(start[rows], kind="stable")]

    start = events["start_ns"].to_numpy()
    process, thread = (events[each].cat.codes.to_numpy().astype(np.int64) for each in ("process", "thread"))
    rows = rows_where(np.array([waits(name) for name in names], bool))
    covers = start[rows].copy()
    of_event = np.append(np.array([waits_for_event(name) for name in names], bool), False)[called[rows]]
    if of_event.any():
        recorded = rows_where(np.array([records_event(name) for name in names], bool))
        for at in np.unique(np.stack((process[rows], thread[rows])), axis=1).T:
            theirs = start[recorded[(process[recorded] == at[0]) & (thread[recorded] == at[1])]]
            mine = of_event & (process[rows] == at[0]) & (thread[rows] == at[1])
            covers[mine] = np.insert(theirs, 0, FIRST)[np.searchsorted(theirs, covers[mine], side="right")]
    whole = np.append(np.array([waits_for_whole_device(name) for name in names], bool), False)[called[rows]]
    end = start[rows] + events["dur_ns"].to_numpy()[rows]
    return Waits(process[rows], thread[rows], start[rows], end, covers, whole)
