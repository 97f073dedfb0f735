"""The typical window of a side, with what resampling says of it: figures that add up, and that no odd window moves far.

A median of each part would not add up to the median of the whole. So the windows are put in order of their time, a third is left
out at either end, and the rest is averaged: parts of the same windows sum to their time, and of up to four windows it is the median one.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from launchlens.traces.statistics import SEED, percentiles
from launchlens.traces.thresholds import THRESHOLDS

Floats = npt.NDArray[np.float64]
#: So many numbers are drawn at once at most, and windows times resamples in all.
_DRAWN = 2_000_000


@dataclass(frozen=True)
class Sampled:
    """Windows of the traces of one side: a row a window, a column a figure; the first column is the time that orders them.

    `run_of` is the run of each trace: the ranks of one run are no samples of another.
    """

    traces: tuple[Floats, ...]
    run_of: tuple[int, ...]

    @property
    def runs(self) -> int:
        return len(set(self.run_of))

    @property
    def windows(self) -> int:
        return sum(len(each) for each in self.traces)

    def by_trace(self) -> Floats:
        """The typical window of each trace, [traces, figures]."""
        return np.stack([typical(each) for each in self.traces])

    def by_run(self) -> Floats:
        """That of each run, the mean over its traces, [runs, figures]."""
        traces, run = self.by_trace(), np.array(self.run_of)
        return np.stack([traces[run == each].mean(axis=0) for each in sorted(set(self.run_of))])

    def value(self) -> Floats:
        """The typical window of the side: the mean over its runs."""
        found: Floats = self.by_run().mean(axis=0)
        return found

    def resampled(self) -> Floats:
        """That of every resample of windows within each trace, [resamples, figures]."""
        sizes = Counter(self.run_of)
        drawn = [_resampled(each) for each in self.traces]
        fewest = min(map(len, drawn))
        weighed = [each[:fewest] / (sizes[run] * self.runs) for each, run in zip(drawn, self.run_of, strict=True)]
        found: Floats = np.sum(weighed, axis=0)
        return found


def typical(windows: Floats) -> Floats:
    """The mean of the middle third of some windows by their first figure: all of two, the middle one of three, two of four."""
    found: Floats = windows[middle(windows[:, 0])].mean(axis=0)
    return found


def middle(wall: Floats) -> npt.NDArray[np.int64]:
    """Which of some windows, by their time, are the middle third."""
    out = left_out(len(wall))
    return np.argsort(wall, kind="stable")[out : len(wall) - out]


def left_out(count: int) -> int:
    """How many of so many windows are left out at either end."""
    return count // 3


def _resampled(windows: Floats) -> Floats:
    count = len(windows)
    out = left_out(count)
    kept = count - 2 * out
    wall = windows[:, 0]
    # drawn by what the windows hold, so that neither side's draws depend on which of the two it is
    generator = np.random.default_rng(SEED + zlib.crc32(np.ascontiguousarray(windows).tobytes()))
    found = []
    resamples = int(np.clip(50 * _DRAWN // count, 400, THRESHOLDS.resamples))
    size = max(1, _DRAWN // count)
    for done in range(0, resamples, size):
        draws = generator.integers(0, count, size=(min(size, resamples - done), count))
        order = np.argsort(wall[draws], axis=1, kind="stable")
        middle = np.take_along_axis(draws, order[:, out : count - out], axis=1)
        weights = np.zeros((len(draws), count))
        np.add.at(weights, (np.repeat(np.arange(len(draws)), kept), middle.ravel()), 1 / kept)
        found.append(weights @ windows)
    return np.concatenate(found)


def intervals(a: Sampled, b: Sampled) -> tuple[Floats, Floats] | None:
    """The 95 % intervals of b - a, figure by figure; None where too few windows stand behind a side.

    By runs (Welch's t) where there are three or more on either side; else by windows, which tell nothing of how far another
    recording would be.
    """
    if min(a.runs, b.runs) >= THRESHOLDS.least_runs:
        return _welch(a, b)
    if min(a.windows, b.windows) < THRESHOLDS.least_samples:
        return None
    ours, theirs = a.resampled(), b.resampled()
    shared = min(len(ours), len(theirs))
    ends = np.array([percentiles(column) for column in (theirs[:shared] - ours[:shared]).T]).reshape(-1, 2)
    return ends[:, 0], ends[:, 1]


def _welch(a: Sampled, b: Sampled) -> tuple[Floats, Floats]:
    from scipy.special import stdtrit

    of_a, of_b = a.by_run(), b.by_run()
    difference = b.value() - a.value()
    error_a, error_b = (each.var(axis=0, ddof=1) / len(each) for each in (of_a, of_b))
    error = error_a + error_b
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = error**2 / (error_a**2 / (len(of_a) - 1) + error_b**2 / (len(of_b) - 1))
        reach = stdtrit(np.where(error > 0, freedom, 1), (1 + THRESHOLDS.interval_level) / 2) * np.sqrt(error)
    reach = np.where(error > 0, reach, 0.0)
    return difference - reach, difference + reach


def whole(values: Sequence[float] | Floats, total: int) -> npt.NDArray[np.int64]:
    """Whole numbers near `values` that sum to `total` (Hamilton's method); the values themselves sum to within 1 of it a value."""
    given = np.asarray(values, np.float64)
    floors = np.floor(given).astype(np.int64)
    short = total - int(floors.sum())
    if not len(floors):
        return floors
    order = np.argsort(-(given - floors), kind="stable")
    if short < 0:
        order = order[::-1]
    step = 1 if short > 0 else -1
    for start in range(0, abs(short), len(order)):
        floors[order[: abs(short) - start]] += step
    return floors
