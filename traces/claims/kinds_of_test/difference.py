"""Kinds of test on two recordings: what part of a difference lies where, and GPU time against GPU time.

All of them are of the recorded run, which no recorder leaves as it was: their figures stand beside a verdict and make none.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from math import inf
from typing import Annotated, ClassVar, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from launchlens.traces.account import DEVICE_STATES, STATES, LaneName
from launchlens.traces.claims.capture_under_test import RECORDED, CaptureUnderTest, paired_rows, recorded_rows, unseen
from launchlens.traces.claims.claim import Case, Evidence
from launchlens.traces.claims.kinds_of_test.base import Bounded, ByRegime, Name
from launchlens.traces.claims.shares import interval_of, share_of_more
from launchlens.traces.statistics import Floats, draws_of, mean
from launchlens.traces.studies.recording import Recording
from launchlens.traces.studies.side import Side
from launchlens.traces.thresholds import THRESHOLDS

HostState = Literal["python", "dispatch", "launch", "sync", "api", "profiler"]


class TwoRecorded(ByRegime, Bounded, frozen=True, kw_only=True):
    """A test of two variants' recordings."""

    naming: ClassVar[tuple[str, ...]] = ("variant", "against")
    variant: Name
    against: Name

    def case(self, tested: CaptureUnderTest, regime: str) -> Case:
        sides = [tested.study.sides[name, regime] for name in self.variants()]
        silent = [side for side in sides if tested.recording(side) is None]
        return tested.not_recorded(self.subject(), silent[0]) if silent else self.of(tested, *sides)

    @abstractmethod
    def of(self, tested: CaptureUnderTest, side: Side, other: Side) -> Case:
        """The case of two sides, both with a recording."""

    def without_difference(self, tested: CaptureUnderTest, regime: str) -> Case | None:
        """The case that there is no difference to split, where none was shown."""
        found = tested.compared(self.variant, self.against, regime)
        if found.is_difference:
            return None
        name = f"time of {self.variant} ÷ {self.against}, {regime}"
        main = Evidence(name, found.ratio.value, "ratio", found.ratio.interval, paired_rows(found), "timing")
        return Case(self.subject(), regime, "no-difference-shown", "there is no difference to split", (main,))


class RecordedPart(TwoRecorded, frozen=True, kw_only=True):
    """What part of the recorded difference (`variant` − `against`) lies in some states of a lane: shown, and deciding nothing.

    It is the share of what the slower one spends more, block by block of the same run.
    """

    within: ClassVar[tuple[float, float]] = (0, 1)

    @abstractmethod
    def lane(self) -> tuple[LaneName, Sequence[str], str]:
        """The lane, its states, and what they are called."""

    def of(self, tested: CaptureUnderTest, side: Side, other: Side) -> Case:
        none = self.without_difference(tested, side.regime)
        if none or side.recording is None or other.recording is None:
            return none or tested.not_recorded(self.subject(), side)
        lane, chosen, called = self.lane()
        if lane == "device" and (side.recording.gpu_busy_ns is None or other.recording.gpu_busy_ns is None):
            return Case(self.subject(), side.regime, "absent", _unseen(side, other))
        rows = f"{recorded_rows(side)} and variant:{other.variant}, {side.recording.account.windows} blocks each"
        pair = f"{self.variant} − {self.against}, {side.regime}"
        ours, theirs = (_by_state(one.recording, lane) for one in (side, other) if one.recording)
        if len(ours) != len(theirs):
            return self.undecided(side.regime, "the two have different numbers of blocks")
        each = ours - theirs
        whole = mean(each.sum(axis=1))
        if not whole.value:
            return self.undecided(side.regime, "the recorded difference is zero")
        is_chosen = np.isin(STATES[lane], chosen)
        part = mean(each[:, is_chosen].sum(axis=1))
        share, interval = _share(each * np.sign(whole.value), is_chosen)
        name = f"recorded {called} as a share of what is more, {pair}"
        return self.undecided(
            side.regime,
            RECORDED,
            Evidence(name, share, "share", interval, rows, "difference"),
            Evidence(f"{called}, recorded, {pair}", part.value, "ns", part.interval, rows, "difference"),
            Evidence(f"recorded difference, {pair}", whole.value, "ns", whole.interval, rows, "difference"),
        )


