"""Kinds of test on unprofiled times: ratio, time, difference, share and bound."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import ClassVar, Literal

import msgspec

from launchlens.traces.balanced import ratios
from launchlens.traces.claims.capture_under_test import CaptureUnderTest, paired_rows
from launchlens.traces.claims.claim import Case, Evidence, Outcome
from launchlens.traces.claims.kinds_of_test.base import Bounded, ByRegime, Name, Test
from launchlens.traces.statistics import median
from launchlens.traces.studies.compare import REASONS
from launchlens.traces.studies.side import bound_of


class Ratio(ByRegime, Bounded, frozen=True, kw_only=True):
    """`variant`'s time over `against`'s: faster or slower (`is`), or within bounds."""

    kind: ClassVar[str] = "ratio"
    within: ClassVar[tuple[float, float]] = (0, inf)
    naming: ClassVar[tuple[str, ...]] = ("variant", "against")
    variant: Name
    against: Name
    expect: Literal["faster", "slower"] | None = msgspec.field(name="is", default=None)

    def __post_init__(self) -> None:
        bounded = self.at_least is not None or self.at_most is not None
        if self.expect is not None and bounded:
            raise ValueError("has both `is` and bounds")
        if self.expect is None:
            super().__post_init__()
        else:
            Test.__post_init__(self)

    def says(self) -> str:
        if self.expect:
            return f"{self.variant} is {self.expect} than {self.against}"
        return f"time of {self.variant} ÷ {self.against}{self.bounds()}"

    def case(self, tested: CaptureUnderTest, regime: str) -> Case:
        found = tested.compared(self.variant, self.against, regime)
        name = f"time of {self.variant} ÷ {self.against}, {regime}"
        main = Evidence(name, found.ratio.value, "ratio", found.ratio.interval, paired_rows(found), "timing")
        beside = [tested.wall(found.b), tested.wall(found.a)]
        if self.expect is None:
            return self.judged(regime, main, *beside)
        if found.verdict == "not-comparable":
            return self.undecided(regime, "the two can't be compared", main, *beside)
        outcome: Outcome = "holds" if found.verdict == self.expect else "fails"
        reason = None
        if found.verdict in ("no-difference-shown", "equivalent"):
            outcome, reason = "no-difference-shown", REASONS[found.reasons[0]]
            control = tested.control(regime)
            if "within-control" in found.reasons and control is not None:
                rows = f"timings.parquet: control blocks, regime={regime}, {control.samples} rounds, paired"
                baseline = tested.study.capture.manifest.baseline
                again = f"time of {baseline} ÷ itself (A/A control), {regime}"
                beside.append(Evidence(again, control.value, "ratio", control.interval, rows, "timing"))
        return Case(self.subject(), regime, outcome, reason, (main, *beside))


class Time(ByRegime, Bounded, frozen=True, kw_only=True):
    """`variant`'s time per iteration in µs. It depends on the machine, as no ratio does: the words say so."""

    kind: ClassVar[str] = "time"
    within: ClassVar[tuple[float, float]] = (0, inf)
    naming: ClassVar[tuple[str, ...]] = ("variant",)
    variant: Name

    def says(self) -> str:
        return f"time of {self.variant}{self.bounds('µs')} on this machine"

    def case(self, tested: CaptureUnderTest, regime: str) -> Case:
        main = tested.wall(tested.study.sides[self.variant, regime])
        return self.judged(regime, main, factor=1000)


class Difference(ByRegime, Bounded, frozen=True, kw_only=True):
    """`variant`'s time less `against`'s in µs per iteration, round by round."""

    kind: ClassVar[str] = "difference"
    naming: ClassVar[tuple[str, ...]] = ("variant", "against")
    variant: Name
    against: Name

    def says(self) -> str:
        return f"time of {self.variant} − {self.against}{self.bounds('µs')} on this machine"

    def case(self, tested: CaptureUnderTest, regime: str) -> Case:
        found = tested.compared(self.variant, self.against, regime)
        extra = found.unprofiled_difference
        name = f"time of {self.variant} − {self.against}, {regime}"
        main = Evidence(name, extra.value, "ns", extra.interval, paired_rows(found), "timing")
        return self.judged(regime, main, factor=1000)


