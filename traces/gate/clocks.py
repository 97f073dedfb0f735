"""Checks of the times themselves: fine steps, none longer than what holds it, and one pace of the machine."""

from __future__ import annotations

import numpy as np
import pandas as pd

from launchlens.traces.gate.check import Met, of_sides
from launchlens.traces.gate.timed import Flags, Timed, middles
from launchlens.traces.grouping import Groups
from launchlens.traces.thresholds import THRESHOLDS


def coarse_blocks(timed: Timed) -> Flags:
    """Which blocks are of a kind of which there are few different times, all of them multiples of a step.

    Rounds that were copied have few different times as well, but fine ones.
    """
    of = timed.alike
    alike = Groups.by(of)
    different, count = alike.distinct(timed.wall_ns), alike.sizes
    few: Flags = ((different <= THRESHOLDS.gate_distinct * count) & (count >= THRESHOLDS.least_samples))[of]
    if not few.any():
        return few  # the rest takes a call a group, and hardly ever there is one of few times
    steps = timed.blocks["wall_ns"].groupby(of).transform(np.gcd.reduce)
    found: Flags = few & (steps > 1).to_numpy(bool)
    return found


def coarse(timed: Timed) -> list[Met]:
    """Blocks that take one of a few times again and again, as a timer with large steps gives them: their spread is not known."""
    which = coarse_blocks(timed)
    sides = timed.sides(which)
    if not sides:
        return []
    step = int(np.gcd.reduce(timed.wall_ns[which]))
    return [Met(int(which.sum()), sides, f"{of_sides(sides)}, in steps of {step:,} ns")]


def host_beyond_wall(timed: Timed) -> list[Met]:
    """Blocks whose iterations took longer to submit than to submit and to wait for."""
    return timed.of_blocks(timed.blocks["host_ns"].to_numpy(np.int64) > timed.wall_ns)


def device_beyond_wall(timed: Timed) -> list[Met]:
    """Blocks that took longer between device events than on the host's clock, of sides of which that is so more than now and then."""
    most = timed.wall_ns * (1 + THRESHOLDS.gate_device_beyond) + THRESHOLDS.gate_device_beyond_ns
    device = timed.blocks["device_ns"].to_numpy(np.float64, na_value=np.nan)
    return timed.of_blocks(_of_many(timed, device > most))


def _far_off(timed: Timed) -> Flags:
    """Which blocks took several times as long as most that are alike."""
    found: Flags = timed.wall_ns > THRESHOLDS.gate_far_off * timed.usual_wall_ns
    return found


def _of_many(timed: Timed, which: Flags) -> Flags:
    """Of some blocks those of sides that have more of them than chance gives."""
    found: Flags = which & (timed.share_of_side(which) > THRESHOLDS.gate_blocks)
    return found


def far_off(timed: Timed) -> list[Met]:
    """Blocks that took several times as long as most, of sides that have one or two: medians don't see them."""
    which = _far_off(timed)
    return timed.of_blocks(which & ~_of_many(timed, which))


def unsteady(timed: Timed) -> list[Met]:
    """Blocks that took several times as long as most, of sides that have many."""
    return timed.of_blocks(_of_many(timed, _far_off(timed)))


def clock_moved(timed: Timed) -> list[Met]:
    """Rounds before which the SM clock was another one than it was before most."""
    clocks = timed.blocks.groupby("round")["sm_clock_mhz"].first().dropna().astype(float)
    if not len(clocks):
        return []
    away = int(((clocks / clocks.median() - 1).abs() > THRESHOLDS.gate_clock_moved).sum())
    return [Met(away, timed.sides(), f"{clocks.min():,.0f} to {clocks.max():,.0f} MHz")] if away else []


def pace_changed(timed: Timed) -> list[Met]:
    """Regimes of which all sides took longer, or less long, in the last third of the rounds than in the first."""
    spent = np.log(timed.wall_ns / timed.iterations)
    pace = spent - middles(spent, timed.alike)[timed.alike]
    codes, regimes = pd.factorize(timed.blocks["regime"], sort=True)
    found = []
    for code, regime in enumerate(regimes):
        mine = codes == code
        rounds = middles(pace[mine], np.unique(timed.round_of[mine], return_inverse=True)[1])
        third = len(rounds) // 3
        if third < THRESHOLDS.least_samples:
            continue
        change = float(np.exp(np.median(rounds[-third:]) - np.median(rounds[:third])))
        if max(change, 1 / change) > 1 + THRESHOLDS.gate_pace:
            sides = tuple(side for side in timed.sides() if side[1] == regime)
            found.append(
                Met(1, sides, f"{regime} {change:.2f} × as long in the last third of the rounds as in the first")
            )
    return found
