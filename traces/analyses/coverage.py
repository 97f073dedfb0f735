"""How much of some intervals others cover, and how many of several sets of intervals are open at once; in whole ns."""

from __future__ import annotations

import numpy as np

from launchlens.traces.intervals import Ints, moments, union


def covered_ns(start: Ints, end: Ints, left: Ints, right: Ints) -> Ints:
    """How long each interval [start, end) lies in a union of intervals (disjoint and sorted, as `union` makes them)."""
    if not len(left):
        return np.zeros(len(start), np.int64)
    before = np.concatenate(([0], np.cumsum(right - left)))

    def up_to(moment: Ints) -> Ints:
        at = np.searchsorted(left, moment, side="right")
        inside = np.minimum(moment, right[np.maximum(at - 1, 0)]) - left[np.maximum(at - 1, 0)]
        found: Ints = before[np.maximum(at - 1, 0)] + np.where(at > 0, inside, 0)
        return found

    return up_to(end) - up_to(start)


def unions(start: Ints, end: Ints, group: Ints) -> tuple[Ints, Ints, Ints]:
    """The union of the intervals of each group: starts, ends and groups of its parts, in order of group and time."""
    if not len(start):
        return start, end, group
    known = moments(start, end)
    width = len(known) + 1  # groups are laid one after the other on one line, each moment by its rank
    low, high = (group * width + np.searchsorted(known, each) for each in (start, end))
    low, high = union(low, high)
    return known[low % width], known[high % width], low // width


def at_once(start: Ints, end: Ints) -> tuple[Ints, Ints]:
    """How many of some intervals are open (0, 1, 2, ...) and for how long each, from the first start to the last end."""
    edges = moments(start, end)
    change = np.zeros(len(edges), np.int64)
    np.add.at(change, np.searchsorted(edges, start), 1)
    np.add.at(change, np.searchsorted(edges, end), -1)
    depth = np.cumsum(change)[:-1]
    length = np.zeros(int(depth.max(initial=0)) + 1, np.int64)
    np.add.at(length, depth, np.diff(edges))
    return np.arange(len(length)), length
