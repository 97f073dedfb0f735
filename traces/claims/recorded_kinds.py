"""Kinds of test on recorded runs: which API calls, how many, at what cost, and what part of a difference they make.

Recorded times carry the profiler's cost; the words say which figures are recorded ones. The ledger keeps means over all
that was recorded, so those figures have no interval, and are held against bounds as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, ClassVar, Literal

import msgspec
import numpy as np

from launchlens.traces.account import HOST_STATES
from launchlens.traces.claims.claim import Case, Evidence
from launchlens.traces.claims.ground import Ground, figure, interval, paired_rows, recorded_rows
from launchlens.traces.claims.kind import Bounded, Name
from launchlens.traces.statistics import SEED, median
from launchlens.traces.study import Recording, Side

HostState = Literal["python", "dispatch", "launch", "sync", "api", "profiler"]
RESAMPLES = 4000


class OneRecorded(Bounded, frozen=True, kw_only=True):
    """A test of one variant's recording."""

    variant: Name

    def variants(self) -> Sequence[str]:
        return (self.variant,)

    def cases(self, ground: Ground) -> Iterator[Case]:
        for regime, missing in ground.places(self.subject(), self.variants(), self.regimes):
            if missing:
                yield missing
                continue
            side = ground.study.sides[self.variant, regime]
            recording = ground.recording(side)
            yield self.of(side, recording) if recording else ground.unrecorded(self.subject(), side)

    def of(self, side: Side, recording: Recording) -> Case:
        """The case of one side."""
        raise NotImplementedError


class Api(OneRecorded, frozen=True, kw_only=True):
    """Whether `variant`'s launches are calls of `call` (a pattern with `*`): by default, all of them."""

    kind: ClassVar[str] = "api"
    call: Name
    at_least: float | None = 1.0

    def says(self) -> str:
        if self.at_least == 1 and self.at_most is None:
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
        return self.judged(side.regime, main, *each, exact=True)


class Launches(OneRecorded, frozen=True, kw_only=True):
    """How much `variant` submits per iteration: launches, or what they cause (`of`)."""

    kind: ClassVar[str] = "launches"
    counted: Literal["launches", "kernels", "memcpys", "memsets"] = msgspec.field(name="of", default="launches")

    def says(self) -> str:
        return f"{self.counted} of {self.variant} per iteration{self.bounds()}"

    def of(self, side: Side, recording: Recording) -> Case:
        value, where = recording.counts[self.counted], f"{side.variant}, {side.regime}"
        rows = recorded_rows(side) + " launches"
        main = Evidence(f"{self.counted}, {where}", value, "per iteration", None, rows, "ledger")
        return self.judged(side.regime, main, exact=True)


class LaunchCost(OneRecorded, frozen=True, kw_only=True):
    """µs per launch of `variant`: recorded, in the API call; or `of` the iteration, its unprofiled time ÷ launches."""

    kind: ClassVar[str] = "launch-cost"
    counted: Literal["call", "iteration"] = msgspec.field(name="of", default="call")

    def says(self) -> str:
        what = "recorded time in the API call" if self.counted == "call" else "unprofiled time of an iteration"
        return f"{what} per launch of {self.variant}{self.bounds('µs')}"

    def of(self, side: Side, recording: Recording) -> Case:
        calls = sum(row.per_iteration for row in recording.ledger)
        if self.counted == "iteration":
            return self.judged(side.regime, figure("time per launch", side, side.wall, "ns", calls), factor=1000)
        cost = sum(row.per_iteration * row.api_ns for row in recording.ledger) / calls
        name = f"recorded time in the API call per launch, {side.variant}, {side.regime}"
        main = Evidence(name, cost, "ns", None, recorded_rows(side) + " launches", "ledger")
        return self.judged(side.regime, main, exact=True, factor=1000)


class TwoRecorded(Bounded, frozen=True, kw_only=True):
    """A test of two variants' recordings."""

    variant: Name
    against: Name

    def variants(self) -> Sequence[str]:
        return self.variant, self.against

    def cases(self, ground: Ground) -> Iterator[Case]:
        for regime, missing in ground.places(self.subject(), self.variants(), self.regimes):
            if missing:
                yield missing
                continue
            sides = [ground.study.sides[name, regime] for name in self.variants()]
            silent = [side for side in sides if ground.recording(side) is None]
            yield ground.unrecorded(self.subject(), silent[0]) if silent else self.of(ground, *sides)

    def of(self, ground: Ground, side: Side, other: Side) -> Case:
        """The case of two sides, both with a recording."""
        raise NotImplementedError

    def without_difference(self, ground: Ground, regime: str) -> Case | None:
        """The case that there is no difference to split, where none was shown."""
        found = ground.compared(self.variant, self.against, regime)
        if found.verdict != "no-difference-shown":
            return None
        name = f"time of {self.variant} ÷ {self.against}, {regime}"
        main = Evidence(name, found.ratio.value, "ratio", interval(found.ratio), paired_rows(found), "timing")
        return Case(self.subject(), regime, "no-difference-shown", "there is no difference to split", (main,))


