"""Kinds of test on two recordings: what part of a difference lies where, and GPU time against GPU time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import msgspec
import numpy as np

from launchlens.traces.claims.capture_under_test import CaptureUnderTest, paired_rows, recorded_rows, unseen
from launchlens.traces.claims.claim import Case, Evidence
from launchlens.traces.claims.kinds_of_test.base import Bounded, Name
from launchlens.traces.statistics import Estimate, Floats, draws_of, mean, percentiles
from launchlens.traces.studies.recording import Recording
from launchlens.traces.studies.side import Side
from launchlens.traces.thresholds import THRESHOLDS

HostState = Literal["python", "dispatch", "launch", "sync", "api", "profiler"]


class TwoRecorded(Bounded, frozen=True, kw_only=True):
    """A test of two variants' recordings."""

    variant: Name
    against: Name

    def variants(self) -> Sequence[str]:
        return self.variant, self.against

    def cases(self, tested: CaptureUnderTest) -> Iterator[Case]:
        for regime, missing in tested.places(self.subject(), self.variants(), self.regimes):
            if missing:
                yield missing
                continue
            sides = [tested.study.sides[name, regime] for name in self.variants()]
            silent = [side for side in sides if tested.recording(side) is None]
            yield tested.not_recorded(self.subject(), silent[0]) if silent else self.of(tested, *sides)

    def of(self, tested: CaptureUnderTest, side: Side, other: Side) -> Case:
        """The case of two sides, both with a recording."""
        raise NotImplementedError

    def without_difference(self, tested: CaptureUnderTest, regime: str) -> Case | None:
        """The case that there is no difference to split, where none was shown."""
        found = tested.compared(self.variant, self.against, regime)
        if found.verdict != "no-difference-shown":
            return None
        name = f"time of {self.variant} ÷ {self.against}, {regime}"
        main = Evidence(name, found.ratio.value, "ratio", found.ratio.interval, paired_rows(found), "timing")
        return Case(self.subject(), regime, "no-difference-shown", "there is no difference to split", (main,))


class HostPart(TwoRecorded, frozen=True, kw_only=True):
    """The share of the difference (`variant` − `against`) that lies in some host states.

    Of the recorded difference, which the parts sum to; or `of` the unprofiled one, where the profiler bends one side so
    much more than the other that little is left of the recorded one.
    """

    kind: ClassVar[str] = "host-part"
    states: Annotated[list[HostState], msgspec.Meta(min_length=1)]
    whole: Literal["recorded", "unprofiled"] = msgspec.field(name="of", default="recorded")

    def says(self) -> str:
        states = " and ".join(self.states)
        pair = f"{self.variant} − {self.against}"
        return f"recorded {states} time as a share of the {self.whole} difference {pair}{self.bounds('%', 100)}"

    def of(self, tested: CaptureUnderTest, side: Side, other: Side) -> Case:
        none = self.without_difference(tested, side.regime)
        found = tested.compared(self.variant, self.against, side.regime)
        if none or side.recording is None or other.recording is None:
            return none or tested.not_recorded(self.subject(), side)
        rows = f"{recorded_rows(side)} and variant:{other.variant}, {side.recording.account.windows} blocks each"
        pair = f"{self.variant} − {self.against}, {side.regime}"
        ours, theirs = (self._blocks(one.recording) for one in (side, other) if one.recording)
        if len(ours) != len(theirs):
            return Case(self.subject(), side.regime, "undecided", "the two have different numbers of blocks")
        part = mean((ours - theirs)[:, 0])
        if self.whole == "recorded":
            total, beneath = mean((ours - theirs)[:, 1]), rows
        else:
            total, beneath = found.unprofiled_difference, paired_rows(found)
        if not total.value:
            return Case(self.subject(), side.regime, "undecided", f"the {self.whole} difference is zero")
        states = " and ".join(self.states)
        share = self._resampled(ours - theirs) if self.whole == "recorded" else quotient(part, total)
        name = f"recorded {states} time as a share of the {self.whole} difference, {pair}"
        main = Evidence(name, part.value / total.value, "share", share, rows, "difference")
        case = self.judged(
            side.regime,
            main,
            Evidence(f"{states} time, recorded, {pair}", part.value, "ns", part.interval, rows, "difference"),
            Evidence(f"{self.whole} difference, {pair}", total.value, "ns", total.interval, beneath, "difference"),
        )
        if share is None and total.interval is not None:
            reason = f"the interval of the {self.whole} difference covers 0, so no share of it says anything"
            return replace(case, outcome="undecided", reason=reason)
        return case

    def _blocks(self, recording: Recording) -> Floats:
        """Per iteration of each block: ns in the states, and in all of them."""
        chosen, whole = recording.account.of_states("host", *self.states), recording.account.window_ns
        return np.stack((chosen, whole), axis=1).astype(np.float64) / recording.iterations

    def _resampled(self, blocks: Floats) -> tuple[float, float] | None:
        """The 95 % interval of the share, both its terms resampled by block; None where blocks are few or cancel out."""
        if len(blocks) < THRESHOLDS.least_samples:
            return None
        chosen, whole = blocks[draws_of(len(blocks))].sum(axis=1).T
        if whole.min() <= 0 <= whole.max():
            return None
        return percentiles(chosen / whole)


