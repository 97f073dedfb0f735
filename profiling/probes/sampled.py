"""From samples to what a probe says of them: figures with an interval, and whether two things differ."""

from __future__ import annotations

from collections.abc import Sequence

from launchlens.profiling.probes import estimates
from launchlens.traces.captures.probes import Control, ProbeFigure
from launchlens.traces.statistics import Estimate, median, paired_ratio

#: A 95 % interval misses the truth one time in twenty, also where a thing is held against itself. Below 2 % nothing here
#: is told apart from anything, so an A/A ratio that near to 1 agrees all the same.
AA_WITHIN = 0.02


def figure(name: str, samples: Sequence[float], unit: str = "ns") -> ProbeFigure:
    """The median of samples, one a round, with its interval; None as value without samples."""
    if not samples:
        return ProbeFigure(name, None, unit)
    return estimates.figure(name, median(samples), unit)


def agrees(ratio: Estimate, within: float) -> bool:
    """Whether two things are alike: their ratio's interval covers 1, or the ratio is `within` a share of it, either way.

    Without an interval (too few samples) only the second counts.
    """
    covered = ratio.low is not None and ratio.covers(1)
    return covered or 1 / (1 + within) <= ratio.value <= 1 + within


def aa_control(name: str, first: Sequence[float], again: Sequence[float]) -> Control:
    """The A/A control: the same thing measured twice a round agrees with itself."""
    what = f"A/A: {name}, measured twice a round, agrees with itself"
    if not first or len(first) != len(again):
        return Control(what, False, "it was not measured twice in every round")
    ratio = paired_ratio(again, first)
    return Control(what, agrees(ratio, AA_WITHIN), f"the second took {ratio_in_words(ratio)} of the first's time")


def ratio_in_words(ratio: Estimate) -> str:
    """`1.003 × (0.998 – 1.010)`."""
    if ratio.low is None or ratio.high is None:
        return f"{ratio.value:.3f} × (too few samples for an interval)"
    return f"{ratio.value:.3f} × ({ratio.low:.3f} – {ratio.high:.3f})"


def in_words(ns: float) -> str:
    """A time for a sentence: `95 ns`, `1.73 µs`, `28.7 µs`, `310 ms`."""
    for limit, factor, unit in ((1e3, 1.0, "ns"), (1e6, 1e3, "µs"), (1e9, 1e6, "ms")):
        if ns < limit:
            value = ns / factor
            return f"{value:.{0 if value >= 100 or unit == 'ns' else 1 if value >= 10 else 2}f} {unit}"
    return f"{ns / 1e9:.2f} s"
