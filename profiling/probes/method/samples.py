"""From samples to what a probe says of them: figures with an interval, and whether two things differ."""

from __future__ import annotations

from collections.abc import Sequence

from launchlens.traces.captures.probes import Control, ProbeFigure
from launchlens.traces.control import takes_as_long
from launchlens.traces.statistics import Estimate, median, paired_ratio


def estimated(name: str, found: Estimate, unit: str = "ns") -> ProbeFigure:
    """A figure: the estimate's value in `unit`, with its interval."""
    return ProbeFigure(name, found.value, unit, found.interval)


def figure(name: str, samples: Sequence[float], unit: str = "ns") -> ProbeFigure:
    """The median of samples, one a round, with its interval; None as value without samples."""
    if not samples:
        return ProbeFigure(name, None, unit)
    return estimated(name, median(samples), unit)


def aa_control(name: str, first: Sequence[float], again: Sequence[float]) -> Control:
    """The A/A control: the same thing measured twice a round agrees with itself."""
    what = f"A/A: {name}, measured twice a round, agrees with itself"
    if not first or len(first) != len(again):
        return Control(what, False, "it was not measured twice in every round")
    ratio = paired_ratio(again, first)
    return Control(what, takes_as_long(ratio), f"the second took {ratio_in_words(ratio)} of the first's time")


def ratio_in_words(ratio: Estimate) -> str:
    """`1.003 × (0.998 – 1.010)`."""
    if ratio.interval is None:
        return f"{ratio.value:.3f} × (too few samples for an interval)"
    return f"{ratio.value:.3f} × ({ratio.interval[0]:.3f} – {ratio.interval[1]:.3f})"


def in_words(ns: float) -> str:
    """A time for a sentence: `95 ns`, `1.73 µs`, `28.7 µs`, `310 ms`."""
    for limit, factor, unit in ((1e3, 1.0, "ns"), (1e6, 1e3, "µs"), (1e9, 1e6, "ms")):
        if ns < limit:
            value = ns / factor
            return f"{value:.{0 if value >= 100 or unit == 'ns' else 1 if value >= 10 else 2}f} {unit}"
    return f"{ns / 1e9:.2f} s"