class HostPart(TwoRecorded, frozen=True, kw_only=True):
    """The share of the recorded difference (`variant` − `against`) that lies in some host states."""

    kind: ClassVar[str] = "host-part"
    states: Annotated[list[HostState], msgspec.Meta(min_length=1)]

    def says(self) -> str:
        states = " and ".join(self.states)
        return f"{states} time as a share of the recorded difference {self.variant} − {self.against}{self.bounds('%', 100)}"

    def of(self, ground: Ground, side: Side, other: Side) -> Case:
        none = self.without_difference(ground, side.regime)
        found = ground.compared(self.variant, self.against, side.regime)
        if none or not found.difference_ns or side.recording is None or other.recording is None:
            return none or Case(self.subject(), side.regime, "undecided", "the recorded difference is zero")
        parts, bounds = found.host_parts(), found.intervals("host")
        rows = f"{recorded_rows(side)} and variant:{other.variant}, {len(side.recording.cells)} blocks each"
        pair = f"{self.variant} − {self.against}, {side.regime}"
        share = sum(parts[state] for state in self.states) / found.difference_ns
        name = f"{' and '.join(self.states)} time as a share of the recorded difference, {pair}"
        main = Evidence(name, share, "share", self._interval(side.recording, other.recording), rows, "difference")
        each = [
            Evidence(f"{state} time, recorded, {pair}", parts[state], "ns", bounds[state], rows, "difference")
            for state in self.states
        ]
        whole = Evidence(f"recorded difference, {pair}", found.difference_ns, "ns", None, rows, "difference")
        return self.judged(side.regime, main, *each, whole)

    def _interval(self, ours: Recording, theirs: Recording) -> tuple[float, float] | None:
        """The 95 % interval of the share, both its terms resampled by block; None where blocks are few or not paired."""
        if len(ours.cells) != len(theirs.cells) or len(ours.cells) < 5:
            return None
        blocks = ours.cells.sum(axis=2) / ours.iterations - theirs.cells.sum(axis=2) / theirs.iterations
        chosen = blocks[:, [HOST_STATES.index(state) for state in self.states]].sum(axis=1)
        draws = np.random.default_rng(SEED).integers(0, len(blocks), size=(RESAMPLES, len(blocks)))
        whole = blocks.sum(axis=1)[draws].sum(axis=1)
        if whole.min() <= 0 <= whole.max():
            return None  # a share of what may be nothing
        low, high = np.percentile(chosen[draws].sum(axis=1) / whole, [2.5, 97.5])
        return float(low), float(high)


class GpuPart(TwoRecorded, frozen=True, kw_only=True):
    """The share of the unprofiled difference (`variant` − `against`) that longer GPU work would explain."""

    kind: ClassVar[str] = "gpu-part"

    def says(self) -> str:
        return f"extra GPU time as a share of the difference {self.variant} − {self.against}{self.bounds('%', 100)}"

    def of(self, ground: Ground, side: Side, other: Side) -> Case:
        none = self.without_difference(ground, side.regime)
        ours = side.recording.gpu_busy_ns if side.recording else None
        theirs = other.recording.gpu_busy_ns if other.recording else None
        if none or ours is None or theirs is None:
            return none or Case(self.subject(), side.regime, "absent", "no GPU activity was recorded")
        extra = median((side.blocks["wall_ns"] - other.blocks["wall_ns"]).dropna())
        ends = interval(extra)
        share = None
        if ends is not None and not extra.covers(0):
            one, two = (ours - theirs) / ends[0], (ours - theirs) / ends[1]
            share = min(one, two), max(one, two)
        pair = f"{self.variant} − {self.against}, {side.regime}"
        timed = paired_rows(ground.compared(self.variant, self.against, side.regime))
        traced = f"{recorded_rows(side)} and variant:{other.variant}"
        value = (ours - theirs) / extra.value if extra.value else 0.0
        name = f"extra GPU time as a share of the difference, {pair}"
        main = Evidence(name, value, "share", share, f"{traced}; {timed}", "difference")
        busy = Evidence(f"GPU busy, {pair}", ours - theirs, "ns", None, traced, "account")
        return self.judged(
            side.regime, main, busy, Evidence(f"unprofiled time, {pair}", extra.value, "ns", ends, timed, "timing")
        )


class GpuTime(TwoRecorded, frozen=True, kw_only=True):
    """GPU time of one kernel, memcpy or memset of `variant` over that of `against`."""

    kind: ClassVar[str] = "gpu-time"

    def says(self) -> str:
        return f"GPU time per operation of {self.variant} ÷ {self.against}{self.bounds()}"

    def of(self, ground: Ground, side: Side, other: Side) -> Case:
        each = [self._per_operation(side), self._per_operation(other)]
        if each[0].value is None or not each[1].value:
            return Case(self.subject(), side.regime, "absent", "no GPU activity was recorded")
        rows = f"{each[0].rows} and variant:{other.variant}"
        name = f"GPU time per operation of {self.variant} ÷ {self.against}, {side.regime}"
        main = Evidence(name, each[0].value / each[1].value, "ratio", None, rows, "ledger")
        return self.judged(side.regime, main, *each, exact=True)

    def _per_operation(self, side: Side) -> Evidence:
        recording = side.recording
        value = None
        if recording is not None and recording.device is not None:
            operations = sum(recording.counts[kind] for kind in ("kernels", "memcpys", "memsets"))
            total = sum(row.per_iteration * (row.gpu_ns or 0.0) for row in recording.ledger)
            value = total / operations if operations else None
        name = f"GPU time per operation, {side.variant}, {side.regime}"
        return Evidence(name, value, "ns", None, recorded_rows(side) + " GPU activities", "ledger")
