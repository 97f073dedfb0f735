"""A kind of test that is added: in how many rounds a variant was timed."""

from __future__ import annotations

from typing import ClassVar

from launchlens.traces.claims.capture_under_test import CaptureUnderTest
from launchlens.traces.claims.claim import Case, Evidence
from launchlens.traces.claims.kinds_of_test.base import Bounded, ByRegime, Name


class Rounds(ByRegime, Bounded, frozen=True, kw_only=True):
    """How many rounds `variant` was timed in."""

    kind: ClassVar[str] = "rounds"
    naming: ClassVar[tuple[str, ...]] = ("variant",)
    variant: Name

    def says(self) -> str:
        return f"rounds of {self.variant}{self.bounds()}"

    def case(self, tested: CaptureUnderTest, regime: str) -> Case:
        rounds = len(tested.study.sides[self.variant, regime].blocks)
        main = Evidence(f"rounds, {regime}", rounds, "rounds", None, "timings.parquet", "timing")
        return self.judged(regime, main, counted=True)
