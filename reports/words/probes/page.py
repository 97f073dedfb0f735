"""The probes of one capture as a page of the docs holds them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from launchlens.reports.words.figure import between, value
from launchlens.reports.words.markdown import cell
from launchlens.reports.words.probes.answer import controls_words, says, verdict_or_doubt
from launchlens.reports.words.probes.catalogue import asks, figure_name
from launchlens.traces.captures.probes import PROBES, Probe


@dataclass(frozen=True)
class _Counted:
    """A figure of a probe with the unit as it stands behind the value."""

    value: float | None
    unit: str
    interval: tuple[float, float] | None


def markdown(probes: Iterable[Probe], source: str) -> str:
    """The probes of one capture for a page of the docs: question, answer, controls, figures. `source` says where they ran."""
    return "\n".join([cell(source), *(line for probe in probes for line in ["", *_lines(probe)])]) + "\n"


def _lines(probe: Probe) -> list[str]:
    title = ": ".join(cell(text) for text in (probe.id, asks(probe)) if text)
    lines = [f"### {title}", "", f"**{cell(verdict_or_doubt(probe))}.** {cell(says(probe))}".strip(), ""]
    lines += [f"Controls: {cell(controls_words(probe))}.", ""]
    lines += [
        f"- {cell(item.control)}: {cell(item.found)}{'' if item.passed else ' (**not passed**)'}"
        for item in probe.controls
    ]
    if probe.figures:
        lines += ["", "| figure | value | 95 % interval |", "| --- | ---: | ---: |"]
        for item in probe.figures:
            counted = _Counted(item.value, item.counted, item.interval)
            texts = (figure_name(probe.id, item), value(counted), between(counted))
            lines.append(f"| {' | '.join(cell(text) or '–' for text in texts)} |")
    if probe.tables:
        rows = sum(len(table.rows) for table in probe.tables)
        titles = ", ".join(f"“{cell(table.title)}”" for table in probe.tables)
        lines += ["", f"Row by row in {PROBES}: {titles} ({rows:,} rows)."]
    if probe.notes:
        lines += ["", "Notes:", "", *(f"- {cell(note)}" for note in probe.notes)]
    return lines
