"""Figures of probes as text: name, value and interval."""

from __future__ import annotations

from dataclasses import dataclass

from launchlens.reports.words.claims import between, value
from launchlens.reports.words.probes.catalogue import figure_name
from launchlens.traces.captures.probes import Probe, ProbeFigure


@dataclass(frozen=True)
class FigureText:
    """A figure in words, and its value and interval with their unit; `interval` is empty where there is none."""

    name: str
    value: str
    interval: str


@dataclass(frozen=True)
class _Counted:
    """A figure whose unit is as it stands behind the value."""

    value: float | None
    unit: str
    interval: tuple[float, float] | None


def figure_text(probe: Probe, figure: ProbeFigure) -> FigureText:
    counted = _Counted(figure.value, figure.counted, figure.interval)
    return FigureText(figure_name(probe.id, figure.key), value(counted), between(counted))
