"""What claims are tested on: a capture worked out, or a sweep."""

from __future__ import annotations

from typing import TypeAlias

from launchlens.traces.claims.capture_under_test import CaptureUnderTest
from launchlens.traces.claims.sweep_under_test import SweepUnderTest
from launchlens.traces.studies.study import Study
from launchlens.traces.sweeps.study import SweepStudy

Tested: TypeAlias = CaptureUnderTest | SweepUnderTest
#: A study of either.
Worked: TypeAlias = Study | SweepStudy


def under_test(study: Worked, name: str | None = None) -> Tested:
    """A study, as claims ask it."""
    return SweepUnderTest(study, name) if isinstance(study, SweepStudy) else CaptureUnderTest(study, name)
