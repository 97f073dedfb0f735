"""What claims were tested on, as text: a capture or a sweep."""

from __future__ import annotations

from launchlens.reports.pages.capture import measured_on
from launchlens.reports.words.claims import Source
from launchlens.traces.claims.under_test import Worked, under_test
from launchlens.traces.sweeps.study import SweepStudy


def source_of(name: str, study: Worked, shipped: str | None) -> Source:
    """A capture or sweep by `name`; `shipped` says where it was measured, of one that ships."""
    tested = under_test(study, name)
    says = str(tested.workload.get("says", ""))
    if isinstance(study, SweepStudy):
        points = len(study.sweep.record.points)
        axes = " and ".join(axis.name for axis in study.sweep.record.axes)
        says = f"a sweep of {tested.workload.get('name')} by {axes}, {points} points"
    return Source(name, says, shipped or measured_on(tested.environment, tested.recorded_at))
