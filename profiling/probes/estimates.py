"""Estimates as a probe gives them."""

from __future__ import annotations

from launchlens.traces.captures.probes import ProbeFigure
from launchlens.traces.statistics import Estimate


def interval(found: Estimate) -> tuple[float, float] | None:
    """The 95 % interval, None where there were too few samples for one."""
    return None if found.low is None or found.high is None else (found.low, found.high)


def figure(name: str, found: Estimate, unit: str = "ns") -> ProbeFigure:
    """A probe's figure: the estimate's value in `unit`, with its interval."""
    return ProbeFigure(name, found.value, unit, interval(found))
