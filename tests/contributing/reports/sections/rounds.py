"""A section of the report that is added: how many rounds each side was timed in."""

from __future__ import annotations

from launchlens.reports.blocks import Paragraph, Section
from launchlens.traces.studies.study import Study


def rounds(study: Study) -> Section:
    """A sentence a side."""
    said = (f"{side.variant}, {side.regime}: {len(side.blocks)} rounds." for side in study.sides.values())
    return Section("rounds", "Rounds", "How often each was timed", tuple(Paragraph(each) for each in said))
