"""Estimates from balanced pairs of rounds: two rounds whose orders are mirror images make one sample.

Rounds 2j and 2j+1 hold the same blocks, the second time backwards. What drifts steadily through the two, and what a block owes to
where it stands in its round, is in both sides of their mean alike. The sample of a pair is the mean over its two rounds of the
logarithm of a ratio (or of a difference); from the samples come

    value      the Hodges-Lehmann estimate: the median of the means of any two samples, and of each with itself
    interval   that of Wilcoxon's signed-rank test, turned round (Hollander, Wolfe and Chicken 2014, 3.2): exact where samples are
               independent and symmetric about the truth, as they are by design where both sides run the same code
    p          that test of "the ratio is 1"

No normal distribution is assumed, and an outlier counts as one sample, however far out it lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd

from launchlens.traces.statistics import Estimate, Floats, shared_ranks
from launchlens.traces.thresholds import THRESHOLDS

#: Beyond so many pairs the distribution of the signed-rank statistic is taken as normal, as scipy does beyond 50.
_MOST_EXACT = 100


@dataclass(frozen=True)
class Pairs:
    """Samples of balanced pairs of rounds, and the single rounds where no pair is whole. Logarithms, or plain differences."""

    samples: Floats
    rounds: Floats

    @cached_property
    def walsh(self) -> Floats:
        """The means of any two samples, and of each with itself, in order."""
        samples = self.samples
        first, second = np.triu_indices(len(samples))
        return np.sort((samples[first] + samples[second]) / 2)

    @property
    def value(self) -> float:
        """The Hodges-Lehmann estimate; of single rounds where no pair is whole, their median."""
        return float(np.median(self.walsh if len(self.samples) else self.rounds))

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval; None of too few pairs."""
        count = len(self.samples)
        if count < THRESHOLDS.least_pairs:
            return None
        beyond = walsh_beyond(count)
        return float(self.walsh[beyond]), float(self.walsh[-1 - beyond])

    @property
    def p(self) -> float | None:
        """What the signed-rank test gives "no difference"; None of too few pairs."""
        if len(self.samples) < THRESHOLDS.least_pairs:
            return None
        if not self.samples.any():
            return 1.0
        if self.samples.all() and len(self.samples) <= _MOST_EXACT:
            return _exact_p(self.samples)
        from scipy.stats import wilcoxon

        # a difference of 0 counts for either side by halves: dropping it would make the others more certain
        return float(wilcoxon(self.samples, zero_method="zsplit", method="asymptotic").pvalue)

    @property
    def spread(self) -> float | None:
        """How far a sample lies from the others: 1.4826 × the median distance from their median. None of too few pairs."""
        if len(self.samples) < THRESHOLDS.least_pairs:
            return None
        return float(1.4826 * np.median(np.abs(self.samples - np.median(self.samples))))

    def as_ratio(self) -> Estimate:
        """The ratio whose logarithm was sampled."""
        return self._estimate(np.exp(self.value), None if self.interval is None else np.exp(self.interval))

    def as_difference(self) -> Estimate:
        """The difference that was sampled."""
        return self._estimate(self.value, self.interval)

    def _estimate(self, value: float, ends: Sequence[float] | Floats | None) -> Estimate:
        low, high = (None, None) if ends is None else (float(ends[0]), float(ends[1]))
        return Estimate(float(value), low, high, 2 * len(self.samples) or len(self.rounds))


def ratios(above: pd.Series[float], below: pd.Series[float]) -> Pairs:
    """Samples of above ÷ below, both indexed by round. Raises ValueError where they share none."""
    rounds, above_values, below_values = _shared(above, below)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = above_values / below_values
    return _pairs(rounds, np.log(ratio))


def differences(more: pd.Series[float], less: pd.Series[float]) -> Pairs:
    """Samples of more − less, both indexed by round. Raises ValueError where they share none."""
    rounds, more_values, less_values = _shared(more, less)
    return _pairs(rounds, more_values - less_values)


def _shared(one: pd.Series[float], other: pd.Series[float]) -> tuple[pd.Index[int], Floats, Floats]:
    """The rounds that both have, and both in these."""
    rounds = one.index
    if not rounds.equals(other.index):
        rounds = rounds.intersection(other.index)
        one, other = one.loc[rounds], other.loc[rounds]
    return rounds, one.astype(float).to_numpy(), other.astype(float).to_numpy()


def shared_rounds(one: pd.Index[int], other: pd.Index[int]) -> pd.Index[int]:
    """The rounds that both have; mostly they have the same."""
    return one if one.equals(other) else one.intersection(other)


def paired(frame: pd.DataFrame) -> pd.DataFrame:
    """Means over the two rounds of each whole pair, of columns indexed by round; what is missing in a round is so in its pair."""
    grouped = frame.groupby(np.asarray(frame.index) // 2)
    return grouped.mean()[grouped.size() == 2]


def whole_pairs(rounds: pd.Index[int]) -> int:
    """How many pairs there are of which both rounds are here."""
    _, found = np.unique(np.asarray(rounds) // 2, return_counts=True)
    return int((found == 2).sum())


def _pairs(rounds: pd.Index[int], values: Floats) -> Pairs:
    if not len(values):
        raise ValueError("no samples, no statistic")
    if np.isnan(values).any():
        return Pairs(paired(pd.DataFrame({"sample": values}, index=rounds))["sample"].to_numpy(float), values)
    # as `paired`, of one column of which nothing is missing
    _, place, found = np.unique(np.asarray(rounds) // 2, return_inverse=True, return_counts=True)
    return Pairs((np.bincount(place, weights=values) / 2)[found == 2], values)


def _exact_p(samples: Floats) -> float:
    """The two-sided signed-rank test of samples without a 0. As scipy.stats.wilcoxon's, which takes half a second to import.

    Of samples alike but for their sign the ranks are shared, and what is no whole number is rounded to where it is likelier.
    """
    ranks, _ = shared_ranks(np.abs(samples))
    positive = float(ranks[samples > 0].sum())
    chances = signed_rank_chances(len(samples))
    if positive <= (len(chances) - 1) / 2:
        tail = chances[: int(np.ceil(positive)) + 1].sum()
    else:
        tail = 1 - chances[: int(np.floor(positive))].sum()
    return min(max(float(2 * tail), 0.0), 1.0)


@lru_cache
def walsh_beyond(count: int) -> int:
    """How many Walsh averages lie beyond either end: the largest number that the statistic stays at or below in 2.5 % of cases."""
    tail = (1 - THRESHOLDS.interval_level) / 2
    if count > _MOST_EXACT:
        from scipy.special import ndtri

        whole = count * (count + 1) // 2
        return int(whole / 2 + ndtri(tail) * np.sqrt(count * (count + 1) * (2 * count + 1) / 24))
    return int((np.cumsum(signed_rank_chances(count)) <= tail).sum()) - 1


@lru_cache
def signed_rank_chances(count: int) -> Floats:
    """How likely each value of the signed-rank statistic is, from 0 on, where nothing differs."""
    whole = count * (count + 1) // 2
    ways = np.zeros(whole + 1)
    ways[0] = 1.0
    for rank in range(1, count + 1):  # the ranks that are positive: each is, or isn't, with even odds
        ways[rank:] = ways[rank:] / 2 + ways[: whole + 1 - rank] / 2
        ways[:rank] /= 2
    return ways
