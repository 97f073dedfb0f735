"""What the words for a probe are: its question, its answer made from the figures, and what a figure and a verdict are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from launchlens.traces.captures.probes import FigureKey, Probe, ProbeFigure
from launchlens.traces.units import duration, interval, significant


@dataclass(frozen=True)
class ProbeWords:
    """The words for one probe, by its id.

    `says` answers in a sentence or two, from the figures alone; a figure that isn't there is left out. `figure` is what a
    figure is called (empty for one that it doesn't know), `verdict` what a verdict says (likewise).
    """

    id: str
    asks: str
    says: Callable[[Probe], str]
    figure: Callable[[FigureKey], str]
    verdict: Callable[[str], str] = field(default=lambda code: "")


def by_code(words: Mapping[str, str]) -> Callable[[str], str]:
    """What codes say, by code."""
    return lambda code: words.get(code, "")


def took(probe: Probe, what: str, **fields: str) -> str:
    """The time that a figure gives, or that it isn't known."""
    value = probe.value(what, **fields)
    return "an unknown time" if value is None else duration(value)


def values(probe: Probe, what: str) -> dict[str, float]:
    """The known values of all figures of one code that are under no condition, by what they are of."""
    plain = [item for item in probe.figures if item.what == what and not (item.part or item.to or item.under)]
    return {item.of: item.value for item in plain if item.value is not None}


def ratio(figure: ProbeFigure) -> str:
    """`0.876 × (0.819 – 0.905)`; the interval is left out where there is none."""
    if figure.value is None:
        return "an unknown multiple"
    bounds = "" if figure.interval is None else f" ({interval(figure.interval)})"
    return f"{significant(figure.value)} ×{bounds}"
