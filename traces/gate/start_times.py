"""Checks of when blocks began: all of one run, in their order, one after the other, in turn, and without a pause."""

from __future__ import annotations

from launchlens.traces.gate.check import Met
from launchlens.traces.gate.timed import Timed
from launchlens.traces.thresholds import THRESHOLDS


def timed_apart(timed: Timed) -> list[Met]:
    """Blocks of sides that began long before or after those of their rounds: what drifted meanwhile is in every ratio."""
    return timed.of_blocks(timed.apart)


def out_of_order(timed: Timed) -> list[Met]:
    """Blocks that began before one that precedes them by round and position; sides that were timed apart are told as such."""
    rest = timed.blocks[~timed.apart]
    back = int((rest["start_ns"].diff() < 0).sum())
    return [Met(back, timed.sides())] if back else []


def overlapping(timed: Timed) -> list[Met]:
    """Blocks that began before another one had ended: a process runs one at a time."""
    blocks = timed.blocks.sort_values("start_ns", kind="stable")
    ends = (blocks["start_ns"] + blocks["wall_ns"]).cummax().to_numpy()
    inside = int((blocks["start_ns"].to_numpy()[1:] < ends[:-1]).sum())
    return [Met(inside, timed.sides())] if inside else []


def interrupted(timed: Timed) -> list[Met]:
    """Pauses between blocks that are long, and longer than a round; sides that were timed apart left out."""
    blocks = timed.blocks[~timed.apart].sort_values("start_ns", kind="stable")
    pauses = blocks["start_ns"].to_numpy()[1:] - (blocks["start_ns"] + blocks["wall_ns"]).to_numpy()[:-1]
    long = pauses[pauses > max(THRESHOLDS.gate_pause_ns, timed.round_ns)]
    return [Met(len(long), timed.sides(), ns=int(long.sum()))] if len(long) else []
