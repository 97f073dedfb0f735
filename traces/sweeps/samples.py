"""The times of a sweep as arrays: of every point, the logarithm of an iteration's time by pair of rounds and side.

Times are marginal, and rounds are paired, as those of a capture are (`launchlens.traces.studies.per_iteration`, `launchlens.traces.balanced`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from launchlens.traces.problems import InputError
from launchlens.traces.statistics import Estimate, Floats, Ints
from launchlens.traces.studies.per_iteration import per_iteration
from launchlens.traces.sweeps.signed_rank import Estimates, estimates
from launchlens.traces.sweeps.sweep import Sweep

#: Rounds of a point are numbered from a multiple of this, an even number, so that no pair has rounds of two points.
_ROUNDS_OF_A_POINT = 1 << 20

#: A variant in a regime.
SideKey = tuple[str, str]


@dataclass(frozen=True)
class Samples:
    """`logs` [points, pairs of rounds, sides] of times of an iteration, ns; NaN where there is none. `points` are indices of the record."""

    points: Ints
    sides: tuple[SideKey, ...]
    logs: Floats

    def side(self, variant: str, regime: str) -> int | None:
        """The place of a side; None where it was never timed."""
        key = variant, regime
        return self.sides.index(key) if key in self.sides else None

    def in_regime(self, regime: str) -> list[int]:
        """The places of a regime's sides."""
        return [place for place, (_, mine) in enumerate(self.sides) if mine == regime]

    @property
    def regimes(self) -> list[str]:
        return list(dict.fromkeys(regime for _, regime in self.sides))

    @cached_property
    def times(self) -> Estimates:
        """The logarithm of each side's time at each point, [points × sides] in a row."""
        return estimates(np.moveaxis(self.logs, 1, 2).reshape(-1, self.logs.shape[1]))

    def ratios(self, above: int, below: int) -> Estimates:
        """The logarithm of one side's time over another's at each point."""
        return estimates(self.logs[:, :, above] - self.logs[:, :, below])

    def ratio_at(self, at: int, above: int, below: int) -> Estimate:
        """One side's time over another's at the point in place `at`."""
        row = self.logs[at, :, above] - self.logs[at, :, below]
        return estimates(row[None, :]).as_ratio(0)


def samples_of(sweep: Sweep) -> Samples:
    """The samples of a sweep. Raises InputError where nothing was timed."""
    timings = sweep.timings
    if not len(timings):
        why = "it was interrupted before anything had been timed" if not sweep.record.complete else "it holds none"
        raise InputError(sweep.path, f"has no timings: {why}", "record it again")
    if timings["round"].max() >= _ROUNDS_OF_A_POINT or timings["round"].min() < 0:
        raise InputError(sweep.path, "numbers rounds beyond what a point can have", "record it again")
    whole = timings[~timings["control"].astype(bool)]
    timed = per_iteration(whole.assign(round=whole["point"] * _ROUNDS_OF_A_POINT + whole["round"]))
    if not len(timed):
        raise InputError(sweep.path, "has no timings: no long block took longer than its short one", "record it again")
    (variant, variants), (regime, regimes) = (pd.factorize(timed[name]) for name in ("variant", "regime"))
    side, distinct = pd.factorize(variant * len(regimes) + regime)
    sides = [(str(variants[code // len(regimes)]), str(regimes[code % len(regimes)])) for code in distinct]
    numbers = {key: place for place, key in enumerate(_in_order(sweep, sides))}
    rounds = timed["round"].to_numpy(np.int64)
    point = rounds // _ROUNDS_OF_A_POINT
    number = rounds % _ROUNDS_OF_A_POINT
    points, at = np.unique(point, return_inverse=True)
    place = np.array([numbers[key] for key in sides])[side]
    # pairs are numbered anew within a point, so that a few far apart need no room between them
    keys, pair = np.unique(np.stack([at, number // 2]), axis=1, return_inverse=True)
    first = np.searchsorted(keys[0], np.arange(len(points)))
    pair = pair.reshape(-1) - first[at]
    logs = np.full((len(points), int(pair.max()) + 1, len(numbers), 2), np.nan)
    logs[at, pair, place, number % 2] = np.log(timed["wall_ns"].to_numpy(float))
    return Samples(points.astype(np.int64), tuple(numbers), logs.mean(axis=3))


def _in_order(sweep: Sweep, sides: list[SideKey]) -> list[SideKey]:
    """Sides by regime, in each the baseline first and others as the record has them."""
    names = [sweep.record.baseline, *sweep.record.says, *(variant for variant, _ in sides)]
    rank = {name: place for place, name in reversed(list(enumerate(names)))}
    regimes = {regime: place for place, regime in enumerate(dict.fromkeys(regime for _, regime in sides))}
    return sorted(sides, key=lambda side: (side[1] != "eager", regimes[side[1]], rank[side[0]]))