def quotient(above: Estimate, below: Estimate) -> tuple[float, float] | None:
    """The widest interval of `above` ÷ `below` that their own intervals allow; None where `below` may be 0."""
    tops, bottoms = above.interval, below.interval
    if tops is None or bottoms is None or below.covers(0):
        return None
    ends = [top / bottom for top in tops for bottom in bottoms]
    return min(ends), max(ends)


def _unseen(*sides: Side) -> str:
    """Why not all of some sides say what the GPU did, in words."""
    return next((why for side in sides if (why := unseen(side.recording))), "no GPU activity was recorded")


class GpuPart(TwoRecorded, frozen=True, kw_only=True):
    """The share of the unprofiled difference (`variant` − `against`) that longer GPU work would explain."""

    kind: ClassVar[str] = "gpu-part"

    def says(self) -> str:
        return f"extra GPU time as a share of the difference {self.variant} − {self.against}{self.bounds('%', 100)}"

    def of(self, tested: CaptureUnderTest, side: Side, other: Side) -> Case:
        none = self.without_difference(tested, side.regime)
        ours = side.recording.gpu_busy_ns if side.recording else None
        theirs = other.recording.gpu_busy_ns if other.recording else None
        if none or ours is None or theirs is None:
            return none or Case(self.subject(), side.regime, "absent", _unseen(side, other))
        found = tested.compared(self.variant, self.against, side.regime)
        extra = found.unprofiled_difference
        ends = extra.interval
        share = None
        if ends is not None and not extra.covers(0):
            one, two = (ours - theirs) / ends[0], (ours - theirs) / ends[1]
            share = min(one, two), max(one, two)
        pair = f"{self.variant} − {self.against}, {side.regime}"
        timed = paired_rows(found)
        traced = f"{recorded_rows(side)} and variant:{other.variant}"
        value = (ours - theirs) / extra.value if extra.value else 0.0
        name = f"extra GPU time as a share of the difference, {pair}"
        main = Evidence(name, value, "share", share, f"{traced}; {timed}", "difference")
        busy = Evidence(f"GPU busy, {pair}", ours - theirs, "ns", None, traced, "account")
        return self.judged(
            side.regime, main, busy, Evidence(f"unprofiled time, {pair}", extra.value, "ns", ends, timed, "timing")
        )


class GpuBusy(TwoRecorded, frozen=True, kw_only=True):
    """How long the GPU is busy in an iteration of `variant`, over that of `against`; what overlaps counts once."""

    kind: ClassVar[str] = "gpu-busy"

    def says(self) -> str:
        return f"time that the GPU is busy, {self.variant} ÷ {self.against}{self.bounds()}"

    def of(self, tested: CaptureUnderTest, side: Side, other: Side) -> Case:
        each = [
            Evidence(
                f"GPU busy, {one.variant}, {one.regime}",
                one.recording.gpu_busy_ns if one.recording else None,
                "ns",
                None,
                f"{recorded_rows(one)} GPU activities",
                "account",
            )
            for one in (side, other)
        ]
        ours, theirs = (one.value for one in each)
        if ours is None or not theirs:
            return Case(self.subject(), side.regime, "absent", _unseen(side, other))
        rows = f"{each[0].rows} and variant:{other.variant}"
        name = f"time that the GPU is busy, {self.variant} ÷ {self.against}, {side.regime}"
        main = Evidence(name, ours / theirs, "ratio", None, rows, "account")
        return self.judged(side.regime, main, *each, exact=True)


class GpuTime(TwoRecorded, frozen=True, kw_only=True):
    """GPU time of one kernel, memcpy or memset of `variant` over that of `against`."""

    kind: ClassVar[str] = "gpu-time"

    def says(self) -> str:
        return f"GPU time per operation of {self.variant} ÷ {self.against}{self.bounds()}"

    def of(self, tested: CaptureUnderTest, side: Side, other: Side) -> Case:
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
