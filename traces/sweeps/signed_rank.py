"""The estimates of `launchlens.traces.balanced` for thousands of comparisons at once: the same value, interval and p, in arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from launchlens.traces.balanced import signed_rank_chances, walsh_beyond
from launchlens.traces.statistics import Estimate, Floats, Ints
from launchlens.traces.thresholds import THRESHOLDS

#: Walsh averages that are held at once.
_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Estimates:
    """An estimate a row: `value`, the ends of its 95 % interval, p of "it is 0" and the number of pairs. NaN where there is none."""

    value: Floats
    low: Floats
    high: Floats
    p: Floats
    pairs: Ints

    def as_ratio(self, row: int) -> Estimate:
        """The ratio whose logarithm was sampled in a row."""
        low, high = float(np.exp(self.low[row])), float(np.exp(self.high[row]))
        known = not np.isnan(self.low[row])
        value, rounds = float(np.exp(self.value[row])), 2 * int(self.pairs[row])
        return Estimate(value, low if known else None, high if known else None, rounds)


def estimates(samples: Floats) -> Estimates:
    """An estimate of each row of `samples` [rows, pairs of rounds], in which NaN is no sample."""
    rows = len(samples)
    counts = np.isfinite(samples).sum(axis=1)
    value, low, high, p = (np.full(rows, np.nan) for _ in range(4))
    ordered = np.sort(samples, axis=1)  # NaN last
    for count in np.unique(counts[counts > 0]):
        first, second = np.triu_indices(count)
        chunk = max(1, _AT_ONCE // len(first))
        mine = np.flatnonzero(counts == count)
        for at in range(0, len(mine), chunk):
            some = mine[at : at + chunk]
            walsh = np.sort((ordered[some][:, first] + ordered[some][:, second]) / 2, axis=1)
            value[some] = (walsh[:, (len(first) - 1) // 2] + walsh[:, len(first) // 2]) / 2
            if count >= THRESHOLDS.least_pairs:
                beyond = walsh_beyond(int(count))
                low[some], high[some] = walsh[:, beyond], walsh[:, -1 - beyond]
                p[some] = _p(walsh, int(count))
    return Estimates(value, low, high, p, counts.astype(np.int64))


def _p(walsh: Floats, count: int) -> Floats:
    """The two-sided p of each row: as many Walsh averages lie above 0 as the statistic is; those at 0 count half."""
    above = (walsh > 0).sum(axis=1) + (walsh == 0).sum(axis=1) / 2
    reached = np.cumsum(signed_rank_chances(count))
    nearer = np.minimum(above, walsh.shape[1] - above)
    return np.asarray(np.minimum(1.0, 2 * reached[np.floor(nearer).astype(int)]), float)
