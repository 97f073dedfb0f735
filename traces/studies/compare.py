"""Two sides against each other: the ratio with its interval, and the difference in parts that sum to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from launchlens.traces.account import DEVICE_STATES, HOST_STATES, STATES, Account, LaneName
from launchlens.traces.control import explains
from launchlens.traces.statistics import Estimate, mean, median, paired_ratio, unpaired_ratio
from launchlens.traces.studies.explained import ExplainedDifference
from launchlens.traces.studies.recording import Recording
from launchlens.traces.studies.side import Side

Verdict = Literal["faster", "slower", "no-difference-shown", "not-comparable"]

#: Reason codes of a verdict, each with what it says.
REASONS = {
    "interval-excludes-1": "the 95 % interval of the ratio does not cover 1",
    "interval-covers-1": "the 95 % interval of the ratio covers 1",
    "within-control": "the ratio is no further from 1 than that of the baseline to itself, the A/A control",
    "too-few-samples": "there are too few samples for an interval",
    "paired-by-round": "both sides were timed in interleaved blocks of one process, and are compared round by round",
    "not-interleaved": "the sides were not timed in turn, so whatever drifted between them is part of the ratio",
    "profiled-times": "the times are of a profiled run and carry the profiler's cost",
    "different-regimes": "the sides are of different regimes",
    "different-hardware": "the sides were recorded on different hardware",
    "different-software": "the sides were recorded with different versions of driver, CUDA, torch, triton or Python",
    "incomplete": "a side's capture is incomplete",
    "data-refused": "the capture contradicts itself in the times of a side, so they are compared with none",
    "data-withheld": "the capture contradicts itself in what was recorded of a side, so nothing of that is used",
    "no-account": "one side has no recorded trace, so the difference can't be split",
}


@dataclass(frozen=True)
class CellDifference:
    """One cell of a difference: ns per iteration, positive where B spends more, with the interval of its mean."""

    host: str
    device: str
    ns: float
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Comparison:
    """B against A in one regime. `ratio` is B's unprofiled time over A's; `reasons` are codes of REASONS.

    `explained` are the parts of the unprofiled difference; None where they are not known of both sides.
    """

    a: Side
    b: Side
    ratio: Estimate
    verdict: Verdict
    reasons: tuple[str, ...]
    explained: ExplainedDifference | None = None

    @cached_property
    def unprofiled_difference(self) -> Estimate:
        """B's unprofiled time less A's, ns per iteration, round by round. Raises ValueError where they share no round."""
        return median((self.b.blocks["wall_ns"] - self.a.blocks["wall_ns"]).dropna())

    @property
    def recordings(self) -> tuple[Recording, Recording] | None:
        """What was recorded of both, None where that is not known of one."""
        a, b = self.a.recording, self.b.recording
        return None if a is None or b is None else (a, b)

    @cached_property
    def difference(self) -> Account | None:
        """The account of the profiled difference per iteration, B - A; None without traces of both."""
        if self.recordings is None:
            return None
        a, b = self.recordings
        return b.per_iteration.less(a.per_iteration)

    @property
    def difference_ns(self) -> float | None:
        """The profiled difference per iteration (B - A), None without traces of both."""
        return None if self.difference is None else self.difference.total_ns

    @property
    def explained_by(self) -> LaneName:
        """The lane that explains the difference: what the host did, unless the slower side waits for its device.

        Where the host waits, what it did says little: what the device did made that side slow.
        """
        seen = self.a.recording is not None and self.a.recording.device is not None
        slower = max(self.a, self.b, key=lambda side: side.wall.value)
        return "device" if seen and slower.bound not in ("host-bound", "unknown") else "host"

    @property
    def blocks_are_paired(self) -> bool:
        """Whether the recorded blocks of both belong together one by one."""
        if self.recordings is None or "paired-by-round" not in self.reasons:
            return False
        a, b = self.recordings
        return a.account.windows == b.account.windows

    @cached_property
    def cells(self) -> tuple[CellDifference, ...]:
        """The difference cell by cell, largest first, each with the interval of its mean over blocks; none without traces."""
        if self.recordings is None:
            return ()
        a, b = self.recordings
        found = []
        for host in HOST_STATES:
            for device in DEVICE_STATES:
                of_a, of_b = (one.account.of_cell(host, device) / one.iterations for one in (a, b))
                if of_a.any() or of_b.any():
                    interval = mean(of_b - of_a).interval if self.blocks_are_paired else None
                    found.append(CellDifference(host, device, float(of_b.mean() - of_a.mean()), interval))
        return tuple(sorted(found, key=lambda cell: -abs(cell.ns)))

    def intervals(self, lane: LaneName) -> dict[str, tuple[float, float] | None]:
        """The 95 % interval of each state's mean share of the difference over blocks, ns; None where not paired."""
        return self._host_intervals if lane == "host" else self._device_intervals

    @cached_property
    def _host_intervals(self) -> dict[str, tuple[float, float] | None]:
        return self._intervals("host")

    @cached_property
    def _device_intervals(self) -> dict[str, tuple[float, float] | None]:
        return self._intervals("device")

    def _intervals(self, lane: LaneName) -> dict[str, tuple[float, float] | None]:
        if self.recordings is None or not self.blocks_are_paired:
            return dict.fromkeys(STATES[lane])
        a, b = self.recordings
        return {
            state: mean(
                b.account.of_states(lane, state) / b.iterations - a.account.of_states(lane, state) / a.iterations
            ).interval
            for state in STATES[lane]
        }

    def parts(self, lane: LaneName) -> dict[str, float]:
        """The difference by the states of a lane, ns per iteration; they sum to `difference_ns`. None without traces."""
        return {} if self.difference is None else self.difference.by_state(lane)


