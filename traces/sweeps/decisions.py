"""The best choice as a few rules over the axes, and what following them costs where they are not quite right.

Rules are a tree of at most MOST_RULES leaves: of all cuts between two measured values, the one is made first that saves most of what is
lost by one choice for all points of a leaf. What is lost at a point is how much longer the choice takes than the fastest there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log1p

import numpy as np

from launchlens.traces.statistics import Floats
from launchlens.traces.sweeps.samples import Samples
from launchlens.traces.sweeps.sweep import Axis, Point, Setting
from launchlens.traces.thresholds import THRESHOLDS

MOST_RULES = 6
#: What a variant loses where it was not measured, as a logarithm: nobody is advised to take it there.
_NOT_THERE = 3.0


@dataclass(frozen=True)
class Within:
    """The values of an axis that a rule is for, both ends among them; None where there is no end."""

    axis: str
    low: Setting | None
    high: Setting | None


@dataclass(frozen=True)
class Rule:
    """Take `choice` within these ranges. What it takes longer than the fastest of each of `points`: on average and at most, shares."""

    regime: str
    where: tuple[Within, ...]
    choice: str
    points: int
    mean_loss: float
    worst_loss: float


def rules_of(
    samples: Samples, points: Sequence[Point], axes: Sequence[Axis], regime: str, parts: Sequence[str] = ()
) -> list[Rule]:
    """The rules of a regime, in the order of the axes' values; none where nothing was timed."""
    sides = [place for place in samples.in_regime(regime) if samples.sides[place][0] not in parts]
    logs = samples.times.value.reshape(len(samples.points), len(samples.sides))[:, sides]
    there = np.isfinite(logs).any(axis=1) & np.array([points[index].stage == "coarse" for index in samples.points])
    if not there.any():
        return []
    logs, held = logs[there], samples.points[there]
    loss = np.minimum(
        np.where(np.isfinite(logs), logs - np.nanmin(logs, axis=1, keepdims=True), _NOT_THERE), _NOT_THERE
    )
    values = {
        axis.name: np.array([float(points[index].settings[axis.name]) for index in held])
        for axis in axes
        if axis.scale != "named"
    }
    leaves = [np.arange(len(held))]
    while len(leaves) < MOST_RULES:
        cuts = [(cut, place) for place, leaf in enumerate(leaves) if (cut := _best_cut(leaf, loss, values)) is not None]
        if not cuts:
            break
        cut, place = max(cuts, key=lambda each: each[0].saves)
        leaves[place : place + 1] = [cut.below, cut.above]
    sides_of = [samples.sides[place][0] for place in sides]
    return [_rule(leaf, loss, values, sides_of, regime) for leaf in _merged(leaves, loss)]


@dataclass(frozen=True)
class _Cut:
    saves: float
    below: np.ndarray
    above: np.ndarray


def _best_cut(leaf: np.ndarray, loss: Floats, values: dict[str, Floats]) -> _Cut | None:
    """The cut of a leaf that saves most; None where none saves more than the equivalence margin at a point of it."""
    one = loss[leaf].sum(axis=0).min()
    best: _Cut | None = None
    for of_axis in values.values():
        mine = of_axis[leaf]
        for bound in np.unique(mine)[:-1]:
            low = mine <= bound
            saves = one - loss[leaf[low]].sum(axis=0).min() - loss[leaf[~low]].sum(axis=0).min()
            if best is None or saves > best.saves:
                best = _Cut(float(saves), leaf[low], leaf[~low])
    worth = len(leaf) * log1p(THRESHOLDS.equivalence_margin)
    return None if best is None or best.saves < max(worth, log1p(THRESHOLDS.equivalence_margin)) else best


def _merged(leaves: list[np.ndarray], loss: Floats) -> list[np.ndarray]:
    return sorted(leaves, key=lambda leaf: int(leaf.min())) if len(loss) else leaves


def _rule(leaf: np.ndarray, loss: Floats, values: dict[str, Floats], names: Sequence[str], regime: str) -> Rule:
    choice = int(loss[leaf].sum(axis=0).argmin())
    lost = loss[leaf, choice]
    where = []
    for name, of_axis in values.items():
        low, high = float(of_axis[leaf].min()), float(of_axis[leaf].max())
        ends = (None if low == of_axis.min() else low, None if high == of_axis.max() else high)
        where.append(Within(name, *(None if end is None else int(end) if end.is_integer() else end for end in ends)))
    return Rule(regime, tuple(where), names[choice], len(leaf), exp(float(lost.mean())) - 1, exp(float(lost.max())) - 1)
