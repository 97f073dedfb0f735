"""Several comparisons at once: Holm's correction, and the set of sides that may be the fastest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from launchlens.traces.statistics import SEED, Floats, Ints
from launchlens.traces.thresholds import THRESHOLDS

#: Samples that are resampled at once: so many stay near the processor from one step of the arithmetic to the next.
_AT_ONCE = 50_000


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
    draws = np.random.default_rng(SEED).integers(0, pairs, size=(THRESHOLDS.resamples, pairs))
    return [not _out(times[:, [side]] - np.delete(times, side, axis=1), tolerance, draws) for side in range(sides)]


def _out(extra: Floats, tolerance: float, draws: Ints) -> bool:
    """Whether a side is out, by what it takes more than each other one, [pairs, others]."""
    centre, error = trimmed(extra)
    exact = (error == 0) & (centre > tolerance)
    if exact.any():  # the same in every pair: nothing is left to chance
        return True
    slower = (error > 0) & (centre > tolerance)
    if not slower.any():
        return False
    chunk = max(1, _AT_ONCE // extra.size)
    others, largest = np.ascontiguousarray(extra.T), []
    centre, error = centre[:, None], error[:, None]
    for done in range(0, len(draws), chunk):
        centres, errors = trimmed(others[:, draws[done : done + chunk]], axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = np.where(errors > 0, (centres - centre) / errors, np.where(centres > centre, np.inf, -np.inf))
        largest.append(statistic.max(axis=0))
    critical = float(np.quantile(np.concatenate(largest), THRESHOLDS.interval_level))
    return bool(((centre - tolerance)[slower] > critical * error[slower]).any())


def trimmed(values: Floats, axis: int = -2) -> tuple[Floats, Floats]:
    """The trimmed mean over an axis, and its standard error, from the winsorized variance; quickest over the last one."""
    values = np.ascontiguousarray(np.moveaxis(values, axis, -1))
    count = values.shape[-1]
    cut = int(THRESHOLDS.trimmed_share * count)
    ordered = np.sort(values, axis=-1)
    kept = ordered[..., cut : count - cut]
    inner = np.einsum("...i->...", kept)
    low, high = kept[..., 0], kept[..., -1]
    mean = (inner + cut * (low + high)) / count
    squares = np.einsum("...i,...i->...", kept, kept) + cut * (low**2 + high**2)
    variance = np.maximum(squares - count * mean**2, 0) / (count - 1)
    # what rounding leaves of equal values is no variance
    variance = np.where(high - low > 1e-12, variance, 0.0)
    return inner / (count - 2 * cut), np.sqrt(variance / count) / (1 - 2 * THRESHOLDS.trimmed_share)
