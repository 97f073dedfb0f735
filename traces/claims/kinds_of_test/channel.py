"""The kind of test that asks which hardware channel took a variant's GPU work: `channel`. CUPTI tells; other recorders don't."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from launchlens.traces.claims.capture_under_test import CaptureUnderTest
from launchlens.traces.claims.claim import Case, Evidence
from launchlens.traces.claims.kinds_of_test.base import Bounded, ByRegime, Name
from launchlens.traces.studies.recording import Recording


class Channel(ByRegime, Bounded, frozen=True, kw_only=True):
    """The share of `variant`'s launches whose work went to channels of the kind `is`: by default, all of them."""

    kind: ClassVar[str] = "channel"
    within: ClassVar[tuple[float, float]] = (0, 1)
    naming: ClassVar[tuple[str, ...]] = ("variant",)
    variant: Name
    expect: Literal["compute", "async-memcpy"] = msgspec.field(name="is")
    at_least: float | None = 1.0

    @property
    def says_bounds(self) -> bool:
        return self.at_least != 1 or self.at_most is not None

    def says(self) -> str:
        if not self.says_bounds:
            return f"all work of {self.variant} goes to {self.expect} channels"
        return f"work of {self.variant} that goes to {self.expect} channels{self.bounds('%', 100)}"

    def case(self, tested: CaptureUnderTest, regime: str) -> Case:
        for (_, variant, where), recording in tested.study.recordings.items():
            if (variant, where) == (self.variant, regime) and any(row.channels for row in recording.ledger):
                return self._told(regime, recording)
        return Case(self.subject(), regime, "absent", f"{self.variant}: no recorder told the channel; CUPTI's does")

    def _told(self, regime: str, recording: Recording) -> Case:
        where, rows = f"{self.variant}, {regime}", f"{recording.trace}: variant:{self.variant} launches"
        told = [(row.activity, *taken) for row in recording.ledger for taken in row.channels.items()]
        launches = sum(count for _, _, count in told)
        these = sum(count for _, channel, count in told if channel == self.expect)
        name = f"launches whose work went to {self.expect} channels, {where}"
        main = Evidence(name, these / launches, "share", None, rows, "ledger")
        each = [
            Evidence(f"{activity}: {channel}, {where}", count, "per iteration", None, rows, "ledger")
            for activity, channel, count in told
        ]
        return self.judged(regime, main, *each, counted=True)