def _by_state(recording: Recording, lane: LaneName) -> Floats:
    """Time per iteration by the states of a lane, [blocks, states]."""
    times = [recording.account.of_states(lane, state) for state in STATES[lane]]
    return np.stack(times, axis=1).astype(np.float64) / recording.iterations


def _share(each: Floats, chosen: npt.NDArray[np.bool_]) -> tuple[float | None, tuple[float, float] | None]:
    """The share of what is more that lies in the chosen states, and its interval over blocks where there are enough."""

    def of(means: Floats) -> Floats:
        return share_of_more(means[..., chosen].sum(axis=-1), means[..., ~chosen])

    value = float(of(each.mean(axis=0)))
    if len(each) < THRESHOLDS.least_samples:
        return value, None
    return value, interval_of(of(each[draws_of(len(each))].mean(axis=1)))


class HostPart(RecordedPart, frozen=True, kw_only=True):
    """What part of the recorded difference lies in some host states."""

    kind: ClassVar[str] = "host-part"
    states: Annotated[list[HostState], msgspec.Meta(min_length=1)]
    whole: Name = msgspec.field(name="of", default="recorded")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.whole != "recorded":
            raise ValueError(
                f"asks for a share of the {self.whole} difference, which is another run's; leave `of` out, or write "
                'kind = "parts" for parts of the unprofiled one'
            )

    def lane(self) -> tuple[LaneName, Sequence[str], str]:
        return "host", self.states, f"{' and '.join(self.states)} time"

    def says(self) -> str:
        pair = f"{self.variant} − {self.against}"
        return f"recorded {' and '.join(self.states)} time as a share of the difference {pair}{self.bounds('%', 100)}"


def _unseen(*sides: Side) -> str:
    """Why not all of some sides say what the GPU did, in words."""
    return next((why for side in sides if (why := unseen(side.recording))), "no GPU activity was recorded")


class GpuPart(RecordedPart, frozen=True, kw_only=True):
    """What part of the recorded difference is longer GPU work."""

    kind: ClassVar[str] = "gpu-part"

    def lane(self) -> tuple[LaneName, Sequence[str], str]:
        return "device", [state for state in DEVICE_STATES if state not in ("idle", "unknown")], "GPU time"

    def says(self) -> str:
        return f"recorded GPU time as a share of the difference {self.variant} − {self.against}{self.bounds('%', 100)}"


class GpuBusy(TwoRecorded, frozen=True, kw_only=True):
    """How long the GPU is busy in an iteration of `variant`, over that of `against`; what overlaps counts once."""

    kind: ClassVar[str] = "gpu-busy"
    within: ClassVar[tuple[float, float]] = (0, inf)

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
        return self.undecided(side.regime, RECORDED, main, *each)


class GpuTime(TwoRecorded, frozen=True, kw_only=True):
    """GPU time of one kernel, memcpy or memset of `variant` over that of `against`."""

    kind: ClassVar[str] = "gpu-time"
    within: ClassVar[tuple[float, float]] = (0, inf)

    def says(self) -> str:
        return f"GPU time per operation of {self.variant} ÷ {self.against}{self.bounds()}"

    def of(self, tested: CaptureUnderTest, side: Side, other: Side) -> Case:
        each = [self._per_operation(side), self._per_operation(other)]
        if each[0].value is None or not each[1].value:
            return Case(self.subject(), side.regime, "absent", "no GPU activity was recorded")
        rows = f"{each[0].rows} and variant:{other.variant}"
        name = f"GPU time per operation of {self.variant} ÷ {self.against}, {side.regime}"
        main = Evidence(name, each[0].value / each[1].value, "ratio", None, rows, "ledger")
        return self.undecided(side.regime, RECORDED, main, *each)

    def _per_operation(self, side: Side) -> Evidence:
        recording = side.recording
        value = None
        if recording is not None and recording.device is not None:
            operations = sum(recording.counts[kind] for kind in ("kernels", "memcpys", "memsets"))
            total = sum(row.per_iteration * (row.gpu_ns or 0.0) for row in recording.ledger)
            value = total / operations if operations else None
        name = f"GPU time per operation, {side.variant}, {side.regime}"
        return Evidence(name, value, "ns", None, recorded_rows(side) + " GPU activities", "ledger")
