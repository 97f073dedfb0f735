"""Several comparisons at once: Holm's correction, and the set of sides that may be the fastest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from launchlens.traces.statistics import Floats, Ints, Resamples, resamples_of
from launchlens.traces.thresholds import THRESHOLDS

Flags = npt.NDArray[np.bool_]
#: Numbers that are worked on at once: so many stay near the processor from one step of the arithmetic to the next.
_AT_ONCE = 50_000
#: Logarithms no further from each other are the same: that is what rounding leaves of equal values.
_ALIKE = 1e-12


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Adjusted p-values (S. Holm, "A simple sequentially rejective multiple test procedure", 1979); what is None takes no part.

    Where none of the comparisons differs, one of them is at or below 0.05 in at most 5 % of cases, however they depend.
    """
    known = sorted((value, at) for at, value in enumerate(p) if value is not None)
    adjusted: list[float | None] = [None] * len(p)
    so_far = 0.0
    for rank, (value, at) in enumerate(known):
        so_far = max(so_far, min(1.0, (len(known) - rank) * value))
        adjusted[at] = so_far
    return adjusted


def may_be_best(times: Floats, tolerance: float = 0.0) -> list[bool]:
    """Of `times` [pairs of rounds, sides], logarithms: which sides may be the fastest, at 95 % for all of them together.

    Multiple comparisons with the best (J. C. Hsu, "Constrained simultaneous confidence intervals for multiple comparisons with
    the best", 1984): a side is out where it is slower than some other one, beyond what the largest of its statistics against
    all others exceeds in 5 % of cases. What they exceed comes from resampling pairs of rounds, all sides of a pair together, so
    that what a pair does to all of them counts once. The statistic is a trimmed mean over its standard error
    (R. R. Wilcox, "Introduction to Robust Estimation and Hypothesis Testing", 2012, 4.4.3), in which outliers don't count. The
    side that is fastest for sure is in in 95 % of cases.

    `tolerance`: how much slower a side must be at least, as a logarithm. With too few pairs all may be.
    """
    pairs, sides = times.shape
    if pairs < THRESHOLDS.least_pairs or sides < 2:
        return [True] * sides
    one, other = np.triu_indices(sides, 1)
    extra = np.ascontiguousarray((times[:, one] - times[:, other]).T)
    centre, error = trimmed(extra)
    out = np.zeros(sides, bool)
    # the same in every pair: nothing is left to chance
    out[one[(error == 0) & (centre > tolerance)]] = True
    out[other[(error == 0) & (-centre > tolerance)]] = True
    slower = (error > 0) & (np.abs(centre) > tolerance)
    slow = np.where(centre > 0, one, other)
    open_ = np.zeros(sides, bool)
    open_[slow[slower]] = True
    open_ &= ~out
    if not open_.any():
        return (~out).tolist()
    critical = _critical(extra, one, other, open_)
    beyond = slower & open_[slow]
    beyond[beyond] = (np.abs(centre) - tolerance)[beyond] > critical[slow[beyond]] * error[beyond]
    out[slow[beyond]] = True
    return (~out).tolist()


def _critical(extra: Floats, one: Ints, other: Ints, wanted: Flags) -> Floats:
    """What the largest statistic of each wanted side against all others exceeds in 5 % of resamples; of the rest meaningless.

    `extra` is what side `one` takes more than side `other`, [two of the sides, pairs of rounds]; the other way round it is the
    same with the other sign, so each two are resampled once.
    """
    resamples = resamples_of(extra.shape[1])
    largest = np.full((len(wanted), THRESHOLDS.resamples), -np.inf)
    needed = np.flatnonzero(wanted[one] | wanted[other])
    chunk = max(1, _AT_ONCE // THRESHOLDS.resamples)
    for done in range(0, len(needed), chunk):
        rows = needed[done : done + chunk]
        centre = trimmed(extra[rows])[0][:, np.newaxis]
        centres, errors = resampled_trimmed(extra[rows], resamples)
        apart = centres - centre
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = np.where(errors > 0, apart / errors, np.where(apart > _ALIKE, np.inf, -np.inf))
            turned = np.where(errors > 0, -statistic, np.where(apart < -_ALIKE, np.inf, -np.inf))
        for row, ahead, behind in zip(rows.tolist(), statistic, turned, strict=True):
            np.maximum(largest[one[row]], ahead, out=largest[one[row]])
            np.maximum(largest[other[row]], behind, out=largest[other[row]])
    critical = np.full(len(wanted), np.nan)
    critical[wanted] = np.quantile(largest[wanted], THRESHOLDS.interval_level, axis=1)
    return critical


def trimmed(values: Floats, axis: int = -1) -> tuple[Floats, Floats]:
    """The trimmed mean over an axis, and its standard error, from the winsorized variance; quickest over the last one."""
    values = np.ascontiguousarray(np.moveaxis(values, axis, -1))
    count = values.shape[-1]
    cut = int(THRESHOLDS.trimmed_share * count)
    kept = np.sort(values, axis=-1)[..., cut : count - cut]
    return _trimmed(
        np.einsum("...i->...", kept), np.einsum("...i,...i->...", kept, kept), kept[..., 0], kept[..., -1], count
    )


def resampled_trimmed(values: Floats, resamples: Resamples) -> tuple[Floats, Floats]:
    """`trimmed` of every resample of the last axis, [..., resamples]: by how often a resample holds each value, in their order."""
    rows, count = values.shape
    cut = int(THRESHOLDS.trimmed_share * count)
    order = np.argsort(values, axis=-1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=-1)
    held = resamples.held
    shape = rows, held.shape[1]
    so_far, before = np.zeros(shape, held.dtype), np.full(shape, cut, held.dtype)
    lowest, highest = np.zeros(shape, held.dtype), np.zeros(shape, held.dtype)
    kept = np.empty((count, *shape), held.dtype)
    for at in range(count):
        so_far += held[order[:, at]]
        lowest += so_far <= cut
        highest += so_far < count - cut
        within = np.minimum(np.maximum(so_far, cut), count - cut)
        np.subtract(within, before, out=kept[at])
        before = within
    sums = np.empty((rows, 2, held.shape[1]))
    # in parts so small that no library makes threads for them
    part = max(1, _AT_ONCE // count)
    for row, value in enumerate(ordered):
        powers = np.stack((value, value**2))
        for done in range(0, held.shape[1], part):
            sums[row, :, done : done + part] = powers @ kept[:, row, done : done + part].astype(np.float64)
    low, high = (np.take_along_axis(ordered, each.astype(np.intp), axis=-1) for each in (lowest, highest))
    return _trimmed(sums[:, 0], sums[:, 1], low, high, count)


def _trimmed(inner: Floats, squares: Floats, low: Floats, high: Floats, count: int) -> tuple[Floats, Floats]:
    """The mean and its error from what is kept of `count` values: sum, sum of squares, the lowest and the highest."""
    cut = int(THRESHOLDS.trimmed_share * count)
    mean = (inner + cut * (low + high)) / count
    squares = squares + cut * (low**2 + high**2)
    variance = np.maximum(squares - count * mean**2, 0) / (count - 1)
    variance = np.where(high - low > _ALIKE, variance, 0.0)
    return inner / (count - 2 * cut), np.sqrt(variance / count) / (1 - 2 * THRESHOLDS.trimmed_share)
