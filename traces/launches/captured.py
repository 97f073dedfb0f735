"""Launches that were captured into a graph instead of being run: they have no GPU activity, and none is missing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.columns import codes, is_any
from launchlens.traces.event_names import named
from launchlens.traces.intervals import Ints
from launchlens.traces.launches.apis import begins_capture, ends_capture
from launchlens.traces.launches.table import Launches


def captured(events: pd.DataFrame, launches: Launches) -> npt.NDArray[np.bool_]:
    """Which launches without GPU activity were made while their process captured a stream.

    A process captures while more captures began in it than ended, on whichever threads (a backward pass is launched by others), be
    it to the end of the trace.
    """
    found = np.zeros(len(launches), bool)
    began = _rows(events, begins_capture)
    if not len(began) or launches.caused_work.all():
        return found
    ended = _rows(events, ends_capture)
    process = codes(events, "process")
    start = events["start_ns"].to_numpy()
    end = start + events["dur_ns"].to_numpy()
    for each in np.unique(process[began]):
        low, high = start[began[process[began] == each]], end[ended[process[ended] == each]]
        moments = np.concatenate([low, high])
        change = np.repeat([1, -1], [len(low), len(high)])
        order = np.argsort(moments, kind="stable")
        open_by_count = np.cumsum(change[order])
        # an end whose beginning was before the recording closes nothing
        still_open = open_by_count - np.minimum(np.minimum.accumulate(open_by_count), 0)
        mine = np.flatnonzero((launches.process == each) & ~launches.caused_work)
        before = np.searchsorted(moments[order], launches.start_ns[mine], side="right")
        found[mine] = np.append(0, still_open)[before] > 0
    return found


def _rows(events: pd.DataFrame, says: Callable[[str], bool]) -> Ints:
    """The API calls whose names are such, as positions in the event table."""
    calls = np.flatnonzero(is_any(events, "kind", "api"))
    found: Ints = calls[named(events["name"], says, calls)]
    return found
