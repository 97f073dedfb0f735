"""Kinds of test on one recording: which API calls a variant's launches are, how many, and at what cost.

Counts are of all that was recorded, and are held against bounds as they are. Recorded times carry the profiler's cost and have
no interval: they are shown, and decide nothing.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from math import inf
from typing import ClassVar, Literal

import msgspec

from launchlens.traces.claims.capture_under_test import RECORDED, CaptureUnderTest, figure, recorded_rows, unseen
from launchlens.traces.claims.claim import Case, Evidence
from launchlens.traces.claims.kinds_of_test.base import Bounded, ByRegime, Name
from launchlens.traces.studies.explained import Part
from launchlens.traces.studies.recording import Recording
from launchlens.traces.studies.side import Side


class OneRecorded(ByRegime, Bounded, frozen=True, kw_only=True):
    """A test of one variant's recording."""

    naming: ClassVar[tuple[str, ...]] = ("variant",)
    variant: Name

    def case(self, tested: CaptureUnderTest, regime: str) -> Case:
        side = tested.study.sides[self.variant, regime]
        recording = tested.recording(side)
        return self.of(side, recording) if recording else tested.not_recorded(self.subject(), side)

    @abstractmethod
    def of(self, side: Side, recording: Recording) -> Case:
        """The case of one side."""


class Api(OneRecorded, frozen=True, kw_only=True):
    """Whether `variant`'s launches are calls of `call` (a pattern with `*`): by default, all of them."""

    kind: ClassVar[str] = "api"
    within: ClassVar[tuple[float, float]] = (0, 1)
    call: Name
    at_least: float | None = 1.0

    @property
    def says_bounds(self) -> bool:
        return self.at_least != 1 or self.at_most is not None

    def says(self) -> str:
        if not self.says_bounds:
            return f"every launch of {self.variant} is {self.call}"
        return f"launches of {self.variant} that are {self.call}{self.bounds('%', 100)}"

    def of(self, side: Side, recording: Recording) -> Case:
        rows = recorded_rows(side) + " launches"
        launches = sum(row.per_iteration for row in recording.ledger)
        these = sum(row.per_iteration for row in recording.ledger if fnmatchcase(row.api, self.call))
        where = f"{side.variant}, {side.regime}"
        main = Evidence(f"launches that are {self.call}, {where}", these / launches, "share", None, rows, "ledger")
        each = [
            Evidence(f"{row.api} ({row.activity}), {where}", row.per_iteration, "per iteration", None, rows, "ledger")
            for row in recording.ledger
        ]
        return self.judged(side.regime, main, *each, counted=True)


class Launches(OneRecorded, frozen=True, kw_only=True):
    """How much `variant` submits per iteration: launches, or what they cause (`of`)."""

    kind: ClassVar[str] = "launches"
    within: ClassVar[tuple[float, float]] = (0, inf)
    counted: Literal["launches", "kernels", "memcpys", "memsets"] = msgspec.field(name="of", default="launches")

    def says(self) -> str:
        return f"{self.counted} of {self.variant} per iteration{self.bounds()}"

    def fixed_by(self, declared: Mapping[str, str]) -> str | None:
        if self.counted == "launches" and self.regimes == ["graph"]:
            return "a replay of a graph is one launch, whatever is in it"
        said = declared.get(self.variant) if self.counted == "launches" else None
        return None if said is None else f"{self.variant} declares itself how many launches it makes: {said}"

    def of(self, side: Side, recording: Recording) -> Case:
        unknown = unseen(recording) if self.counted != "launches" else None
        if unknown is not None:
            return Case(self.subject(), side.regime, "absent", f"{side.variant}: {unknown}")
        value, where = recording.counts[self.counted], f"{side.variant}, {side.regime}"
        rows = recorded_rows(side) + " launches"
        main = Evidence(f"{self.counted}, {where}", value, "per iteration", None, rows, "ledger")
        return self.judged(side.regime, main, counted=True)


class LaunchCost(OneRecorded, frozen=True, kw_only=True):
    """µs per launch of `variant`: in the API call, or `of` the iteration, its unprofiled time ÷ launches.

    The time in the call is a part of the unprofiled time where the light recorder was on; else it is a recorded one, which
    decides nothing.
    """

    kind: ClassVar[str] = "launch-cost"
    within: ClassVar[tuple[float, float]] = (0, inf)
    counted: Literal["call", "iteration"] = msgspec.field(name="of", default="call")

    def says(self) -> str:
        what = "time in the API call" if self.counted == "call" else "unprofiled time of an iteration"
        return f"{what} per launch of {self.variant}{self.bounds('µs')}"

    def cases(self, tested: CaptureUnderTest) -> Iterator[Case]:
        for case in super().cases(tested):
            side = tested.study.sides.get((self.variant, case.regime or ""))
            explained = None if side is None or case.outcome == "absent" else tested.study.explained(side)
            launch = None if explained is None or not explained.closes else explained.part("launch")
            if self.counted == "iteration" or side is None or side.recording is None or launch is None:
                yield case
            else:
                yield self._unprofiled(side, side.recording, launch)

    def _unprofiled(self, side: Side, recording: Recording, launch: Part) -> Case:
        """The case of the launch part of a side's unprofiled time."""
        calls, ends = sum(row.per_iteration for row in recording.ledger), launch.interval
        name = f"unprofiled time in the API call per launch, {side.variant}, {side.regime}"
        interval = None if ends is None else (ends[0] / calls, ends[1] / calls)
        rows = f"light/accounts.parquet: variant={side.variant}, regime={side.regime}"
        main = Evidence(name, launch.ns / calls, "ns", interval, rows, "account")
        return self.judged(side.regime, main, factor=1000)

    def of(self, side: Side, recording: Recording) -> Case:
        calls = sum(row.per_iteration for row in recording.ledger)
        if self.counted == "iteration":
            return self.judged(side.regime, figure("time per launch", side, side.wall, "ns", calls), factor=1000)
        cost = sum(row.per_iteration * row.api_ns for row in recording.ledger) / calls
        name = f"recorded time in the API call per launch, {side.variant}, {side.regime}"
        main = Evidence(name, cost, "ns", None, recorded_rows(side) + " launches", "ledger")
        return self.undecided(side.regime, RECORDED, main)
