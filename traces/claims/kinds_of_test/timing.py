"""Kinds of test on unprofiled times: ratio, time, difference, share and bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

import msgspec

from launchlens.traces.claims.capture_under_test import CaptureUnderTest, paired_rows
from launchlens.traces.claims.claim import Case, Evidence, Outcome
from launchlens.traces.claims.kinds_of_test.base import Bounded, Name, Test
from launchlens.traces.studies.compare import REASONS


class Ratio(Bounded, frozen=True, kw_only=True):
    """`variant`'s time over `against`'s: faster or slower (`is`), or within bounds."""

    kind: ClassVar[str] = "ratio"
    variant: Name
    against: Name
    expect: Literal["faster", "slower"] | None = msgspec.field(name="is", default=None)

    def __post_init__(self) -> None:
        bounded = self.at_least is not None or self.at_most is not None
        if self.expect is not None and bounded:
            raise ValueError("has both `is` and bounds")
        if self.expect is None:
            super().__post_init__()

    def variants(self) -> Sequence[str]:
        return self.variant, self.against

    def says(self) -> str:
        if self.expect:
            return f"{self.variant} is {self.expect} than {self.against}"
        return f"time of {self.variant} ÷ {self.against}{self.bounds()}"

    def cases(self, tested: CaptureUnderTest) -> Iterator[Case]:
        for regime, missing in tested.places(self.subject(), self.variants(), self.regimes):
            yield missing or self._case(tested, regime)

    def _case(self, tested: CaptureUnderTest, regime: str) -> Case:
        found = tested.compared(self.variant, self.against, regime)
        name = f"time of {self.variant} ÷ {self.against}, {regime}"
        main = Evidence(name, found.ratio.value, "ratio", found.ratio.interval, paired_rows(found), "timing")
        beside = [tested.wall(found.b), tested.wall(found.a)]
        if self.expect is None:
            return self.judged(regime, main, *beside)
        outcome: Outcome = "holds" if found.verdict == self.expect else "fails"
        reason = None
        if found.verdict == "no-difference-shown":
            outcome, reason = "no-difference-shown", REASONS[found.reasons[0]]
            control = tested.control(regime)
            if "within-control" in found.reasons and control is not None:
                rows = f"timings.parquet: control blocks, regime={regime}, {control.samples} rounds, paired"
                baseline = tested.study.capture.manifest.baseline
                again = f"time of {baseline} ÷ itself (A/A control), {regime}"
                beside.append(Evidence(again, control.value, "ratio", control.interval, rows, "timing"))
        return Case(self.subject(), regime, outcome, reason, (main, *beside))


class Time(Bounded, frozen=True, kw_only=True):
    """`variant`'s time per iteration in µs. It depends on the machine, as no ratio does: the words say so."""

    kind: ClassVar[str] = "time"
    variant: Name

    def variants(self) -> Sequence[str]:
        return (self.variant,)

    def says(self) -> str:
        return f"time of {self.variant}{self.bounds('µs')} on this machine"

    def cases(self, tested: CaptureUnderTest) -> Iterator[Case]:
        for regime, missing in tested.places(self.subject(), self.variants(), self.regimes):
            if missing:
                yield missing
                continue
            main = tested.wall(tested.study.sides[self.variant, regime])
            yield self.judged(regime, main, factor=1000)


class Difference(Bounded, frozen=True, kw_only=True):
    """`variant`'s time less `against`'s in µs per iteration, round by round."""

    kind: ClassVar[str] = "difference"
    variant: Name
    against: Name

    def variants(self) -> Sequence[str]:
        return self.variant, self.against

    def says(self) -> str:
        return f"time of {self.variant} − {self.against}{self.bounds('µs')} on this machine"

    def cases(self, tested: CaptureUnderTest) -> Iterator[Case]:
        for regime, missing in tested.places(self.subject(), self.variants(), self.regimes):
            if missing:
                yield missing
                continue
            found = tested.compared(self.variant, self.against, regime)
            extra = found.unprofiled_difference
            name = f"time of {self.variant} − {self.against}, {regime}"
            main = Evidence(name, extra.value, "ns", extra.interval, paired_rows(found), "timing")
            yield self.judged(regime, main, factor=1000)


class Share(Bounded, frozen=True, kw_only=True):
    """`variant`'s time as a share of the time of `of`, which does that work among other things."""

    kind: ClassVar[str] = "share"
    variant: Name
    of: Name

    def variants(self) -> Sequence[str]:
        return self.variant, self.of

    def subject(self) -> str:
        return f"{self.variant} in {self.of}"

    def says(self) -> str:
        return f"time of {self.variant} as a share of {self.of}{self.bounds('%', 100)}"

    def cases(self, tested: CaptureUnderTest) -> Iterator[Case]:
        for regime, missing in tested.places(self.subject(), self.variants(), self.regimes):
            if missing:
                yield missing
                continue
            found = tested.compared(self.variant, self.of, regime)
            name = f"time of {self.variant} as a share of {self.of}, {regime}"
            main = Evidence(name, found.ratio.value, "share", found.ratio.interval, paired_rows(found), "timing")
            yield self.judged(regime, main, tested.wall(found.b), tested.wall(found.a))


class Bound(Test, frozen=True, kw_only=True):
    """What `variant` waits for: `is` host-bound, device-bound or mixed (see `Side.bound`)."""

    kind: ClassVar[str] = "bound"
    variant: Name
    expect: Literal["host-bound", "device-bound", "mixed"] = msgspec.field(name="is")

    def variants(self) -> Sequence[str]:
        return (self.variant,)

    def says(self) -> str:
        return f"{self.variant} is {self.expect}"

    def cases(self, tested: CaptureUnderTest) -> Iterator[Case]:
        for regime, missing in tested.places(self.subject(), self.variants(), self.regimes):
            if missing:
                yield missing
                continue
            side = tested.study.sides[self.variant, regime]
            if side.bound == "unknown" or side.busy_share is None:
                yield tested.not_recorded(self.subject(), side)
                continue
            rows = f"timings.parquet: variant={side.variant}, regime={regime}, {side.wall.samples} rounds"
            host = Evidence(f"submitting, {side.variant}, {regime}", side.host_share, "share", None, rows, "account")
            both = f"{side.recording.trace if side.recording else ''} and {rows}"
            busy = Evidence(f"GPU busy, {side.variant}, {regime}", side.busy_share, "share", None, both, "account")
            outcome: Outcome = "holds" if side.bound == self.expect else "fails"
            yield Case(self.subject(), regime, outcome, None, (host, busy))
