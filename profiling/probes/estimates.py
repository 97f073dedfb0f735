"""Estimates as a probe gives them."""

from __future__ import annotations

from launchlens.traces.captures.probes import ProbeFigure
from launchlens.traces.statistics import Estimate


def figure(name: str, found: Estimate, unit: str = "ns") -> ProbeFigure:
    """A probe's figure: the estimate's value in `unit`, with its interval."""
    return ProbeFigure(name, found.value, unit, found.interval)
