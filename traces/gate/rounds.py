"""Checks of which blocks there are: as many as the manifest says, of as many iterations, of one run, and each once."""

from __future__ import annotations

import numpy as np

from launchlens.traces.gate.check import Met, of_sides
from launchlens.traces.gate.clocks import coarse_blocks
from launchlens.traces.gate.timed import Timed, counted, middles
from launchlens.traces.grouping import Groups
from launchlens.traces.thresholds import THRESHOLDS


def of_two_runs(timed: Timed) -> list[Met]:
    """Blocks that share the place of another one in their round, or have other iterations than most that are alike.

    A run has blocks of one length or of two: where there are both kinds, those of the rarer kind are another run's.
    """
    blocks = timed.blocks
    usual = middles(timed.iterations, timed.alike)[timed.alike]
    place = blocks.duplicated(["round", "position"], keep=False).to_numpy(bool)
    single = blocks["length"].eq("only").to_numpy(bool)
    rarer = single if single.mean() <= 0.5 else ~single
    return timed.of_blocks((timed.iterations != usual) | place | rarer)


def iterations_disagree(timed: Timed) -> list[Met]:
    """Blocks of other lengths than the manifest says."""
    made, expected = timed.iterations.astype(np.float64), timed.expected
    return timed.of_blocks(~np.isnan(expected) & (made != expected))


def rounds_disagree(timed: Timed) -> list[Met]:
    """Rounds more or fewer than the manifest says, of a run that came to its end."""
    given, held = counted(timed.manifest.timing.get("rounds")), _rounds(timed)
    if not timed.manifest.complete or np.isnan(given) or given == held:
        return []
    return [Met(int(abs(given - held)), timed.sides(), f"{given:g} and {held}")]


def incomplete(timed: Timed) -> list[Met]:
    """Blocks that a side has in some rounds and lacks in others."""
    rounds = _rounds(timed)
    lacking = rounds - Groups.by(timed.alike).distinct(timed.round_of)
    of_side = timed.side_of[np.unique(timed.alike, return_index=True)[1]]
    names = timed.all_sides
    sides = tuple(dict.fromkeys(names[number] for number in of_side[lacking > 0].tolist()))
    return [Met(int(lacking.sum()), sides, of_sides(sides))] if sides else []


def _rounds(timed: Timed) -> int:
    return int(timed.round_of.max(initial=-1)) + 1


def copied(timed: Timed) -> list[Met]:
    """Blocks whose times are to the ns those of another round of their side; a coarse timer is told as such.

    Not of blocks so many, or so alike, that some have the same times by chance.
    """
    times_of = timed.blocks[["host_ns", "wall_ns", "device_ns"]].assign(alike=timed.alike)
    again = times_of.duplicated().to_numpy(bool)
    if again.mean() > THRESHOLDS.gate_blocks:
        again = again & ~coarse_blocks(timed)
    if again.mean() <= THRESHOLDS.gate_blocks:
        return []
    times = timed.blocks["wall_ns"].groupby(timed.alike)
    spread = times.transform(lambda each: each.quantile(0.75) - each.quantile(0.25))
    again &= (spread >= THRESHOLDS.gate_copies_apart_ns * times.transform("size")).to_numpy(bool)
    many = again.mean() > THRESHOLDS.gate_blocks and again.sum() >= THRESHOLDS.gate_copies_least
    return timed.of_blocks(again) if many else []