class Share(ByRegime, Bounded, frozen=True, kw_only=True):
    """`variant`'s time as a share of the time of `of`, which does that work among other things."""

    kind: ClassVar[str] = "share"
    within: ClassVar[tuple[float, float]] = (0, 1)
    naming: ClassVar[tuple[str, ...]] = ("variant", "of")
    variant: Name
    of: Name

    def subject(self) -> str:
        return f"{self.variant} in {self.of}"

    def says(self) -> str:
        return f"time of {self.variant} as a share of {self.of}{self.bounds('%', 100)}"

    def case(self, tested: CaptureUnderTest, regime: str) -> Case:
        found = tested.compared(self.variant, self.of, regime)
        both = tested.wall(found.b), tested.wall(found.a)
        if found.ratio.value > 1:
            name = f"time of {self.variant} ÷ {self.of}, {regime}"
            main = Evidence(name, found.ratio.value, "ratio", found.ratio.interval, paired_rows(found), "timing")
            reason = f"{self.variant} takes longer than {self.of}, so its time is no share of that"
            return self.undecided(regime, reason, main, *both)
        name = f"time of {self.variant} as a share of {self.of}, {regime}"
        ends = found.ratio.interval
        shares = None if ends is None else (min(ends[0], 1.0), min(ends[1], 1.0))
        main = Evidence(name, found.ratio.value, "share", shares, paired_rows(found), "timing")
        return self.judged(regime, main, *both)


class LaunchShare(Bounded, frozen=True, kw_only=True):
    """The share of `variant`'s time called eagerly that a replay of the same as a CUDA graph does without: its launches.

    Round by round, of the same run; where a replay takes no less, the share is 0.
    """

    kind: ClassVar[str] = "launch-share"
    across_regimes: ClassVar[bool] = True
    within: ClassVar[tuple[float, float]] = (0, 1)
    naming: ClassVar[tuple[str, ...]] = ("variant",)
    variant: Name

    def says(self) -> str:
        return f"share of {self.variant}'s eager time that a replay as a graph does without{self.bounds('%', 100)}"

    def cases(self, tested: CaptureUnderTest) -> Iterator[Case]:
        missing = [case for _, case in tested.places(self.subject(), self.variants(), ["eager", "graph"]) if case]
        if missing:
            yield missing[0]
            return
        eager, graph = (tested.study.sides[self.variant, regime] for regime in ("eager", "graph"))
        rounds = eager.blocks.index.intersection(graph.blocks.index)
        if not len(rounds):
            yield Case(self.subject(), None, "absent", f"{self.variant} was not timed in turn in both regimes")
            return
        ratio = ratios(graph.blocks.loc[rounds, "wall_ns"], eager.blocks.loc[rounds, "wall_ns"]).as_ratio()
        rows = f"timings.parquet: variant={self.variant}, regime=graph and eager, {ratio.samples} rounds, paired"
        share, *ends = (max(0.0, 1 - value) for value in (ratio.value, *reversed(ratio.interval or ())))
        name = f"share of {self.variant}'s eager time that a replay does without"
        main = Evidence(name, share, "share", (ends[0], ends[1]) if ends else None, rows, "timing")
        yield self.judged(None, main, tested.wall(eager), tested.wall(graph))


class Bound(ByRegime, frozen=True, kw_only=True):
    """What `variant` waits for: `is` host-bound, device-bound or mixed (see `Side.bound`)."""

    kind: ClassVar[str] = "bound"
    naming: ClassVar[tuple[str, ...]] = ("variant",)
    variant: Name
    expect: Literal["host-bound", "device-bound", "mixed"] = msgspec.field(name="is")

    def says(self) -> str:
        return f"{self.variant} is {self.expect}"

    def case(self, tested: CaptureUnderTest, regime: str) -> Case:
        """Decided where both shares are on the same side of every cut-off with all of their intervals."""
        side = tested.study.sides[self.variant, regime]
        busy = side.busy_share
        if busy is None:
            return tested.not_recorded(self.subject(), side)
        submitting = median(side.blocks["host_ns"] / side.blocks["wall_ns"])
        ends = side.wall.interval
        filled = None if ends is None else (busy * side.wall.value / ends[1], busy * side.wall.value / ends[0])
        rows = f"timings.parquet: variant={side.variant}, regime={regime}, {side.wall.samples} rounds"
        both = f"{side.recording.trace if side.recording else ''} and {rows}"
        name = f"{side.variant}, {regime}"
        host = Evidence(f"submitting, {name}", submitting.value, "share", submitting.interval, rows, "account")
        device = Evidence(f"recorded GPU work ÷ unprofiled time, {name}", busy, "ratio", filled, both, "account")
        if filled is None or submitting.interval is None:
            return self.undecided(regime, "too few samples for an interval", host, device)
        found = {bound_of(one, other) for one in filled for other in submitting.interval}
        if len(found) > 1:
            return self.undecided(regime, "an interval straddles a cut-off", host, device)
        return Case(self.subject(), regime, "holds" if found == {self.expect} else "fails", None, (host, device))
