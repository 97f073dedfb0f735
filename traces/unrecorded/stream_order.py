"""GPU work by who submitted it and where it ran: which devices a thread uses, and in what order its streams must run it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.columns import numbers
from launchlens.traces.grouping import by_keys
from launchlens.traces.intervals import Ints
from launchlens.traces.launches.table import Launches
from launchlens.traces.unrecorded.sync_calls import FIRST, LAST, SyncCalls

#: Stands for a device or a stream that is not named.
_NONE = -1


class StreamOrder:
    """The launches of a trace with their activities. `rows` are the activities that have a launch, `owner` is its position.

    `devices` are all that are named.
    """

    def __init__(self, events: pd.DataFrame, launches: Launches) -> None:
        self.launches, self.rows, self.owner = launches, launches.joined_rows, launches.owner
        self._gpu = launches.activity_rows
        self._start = events["start_ns"].to_numpy()
        self._end = self._start + events["dur_ns"].to_numpy()
        self._trace_end = int(self._end.max())
        self._device = numbers(events, "device", absent=_NONE)
        self._stray = np.sort(self._start[_strays(events, launches.orphan_rows)])
        context, stream = (pd.factorize(events[each].array[self.rows])[0] for each in ("context", "stream"))
        self._queue = context.astype(np.int64) * (int(stream.max(initial=0)) + 2) + stream
        self.devices = _named(self._device[self._gpu])
        process, thread = launches.process[self.owner], launches.thread[self.owner]
        here = np.arange(len(self.owner))
        self._of_thread = by_keys(here, process, thread)
        self._of_process = {at: _named(self._device[self.rows[work]]) for at, work in by_keys(here, process).items()}

    def devices_of(self, process: int, thread: int | None = None) -> list[int]:
        """The devices that a thread gave work to, else those of its process, else all of the trace."""
        work = self._of_thread.get((process, thread), np.empty(0, np.int64))
        return _named(self._device[self.rows[work]]) or self._of_process.get(process) or self.devices

    def may_run_on(self, launches: Ints, device: int) -> npt.NDArray[np.bool_]:
        """Which of some launches ran something on a device; of those that ran nothing, whose thread uses it."""
        there = np.zeros(len(self.launches), bool)
        there[self.owner[self._device[self.rows] == device]] = True
        ran = self.launches.caused_work
        for at, mine in self._by_thread(launches):
            silent = launches[mine][~ran[launches[mine]]]
            there[silent] = device in self.devices_of(*at)
        return there[launches]

    def bounds(self, launches: Ints, waits: SyncCalls) -> tuple[Ints, Ints]:
        """From when on the work of each launch may have run, and when it must have ended at the latest; ns.

        Not before the call, and not after the first wait that covers it, or after the end of the trace. Where all that its
        thread submitted ran on one stream, nor before what was submitted earlier has ended, nor after what was submitted
        later has started; else which stream a wait was for is not known, and only one for the whole device covers it.
        """
        low, called = self.launches.start_ns[launches], self.launches.end_ns[launches]
        high = np.full(len(launches), self._trace_end)
        for at, mine in self._by_thread(launches):
            work = self._of_thread.get(at, np.empty(0, np.int64))
            one_stream = self._on_one_stream(work)
            high[mine] = np.minimum(high[mine], waits.done_at(*at, called[mine], one_stream=one_stream))
            if not one_stream or not len(work):
                continue
            began = self.launches.start_ns[self.owner[work]]
            order = np.argsort(began, kind="stable")
            rows = self.rows[work][order]
            before = np.append(FIRST, np.maximum.accumulate(self._end[rows]))
            after = np.append(np.minimum.accumulate(self._start[rows][::-1])[::-1], LAST)
            high[mine] = np.minimum(high[mine], after[np.searchsorted(began[order], low[mine], side="right")])
            low[mine] = np.maximum(low[mine], before[np.searchsorted(began[order], low[mine], side="left")])
        return low, np.maximum(low, high)

    def _on_one_stream(self, work: Ints) -> bool:
        """Whether no two of some joined activities ran on different streams, or devices."""
        device, queue = self._device[self.rows[work]], self._queue[work]
        return not len(queue) or bool((device == device[0]).all() and (queue == queue[0]).all())

    def strays_within(self, low: Ints, high: Ints) -> npt.NDArray[np.bool_]:
        """Whether activities whose launch is not known start within some intervals: they may be of any launch."""
        found: npt.NDArray[np.bool_] = np.searchsorted(self._stray, high) > np.searchsorted(self._stray, low)
        return found

    def recorded_on(self, device: int) -> tuple[Ints, Ints]:
        """Starts and ends of all activities on a device."""
        rows = self._gpu[self._device[self._gpu] == device]
        return self._start[rows], self._end[rows]

    def last_end_before(self, moments: Ints, devices: list[int]) -> Ints:
        """The last end of the activities on some devices, or on none that is named, that start before each moment."""
        rows = self._gpu[np.isin(self._device[self._gpu], [*devices, _NONE])]
        rows = rows[np.argsort(self._start[rows], kind="stable")]
        ends = np.append(FIRST, np.maximum.accumulate(self._end[rows]))
        found: Ints = ends[np.searchsorted(self._start[rows], moments, side="left")]
        return found

    def _by_thread(self, launches: Ints) -> list[tuple[tuple[int, int], Ints]]:
        """Positions within `launches` by the process and thread that made them."""
        of = self.launches
        groups = by_keys(np.arange(len(launches)), of.process[launches], of.thread[launches])
        return [((int(process), int(thread)), mine) for (process, thread), mine in groups.items()]


def _named(devices: Ints) -> list[int]:
    """The devices that occur, in order, less the one that stands for none."""
    return sorted(int(number) for number in pd.unique(devices) if number != _NONE)


def _strays(events: pd.DataFrame, rows: Ints) -> Ints:
    """Which of some activities without a known launch must have had one: migrations of managed memory have none."""
    kinds = events["copy_kind"].array
    managed = np.append(np.array([str(kind).startswith("UVM") for kind in kinds.categories], bool), False)
    without = events["correlation"].array.isna()[rows]
    strays: Ints = rows[~(without & managed[kinds.codes[rows]])]
    return strays
