"""Which variant is fastest at a point, and which others may be: the map. A cell in which more than one may be is left open.

At every point a side is out where it is slower than some other one for sure: the trimmed mean of their log ratio over pairs of rounds,
less its standard error times Student's quantile of 5 % shared among all others (K. K. Yuen 1974; C. E. Bonferroni), lies above 0.
The truly fastest is out in at most 5 % of cells. `launchlens.traces.families` asks the same of a capture by resampling, which
has more power and takes a second a cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from launchlens.traces.families import trimmed
from launchlens.traces.statistics import Estimate, Floats
from launchlens.traces.sweeps.samples import Samples
from launchlens.traces.thresholds import THRESHOLDS


@dataclass(frozen=True)
class Cell:
    """A point in one regime. `leader` has the least time; `may_be_best` are those not shown to be slower than another, it among them.

    `ratio` is the runner-up's time over the leader's; None where there is one side only.
    """

    point: int
    regime: str
    leader: str
    time: Estimate
    may_be_best: tuple[str, ...]
    runner_up: str | None
    ratio: Estimate | None

    @property
    def decided(self) -> bool:
        """Whether one is shown to be faster than all others."""
        return len(self.may_be_best) == 1


def cells_of(samples: Samples, parts: Sequence[str] = ()) -> list[Cell]:
    """Every point in every regime in which something was timed. Variants that do a part of the work (`parts`) have no place in it."""
    times = samples.times
    logs = times.value.reshape(len(samples.points), len(samples.sides))
    found = []
    for regime in samples.regimes:
        sides = [place for place in samples.in_regime(regime) if samples.sides[place][0] not in parts]
        for at, point in enumerate(samples.points):
            there = [place for place in sides if np.isfinite(logs[at, place])]
            if not there:
                continue
            order = sorted(there, key=lambda place: logs[at, place])
            lead = order[0]
            kept = may_be_best(samples.logs[at][:, there])
            names = {samples.sides[place][0] for place, in_it in zip(there, kept, strict=True) if in_it}
            best = [samples.sides[place][0] for place in order if samples.sides[place][0] in names or place == lead]
            ratio = samples.ratio_at(at, order[1], lead) if len(order) > 1 else None
            found.append(
                Cell(
                    int(point),
                    regime,
                    samples.sides[lead][0],
                    times.as_ratio(at * len(samples.sides) + lead),
                    tuple(best),
                    samples.sides[order[1]][0] if len(order) > 1 else None,
                    ratio,
                )
            )
    return found


def may_be_best(times: Floats) -> list[bool]:
    """Of `times` [pairs of rounds, sides], logarithms: which sides may be the fastest, at 95 % for all of them together."""
    whole = times[np.isfinite(times).all(axis=1)]
    pairs, sides = whole.shape
    if pairs < THRESHOLDS.least_pairs or sides < 2:
        return [True] * sides
    differences = (whole[:, :, None] - whole[:, None, :]).reshape(pairs, sides * sides)
    extra, error = (found.reshape(sides, sides) for found in trimmed(differences, axis=-2))
    critical = _critical(pairs - 2 * int(THRESHOLDS.trimmed_share * pairs) - 1, sides - 1)
    slower = np.asarray(extra > critical * error, bool)
    return [bool(each) for each in ~np.atleast_1d(slower.any(axis=1))]


def _critical(freedom: int, others: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - (1 - THRESHOLDS.interval_level) / others))
