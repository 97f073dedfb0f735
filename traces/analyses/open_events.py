"""What is open when on the host: of events of one kind the innermost at any moment, on all threads at once."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from launchlens.traces.columns import codes
from launchlens.traces.intervals import Ints, innermost, moments


def lanes(process: Ints, thread: Ints, threads: int) -> Ints:
    """One number per (process, thread), both codes of the event table with -1 for null; `threads` is how many codes there are."""
    found: Ints = (process + 1) * (threads + 1) + thread + 1
    return found


class Opened:
    """Some host events, given by their rows in the event table, as what is open on their threads.

    Events of one thread nest; where they only overlap, the one opened last is the innermost (see `intervals.innermost`).
    """

    def __init__(self, events: pd.DataFrame, rows: Ints) -> None:
        self.rows = rows
        process, thread = (codes(events, each)[rows] for each in ("process", "thread"))
        self._threads = len(events["thread"].array.categories)
        self._lane_names, self._lane = np.unique(lanes(process, thread, self._threads), return_inverse=True)
        self.start = events["start_ns"].to_numpy()[rows]
        self.end = self.start + events["dur_ns"].to_numpy()[rows]
        self._moments = moments(self.start, self.end)
        # all threads are laid one after the other on one line, each moment by its rank: their times could leave no room
        self._width = len(self._moments) + 1
        offset = self._lane * self._width
        left, right = (offset + np.searchsorted(self._moments, each) for each in (self.start, self.end))
        self._edges, self._owner = innermost(left, right)

    def at(self, process: Ints, thread: Ints, moment: Ints) -> Ints:
        """The innermost event open on each thread at each moment, as a position in `rows`; -1 where none is.

        An event is open from its start until before its end.
        """
        found = np.full(len(moment), -1, np.int64)
        if not len(self._owner):
            return found
        wanted = lanes(process, thread, self._threads)
        lane = np.minimum(np.searchsorted(self._lane_names, wanted), len(self._lane_names) - 1)
        rank = np.searchsorted(self._moments, moment, side="right") - 1
        segment = np.searchsorted(self._edges, lane * self._width + rank, side="right") - 1
        known = (self._lane_names[lane] == wanted) & (rank >= 0) & (segment >= 0) & (segment < len(self._owner))
        found[known] = self._owner[segment[known]]
        return found

    @cached_property
    def self_ns(self) -> Ints:
        """How long each event was the innermost of its thread, ns: over all of them that is how long any was open."""
        total = np.zeros(len(self.rows), np.int64)
        mine = np.flatnonzero(self._owner >= 0)
        if len(mine):
            # an owned segment lies within one thread, and so between two moments
            low, high = self._edges[mine] % self._width, self._edges[mine + 1] % self._width
            np.add.at(total, self._owner[mine], self._moments[high] - self._moments[low])
        return total

    @cached_property
    def parent(self) -> Ints:
        """The event in which each was opened, as a position in `rows`; -1 for the outermost."""
        order = np.lexsort((-self.end, self.start, self._lane))
        start, end, lane = self.start[order], self.end[order], self._lane[order]
        # one that takes no time ends after what it could hold had begun
        ends = np.sort(lane * (2 * self._width) + 2 * np.searchsorted(self._moments, end) + (end == start))
        begun = np.arange(len(order))
        ended = np.searchsorted(
            ends, lane * (2 * self._width) + 2 * np.searchsorted(self._moments, start), side="right"
        )
        depth = begun - ended
        key = depth * (len(order) + 1) + begun
        by_key = np.argsort(key, kind="stable")
        at = np.searchsorted(key[by_key], (depth - 1) * (len(order) + 1) + begun) - 1
        holder = by_key[np.maximum(at, 0)]
        holds = (at >= 0) & (depth > 0) & (depth[holder] == depth - 1) & (lane[holder] == lane) & (end[holder] >= end)
        found = np.full(len(order), -1, np.int64)
        found[order[holds]] = order[holder[holds]]
        return found
