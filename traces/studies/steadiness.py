"""Whether the baseline of a regime holds still: its time against its own, and what its rounds do over the run.

What is found here stands before every verdict, and what it could turn round is not shown:

    control-excludes-1   the baseline is not as fast as itself: what places in a round cost is not balanced. Nothing is shown of a
                         ratio that is not further from 1
    baseline-bimodal     the baseline has two speeds, or drifts through the run: a ratio is shown only where both of its speeds, or
    baseline-drifts      both halves of the run, put it on the same side of 1
    too-few-rounds       there are too few pairs of rounds for an interval
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log, log1p
from typing import Literal

import numpy as np
import pandas as pd

from launchlens.traces.balanced import Pairs, ratios, whole_pairs
from launchlens.traces.statistics import Estimate, Floats, rank_sum_p
from launchlens.traces.studies.side import Side
from launchlens.traces.thresholds import THRESHOLDS

Cause = Literal["too-few-rounds", "control-excludes-1", "baseline-bimodal", "baseline-drifts"]


@dataclass(frozen=True)
class Modes:
    """Two speeds of a baseline: the slower's time over the faster's, and the time between the two, ns."""

    apart: float
    limit_ns: float


@dataclass(frozen=True)
class Steadiness:
    """How still a regime's baseline holds. `rounds` and whole `pairs` of them are the baseline's."""

    control: Pairs | None
    rounds: int
    pairs: int
    modes: Modes | None = None
    drift: float | None = None
    wall_ns: pd.Series[float] | None = None

    @cached_property
    def control_ratio(self) -> Estimate | None:
        """The A/A control: the baseline's second blocks over its first, from balanced pairs; None without. Its value is the bias."""
        return None if self.control is None else self.control.as_ratio()

    @property
    def noise(self) -> float | None:
        """How far one pair of rounds lies from the others in the control, as a share; None of too few pairs."""
        return None if self.control is None else self.control.spread

    @property
    def biased(self) -> bool:
        """Whether the control excludes 1."""
        return self.control_ratio is not None and not self.control_ratio.covers(1.0)

    @cached_property
    def causes(self) -> Sequence[Cause]:
        """Why a verdict of this regime can't be relied on as others can, the gravest first."""
        ratio = self.control_ratio
        found: dict[Cause, bool] = {
            "too-few-rounds": self.pairs < THRESHOLDS.least_pairs,
            "control-excludes-1": self.biased and ratio is not None and not within_margin(ratio),
            "baseline-bimodal": self.modes is not None,
            "baseline-drifts": self.drift is not None,
        }
        return [cause for cause, there in found.items() if there]

    @property
    def bias(self) -> float:
        """How far the baseline is from itself, as a logarithm without sign; 0 where the control covers 1.

        The interval of a ratio must stay so far from 1 before anything is shown.
        """
        return abs(log(self.control_ratio.value)) if self.biased and self.control_ratio is not None else 0.0

    def reverses(self, above: pd.Series[float], below: pd.Series[float]) -> bool:
        """Whether above ÷ below (indexed by round) lies on the other side of 1 in one part of an unsteady run.

        The parts are the two speeds of the baseline, or the two halves of a run that drifts.
        """
        if self.wall_ns is None or (self.modes is None and self.drift is None):
            return False
        shared = above.index.intersection(below.index)
        each = np.log((above.loc[shared] / below.loc[shared]).astype(float))
        late = pd.Series(shared >= self.wall_ns.index.to_series().median(), index=shared)
        if self.modes is not None:
            late = (self.wall_ns > self.modes.limit_ns).reindex(shared, fill_value=False)
        middles = [each[late].median(), each[~late].median()]
        return bool(np.nanmin(middles) < 0 < np.nanmax(middles))


def within_margin(ratio: Estimate, bias: float = 0.0) -> bool:
    """Whether the whole interval of a ratio lies within the equivalence margin, and would if it were off by `bias`."""
    if ratio.interval is None:
        return False
    furthest = max(abs(log(end)) for end in ratio.interval)
    return furthest + bias <= log1p(THRESHOLDS.equivalence_margin)


def steadiness(baseline: Side, again: Side | None) -> Steadiness:
    """How still `baseline` holds; `again` are its second blocks, None where there are none."""
    wall = baseline.blocks["wall_ns"].astype(float)
    shared = again is not None and len(wall.index.intersection(again.blocks.index)) > 0
    control = ratios(again.blocks["wall_ns"], wall) if again is not None and shared else None
    return Steadiness(
        control,
        rounds=len(wall),
        pairs=whole_pairs(wall.index),
        modes=_modes(wall.to_numpy()),
        drift=_drift(wall.to_numpy()),
        wall_ns=wall,
    )


def _modes(wall: Floats) -> Modes | None:
    """Two modes, where one cut explains most of the variance of the logarithms (N. Otsu's criterion, 1979)."""
    ordered = np.log(np.sort(wall))
    count, whole = len(ordered), ordered.var()
    fewest = max(2, int(np.ceil(THRESHOLDS.two_modes_fewest * count)))
    if count < 2 * THRESHOLDS.least_pairs or not whole:
        return None
    lower = np.arange(fewest, count - fewest + 1)
    sums = np.cumsum(ordered)
    below, above = sums[lower - 1] / lower, (sums[-1] - sums[lower - 1]) / (count - lower)
    explained = lower * (count - lower) / count**2 * (above - below) ** 2 / whole
    best = int(explained.argmax())
    cut = int(lower[best])
    apart = float(np.exp(np.median(ordered[cut:]) - np.median(ordered[:cut])))
    if explained[best] < THRESHOLDS.two_modes_explain or apart <= 1 + THRESHOLDS.two_modes_apart:
        return None
    return Modes(apart, float(np.exp((ordered[cut - 1] + ordered[cut]) / 2)))


def _drift(wall: Floats) -> float | None:
    """The last third's median time over the first's, where they differ by more than a steady host does; else None."""
    third = len(wall) // 3
    if len(wall) < 2 * THRESHOLDS.least_pairs:
        return None
    first, last = wall[:third], wall[-third:]
    ratio = float(np.median(last) / np.median(first))
    if max(ratio, 1 / ratio) <= 1 + THRESHOLDS.drift:
        return None
    return ratio if rank_sum_p(first, last) <= THRESHOLDS.drift_chance else None
