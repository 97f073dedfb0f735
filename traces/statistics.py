"""Medians, paired ratios and their bootstrap intervals. Seeded: the same samples give the same interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import erfc, nan, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from launchlens.traces.thresholds import THRESHOLDS

#: The seed of every bootstrap's generator.
SEED = 20251204

#: Up to so many samples of one side the rank-sum test is exact, as scipy's is.
_FEW = 8

#: Of so many samples at most the draws are kept: a megabyte for 32 of them.
_MOST_KEPT = 128

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval (None where there were too few samples) and the number of samples."""

    value: float
    low: float | None
    high: float | None
    samples: int

    @property
    def interval(self) -> tuple[float, float] | None:
        """The two ends of the interval, None where there were too few samples for one."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    def covers(self, number: float) -> bool:
        """Whether the interval covers `number`; without an interval nothing can be excluded."""
        return self.interval is None or self.interval[0] <= number <= self.interval[1]


def median(samples: npt.ArrayLike) -> Estimate:
    """The median of samples with its percentile-bootstrap interval (Efron & Tibshirani 1993, ch. 13).

    Raises ValueError without samples.
    """
    return _bootstrap(np.asarray(samples, np.float64), medians)


def mean(samples: npt.ArrayLike) -> Estimate:
    """The mean of samples with its percentile-bootstrap interval. Raises ValueError without samples."""
    return _bootstrap(np.asarray(samples, np.float64), np.mean)


def paired_ratio(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> Estimate:
    """The median of numerator/denominator, pair by pair (the two of one round), with its interval.

    Pairing takes out what drifts from round to round: both sides of a pair were measured moments apart. The bootstrap
    resamples rounds, and takes them as independent of each other.
    """
    above, below = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    if above.shape != below.shape:
        raise ValueError("ratios are paired: both sides need one sample a round")
    return median(above / below)


def unpaired_ratio(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> Estimate:
    """The ratio of the medians of two sets of samples that were not taken in turn; each is resampled by itself."""
    return unpaired_ratio_beyond(numerator, denominator, 1)[0]


def unpaired_ratio_beyond(
    numerator: npt.ArrayLike, denominator: npt.ArrayLike, bound: float
) -> tuple[Estimate, float | None]:
    """The same, and what chance has of the ratio above `bound`: twice the share of resamples that are not; None with too few samples."""
    above, below = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    if not len(above) or not len(below):
        raise ValueError("no samples, no statistic")
    value = float(np.median(above) / np.median(below))
    fewest = min(len(above), len(below))
    if fewest < THRESHOLDS.least_samples:
        return Estimate(value, None, None, fewest), None
    generator = np.random.default_rng(SEED)
    tops, bottoms = _resampled(above, medians, generator), _resampled(below, medians, generator)
    with np.errstate(divide="ignore", invalid="ignore"):  # of resamples of zeros alone
        ratios = np.where((bottoms == 0) & (tops == 0), 1, tops / bottoms)
    low, high = percentiles(ratios)
    p = 2 * (1 + int((ratios <= bound).sum())) / (1 + len(ratios))
    return Estimate(value, low, high, fewest), min(1.0, p)


def _bootstrap(values: Floats, statistic: Callable[..., Any]) -> Estimate:
    if not len(values):
        raise ValueError("no samples, no statistic")
    centre = float(statistic(values))
    if len(values) < THRESHOLDS.least_samples:
        return Estimate(centre, None, None, len(values))
    if (values == values[0]).all():  # counts, say: every resample is the sample
        return Estimate(centre, centre, centre, len(values))
    low, high = percentiles(_resampled(values, statistic, None))
    return Estimate(centre, low, high, len(values))


def _resampled(values: Floats, statistic: Callable[..., Any], generator: np.random.Generator | None) -> Floats:
    """The statistic of every resample, in slices so that many samples don't need much memory at once.

    Without a generator the resamples are those of all sets of as many samples.
    """
    if generator is None and len(values) <= _MOST_KEPT:
        if statistic is medians:
            return resamples_of(len(values)).medians(values)
        return np.asarray(statistic(values[_draws(len(values))], axis=1))
    generator = generator or np.random.default_rng(SEED)
    slice_size = max(1, 2_000_000 // len(values))
    found = []
    for done in range(0, THRESHOLDS.resamples, slice_size):
        draws = generator.integers(0, len(values), size=(min(slice_size, THRESHOLDS.resamples - done), len(values)))
        found.append(statistic(values[draws], axis=1))
    return np.concatenate(found)


def draws_of(samples: int) -> Ints:
    """Which samples each resample is made of, [resamples, samples]: for statistics of several sets that belong together."""
    return np.random.default_rng(SEED).integers(0, samples, size=(THRESHOLDS.resamples, samples))


@lru_cache(maxsize=8)
def _draws(samples: int) -> Ints:
    """The same, once for all sets of as many samples: drawing takes as long as the statistic does."""
    found = draws_of(samples)
    found.flags.writeable = False
    return found


@dataclass(frozen=True)
class Resamples:
    """Resamples by how often each holds each sample: `held` [samples, resamples].

    What stands where in a resample, in order, follows from the order of the samples and these: nothing has to be sorted but them.
    """

    held: npt.NDArray[np.unsignedinteger[Any]]

    @classmethod
    def of(cls, draws: Ints) -> Resamples:
        """The resamples that hold these samples, [resamples, samples]."""
        resamples, samples = draws.shape
        cell = draws * resamples + np.arange(resamples)[:, np.newaxis]
        held = np.bincount(cell.ravel(), minlength=resamples * samples).reshape(samples, resamples)
        return cls(held.astype(np.min_scalar_type(samples)))

    def medians(self, values: Floats) -> Floats:
        """`medians` of every resample of some values, to the last digit."""
        samples, resamples = self.held.shape
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        at_middle = (samples - 1) // 2, samples // 2
        so_far = np.zeros(resamples, self.held.dtype)
        first, second = np.zeros(resamples, self.held.dtype), np.zeros(resamples, self.held.dtype)
        for sample in order[:-1].tolist():  # a sample is passed by the middle of those that hold no more up to it
            so_far += self.held[sample]
            first += so_far <= at_middle[0]
            if samples % 2 == 0:
                second += so_far <= at_middle[1]
        middle = (ordered[first] + ordered[second if samples % 2 == 0 else first]) / 2
        missing = np.isnan(values)
        return np.where(self.held[missing].any(axis=0), np.nan, middle) if missing.any() else np.asarray(middle)


@lru_cache(maxsize=8)
def resamples_of(samples: int) -> Resamples:
    """Those of `draws_of`, once for all sets of as many samples."""
    return Resamples.of(draws_of(samples))


@dataclass(frozen=True)
class Welch:
    """Welch's t of two samples of two or more, whose spreads may differ (B. L. Welch 1947): what the mean of one has more.

    As scipy.stats.ttest_ind's with equal_var=False, to the last digit, which takes half a second to import.
    """

    difference: float
    error: float
    freedom: float

    @classmethod
    def of(cls, above: Floats, below: Floats) -> Welch:
        """That of two samples that are not of one value each."""
        with np.errstate(divide="ignore", invalid="ignore"):
            of_above, of_below = _squared_error(above), _squared_error(below)
            shares = of_above**2 / (len(above) - 1) + of_below**2 / (len(below) - 1)
            freedom = (of_above + of_below) ** 2 / shares
        return cls(float(above.mean() - below.mean()), float(np.sqrt(of_above + of_below)), float(freedom))

    def interval(self, level: float) -> tuple[float, float]:
        """The interval of the difference."""
        from scipy.special import stdtrit

        tail = (1 - level) / 2
        low, high = (float(stdtrit(self.freedom, share)) for share in (tail, 1 - tail))
        return low * self.error + self.difference, high * self.error + self.difference

    @property
    def p_above(self) -> float:
        """What chance has of a difference as large, where there is none: the one-sided p."""
        from scipy.special import stdtr

        return float(stdtr(self.freedom, -(self.difference / self.error)))


def _squared_error(values: Floats) -> np.float64:
    """The square of the standard error of their mean."""
    count = len(values)
    return np.float64(np.mean((values - values.mean()) ** 2) * (count / (count - 1)) / count)


def medians(values: Floats, axis: int = 0) -> Floats:
    """`numpy.median`, to the last digit, in a tenth of its time where there are many medians of few values each: it is sorted
    whole, which vector instructions do, where numpy looks for the middle value by value."""
    ordered = np.sort(np.moveaxis(values, axis, -1), axis=-1)
    count = ordered.shape[-1]
    middle = (ordered[..., (count - 1) // 2] + ordered[..., count // 2]) / 2
    return np.asarray(np.where(np.isnan(ordered[..., -1]), np.nan, middle))


def percentiles(values: Floats) -> tuple[float, float]:
    """The ends of the interval that the statistic of all resamples makes: its 2.5 % and 97.5 % percentiles."""
    level = THRESHOLDS.interval_level
    ordered = np.sort(values)
    if np.isnan(ordered[-1]):
        return nan, nan
    low, high = (_between(ordered, 100 * share / 2 / 100) for share in (1 - level, 1 + level))
    return low, high


def _between(ordered: Floats, share: float) -> float:
    """`numpy.quantile` of values in order, to the last digit: it takes five times as long to look for two of them."""
    place = (len(ordered) - 1) * share
    at = min(int(place), len(ordered) - 1)
    beyond = place - at
    low, high = float(ordered[at]), float(ordered[min(at + 1, len(ordered) - 1)])
    return high - (high - low) * (1 - beyond) if beyond >= 0.5 else low + (high - low) * beyond


def shared_ranks(values: Floats) -> tuple[Floats, Ints]:
    """The rank of each value, from 1 on, the mean of theirs for those that are the same; and how many have each value."""
    _, place, alike = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(alike) - (alike - 1) / 2)[place]
    return ranks, alike


def rank_sum_p(first: Floats, second: Floats) -> float:
    """The two-sided p of "both are of one distribution" (Mann and Whitney, 1947).

    As scipy.stats.mannwhitneyu's, which takes half a second to import.

    Exact where one has at most eight samples and none is there twice, else the normal approximation with a correction for
    continuity.
    """
    one, other = len(first), len(second)
    count = one + other
    ranks, alike = shared_ranks(np.concatenate((first, second)))
    above = float(ranks[:one].sum()) - one * (one + 1) / 2
    further = max(above, one * other - above)
    if min(one, other) <= _FEW and (alike == 1).all():
        ways = np.zeros((one + 1, one * count + 1))  # [ranks taken, their sum]
        ways[0, 0] = 1.0
        for rank in range(1, count + 1):
            ways[1:, rank:] += ways[:-1, :-rank]
        whole = ways[one]
        return min(2 * float(whole[int(further) + one * (one + 1) // 2 :].sum() / whole.sum()), 1.0)
    tied = float((alike.astype(float) ** 3 - alike).sum()) / (count * (count - 1))
    spread = sqrt(one * other / 12 * (count + 1 - tied))
    return min(erfc((further - one * other / 2 - 0.5) / spread / sqrt(2)), 1.0) if spread else 1.0