def compare(
    a: Side, b: Side, *, paired: bool, control: Estimate | None = None, notes: tuple[str, ...] = ()
) -> Comparison:
    """Compare side `b` with side `a`.

    `paired` when both were timed in turn: they are then compared over the rounds they share, and as if not paired where
    they share none. `control` is the ratio of the baseline to itself: a difference
    that is not larger than what the same code shows against itself is not shown. `notes` are further reason codes;
    `different-hardware` or `different-regimes` among them makes the sides not comparable, and so does a side that the data gate
    refuses.
    """
    rounds = a.blocks.index.intersection(b.blocks.index)
    paired = paired and len(rounds) > 0
    if paired:
        ratio = paired_ratio(b.blocks.loc[rounds, "wall_ns"], a.blocks.loc[rounds, "wall_ns"])
    else:
        ratio = unpaired_ratio(b.blocks["wall_ns"], a.blocks["wall_ns"])
    verdict, reasons = _verdict(ratio, control)
    if {"different-hardware", "different-regimes"} & set(notes):
        verdict, reasons = "not-comparable", ()
    if a.refused or b.refused:
        verdict, reasons = "not-comparable", ("data-refused",)
    reasons = (*reasons, "paired-by-round" if paired else "not-interleaved", *notes)
    if a.withheld or b.withheld:
        reasons = (*reasons, "data-withheld")
    if a.recording is None or b.recording is None:
        reasons = (*reasons, "no-account")
    return Comparison(a, b, ratio, verdict, reasons)


def _verdict(ratio: Estimate, control: Estimate | None) -> tuple[Verdict, tuple[str, ...]]:
    if ratio.interval is None:
        return "no-difference-shown", ("too-few-samples",)
    if ratio.covers(1.0):
        return "no-difference-shown", ("interval-covers-1",)
    if control is not None and explains(control, ratio.value):
        return "no-difference-shown", ("within-control",)
    return ("faster" if ratio.value < 1 else "slower"), ("interval-excludes-1",)
