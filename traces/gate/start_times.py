"""Checks of when blocks began: all of one run, in their order, one after the other, in turn, and without a pause."""

from __future__ import annotations

import numpy as np

from launchlens.traces.gate.check import Met
from launchlens.traces.gate.timed import Timed
from launchlens.traces.intervals import Ints
from launchlens.traces.thresholds import THRESHOLDS


def timed_apart(timed: Timed) -> list[Met]:
    """Blocks of sides that began long before or after those of their rounds: what drifted meanwhile is in every ratio."""
    return timed.of_blocks(timed.apart)


def out_of_order(timed: Timed) -> list[Met]:
    """Blocks that began before one that precedes them by round and position; sides that were timed apart are told as such."""
    back = int((np.diff(timed.start_ns[~timed.apart]) < 0).sum())
    return [Met(back, timed.sides())] if back else []


def overlapping(timed: Timed) -> list[Met]:
    """Blocks that began before another one had ended: a process runs one at a time."""
    start, wall = _in_time(timed.start_ns, timed.wall_ns)
    inside = int((start[1:] < np.maximum.accumulate(start + wall)[:-1]).sum())
    return [Met(inside, timed.sides())] if inside else []


def interrupted(timed: Timed) -> list[Met]:
    """Pauses between blocks that are long, and longer than a round; sides that were timed apart left out."""
    start, wall = _in_time(timed.start_ns[~timed.apart], timed.wall_ns[~timed.apart])
    pauses = start[1:] - (start + wall)[:-1]
    long = pauses[pauses > max(THRESHOLDS.gate_pause_ns, timed.round_ns)]
    return [Met(len(long), timed.sides(), ns=int(long.sum()))] if len(long) else []


def _in_time(start: Ints, wall: Ints) -> tuple[Ints, Ints]:
    """Starts and lengths of blocks in the order in which they began."""
    order = np.argsort(start, kind="stable")
    return start[order], wall[order]
