"""Kinds of test on sweeps: from where on along an axis one variant is faster (`crossing`), and launches are a small share (`share-along`)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from math import exp, inf, isfinite, log1p
from typing import Annotated, ClassVar, Literal

import msgspec

from launchlens.traces.claims.capture_under_test import CaptureUnderTest
from launchlens.traces.claims.claim import Case, Evidence, decide
from launchlens.traces.claims.kinds_of_test.base import Bounded, Limits, Name, unmet
from launchlens.traces.claims.sweep_under_test import SweepUnderTest
from launchlens.traces.claims.under_test import Tested
from launchlens.traces.sweeps.crossings import MARGIN, turns_of
from launchlens.traces.sweeps.signed_rank import Estimates
from launchlens.traces.sweeps.sweep import Axis

#: From here on a place is told in whole numbers.
_WHOLE = 100


class OnSweep(Bounded, frozen=True, kw_only=True):
    """A test of a place along `axis`, from which on something is so, against bounds in the axis's own unit.

    It is followed along each line of the sweep's grid on which the other axes are within `where`. `at` says which line decides:
    `every`, from where on it is so on all of them, or `any`, from where on it is so on one.
    """

    of_sweeps: ClassVar[bool] = True
    within: ClassVar[tuple[float, float]] = (0, inf)
    variant: Name
    axis: Name
    at: Literal["every", "any"] = "every"
    where: dict[str, Limits] = msgspec.field(default_factory=dict)

    def run(self, tested: Tested) -> list[Case]:
        found = self._on_sweep(tested) if isinstance(tested, SweepUnderTest) else self.cases(tested)
        return [case.found_in(tested.name) for case in found]

    def cases(self, tested: CaptureUnderTest) -> Iterator[Case]:
        yield Case(self.subject(), None, "absent", "it needs a sweep, as `profile --sweep` writes it")

    def _on_sweep(self, tested: SweepUnderTest) -> Iterator[Case]:
        lacking, axis = unmet(self.when, tested), tested.axis(self.axis)
        if lacking is not None or axis is None:
            why = lacking or f"it needs a sweep of {self.axis}, by numbers"
            yield Case(self.subject(), None, "absent", why)
        else:
            yield from self.along(tested, axis)

    @abstractmethod
    def along(self, tested: SweepUnderTest, axis: Axis) -> Iterator[Case]:
        """The cases along an axis."""

    @abstractmethod
    def place_says(self) -> str:
        """What is so from the place on, in words."""

    @abstractmethod
    def figure_at(self, estimates: Estimates, row: int) -> tuple[str, float, str, tuple[float, float] | None]:
        """What is followed, in words, at one point: its value, its unit and its interval."""

    def says(self) -> str:
        others = "".join(f", {key} {limits}" for key, limits in self.where.items())
        which = "anywhere" if self.at == "any" else "everywhere"
        return f"the {self.axis} from which on {self.place_says()} {which}{others}:{self.bounds()}"

    def judge_place(
        self, tested: SweepUnderTest, axis: Axis, regime: str | None, above: Estimates, margin: float, rows: str
    ) -> Case:
        """The case of where estimates fall below 0."""
        record, samples = tested.study.sweep.record, tested.study.samples
        turns = [
            turn
            for turn in turns_of(samples, record.points, record.axes, axis, above, margin)
            if all(limits.met(dict(turn.fixed).get(name)) for name, limits in self.where.items())
        ]
        if not turns:
            return Case(self.subject(), regime, "absent", f"no line along {axis.name} was measured with both")
        choose: Callable[[Iterable[float]], float] = max if self.at == "every" else min
        low, high = choose(turn.low for turn in turns), choose(turn.high for turn in turns)
        at = choose(turn.high if turn.at is None else turn.at for turn in turns)
        where = "" if regime is None else f", {regime}"
        outcome = decide(at, (low, high), self.at_least, self.at_most)
        if isfinite(high):
            # no value below the least that was swept is known of
            least = min(float(value) for value in axis.values)
            ends = (max(low, min(least, high)), high)
            value = min(max(at, ends[0]), ends[1])
            name = f"{axis.name} from which on {self.place_says()}{where}"
            main = Evidence(name, round(value) if value >= _WHOLE else value, axis.unit, ends, rows, "timing")
            reason = (
                "the place is between two points that lie on both sides of a bound" if outcome == "undecided" else None
            )
            return Case(self.subject(), regime, outcome, reason, (main,))
        most = max(float(value) for value in axis.values)
        reason = f"it is shown for good nowhere up to {most:,.0f}, the most that was swept"
        evidence = [
            self._at(tested, above, turn.last, where, rows)
            for turn in turns
            if turn.last is not None and turn.low == low
        ]
        if not evidence:
            return self.undecided(regime, reason)
        return Case(self.subject(), regime, outcome, reason, (evidence[0],))

    def _at(self, tested: SweepUnderTest, above: Estimates, row: int, where: str, rows: str) -> Evidence:
        """What is followed at the point that decides."""
        index = int(tested.study.samples.points[row])
        settings = ", ".join(
            f"{name} {value:,}" for name, value in tested.study.sweep.record.points[index].settings.items()
        )
        what, value, unit, ends = self.figure_at(above, row)
        return Evidence(f"{what}{where}, at {settings}", value, unit, ends, f"{rows}, point {index}", "timing")


class Crossing(OnSweep, frozen=True, kw_only=True):
    """From where on `variant` is faster than `against`."""

    kind: ClassVar[str] = "crossing"
    naming: ClassVar[tuple[str, ...]] = ("variant", "against")
    against: Name

    def place_says(self) -> str:
        return f"{self.variant} is faster than {self.against}"

    def figure_at(self, estimates: Estimates, row: int) -> tuple[str, float, str, tuple[float, float] | None]:
        ratio = estimates.as_ratio(row)
        return f"time of {self.variant} ÷ {self.against}", ratio.value, "ratio", ratio.interval

    def along(self, tested: SweepUnderTest, axis: Axis) -> Iterator[Case]:
        met = False
        for regime in self.regimes or tested.study.regimes:
            lacking = [why for name in self.variants() if (why := tested.missing(name, regime))]
            if lacking:
                if self.regimes:
                    yield Case(self.subject(), regime, "absent", ", ".join(lacking))
                continue
            met = True
            ratios = tested.study.ratios(self.variant, self.against, regime)
            assert ratios is not None
            rows = f"timings.parquet: variant={self.variant} and {self.against}, regime={regime}, rounds of each point, paired"
            yield self.judge_place(tested, axis, regime, ratios, MARGIN, rows)
        if not met and not self.regimes:
            yield Case(self.subject(), None, "absent", f"the sweep has not both, {' and '.join(self.variants())}")


class ShareAlong(OnSweep, frozen=True, kw_only=True):
    """From where on a replay as a CUDA graph does without at most a `share` of the time of the same `variant` called eagerly."""

    kind: ClassVar[str] = "share-along"
    across_regimes: ClassVar[bool] = True
    naming: ClassVar[tuple[str, ...]] = ("variant",)
    share: Annotated[float, msgspec.Meta(gt=0, lt=1)]

    def place_says(self) -> str:
        return f"a replay does without at most {100 * self.share:.4g} % of {self.variant}'s eager time"

    def figure_at(self, estimates: Estimates, row: int) -> tuple[str, float, str, tuple[float, float] | None]:
        # the level less the logarithm of what is left
        ends = float(estimates.low[row]), float(estimates.high[row])
        value, low, high = (1 - (1 - self.share) * exp(-each) for each in (float(estimates.value[row]), *ends))
        name = f"share of {self.variant}'s eager time that a replay does without"
        return name, max(0.0, value), "share", (max(0.0, low), max(0.0, high))

    def along(self, tested: SweepUnderTest, axis: Axis) -> Iterator[Case]:
        lacking = [why for regime in ("eager", "graph") if (why := tested.missing(self.variant, regime))]
        if lacking:
            yield Case(self.subject(), None, "absent", lacking[0])
            return
        samples = tested.study.samples
        eager, graph = (samples.side(self.variant, regime) for regime in ("eager", "graph"))
        assert eager is not None and graph is not None
        left, level = samples.ratios(graph, eager), log1p(-self.share)
        # of the share without: below the level of what is left, the share is above
        above = replace(left, value=level - left.value, low=level - left.high, high=level - left.low)
        rows = f"timings.parquet: variant={self.variant}, regime=graph and eager, rounds of each point, paired"
        yield self.judge_place(tested, axis, None, above, 0.0, rows)
