"""Two sides against each other: the ratio with its interval, and the difference in parts that sum to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import log
from typing import Literal

from launchlens.traces.account import DEVICE_STATES, HOST_STATES, STATES, Account, LaneName
from launchlens.traces.balanced import differences, ratios, shared_rounds
from launchlens.traces.statistics import Estimate, mean, unpaired_ratio
from launchlens.traces.studies.explained import ExplainedDifference
from launchlens.traces.studies.recording import Recording
from launchlens.traces.studies.side import Side
from launchlens.traces.studies.steadiness import Steadiness, within_margin
from launchlens.traces.thresholds import THRESHOLDS

Verdict = Literal["faster", "slower", "equivalent", "no-difference-shown", "not-comparable"]

#: Reason codes of a verdict, each with what it says.
REASONS = {
    "interval-excludes-1": "the 95 % interval of the ratio does not cover 1",
    "interval-covers-1": "the 95 % interval of the ratio covers 1",
    "within-margin": "the whole 95 % interval lies within the equivalence margin",
    "not-after-holm": "the 95 % interval does not cover 1, but of so many comparisons one does that by chance (Holm)",
    "too-few-rounds-for-holm": "the 95 % interval does not cover 1, but no result of so few rounds can exclude chance among so many comparisons (Holm)",
    "within-control": "the interval is no further from 1 than the baseline is from itself, in the A/A control",
    "reverses": "the baseline does not hold still, and the ratio lies on either side of 1 in parts of the run",
    "too-few-samples": "there are too few samples for an interval",
    "too-few-runs": "runs differ by more than the rounds of one tell, and there are fewer than three a side",
    "paired-by-round": "both sides were timed in interleaved blocks of one process, and are compared in balanced pairs of rounds",
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

    `p` is what the signed-rank test gives "no difference", and `p_adjusted` the same for all comparisons of the regime with the
    baseline together (Holm); None where sides were not timed in turn, or too rarely. `explained` are the parts of the
    unprofiled difference; None where they are not known of both sides.
    """

    a: Side
    b: Side
    ratio: Estimate
    verdict: Verdict
    reasons: tuple[str, ...]
    explained: ExplainedDifference | None = None
    p: float | None = None
    p_adjusted: float | None = None

    @property
    def is_difference(self) -> bool:
        """Whether it is shown that one side is faster."""
        return self.verdict in ("faster", "slower")

    @cached_property
    def unprofiled_difference(self) -> Estimate:
        """B's unprofiled time less A's, ns per iteration, by pairs of rounds. Raises ValueError where they share no round."""
        return differences(self.b.blocks["wall_ns"], self.a.blocks["wall_ns"]).as_difference()

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
    a: Side,
    b: Side,
    *,
    paired: bool,
    steadiness: Steadiness | None = None,
    p_adjusted: float | None = None,
    notes: tuple[str, ...] = (),
) -> Comparison:
    """Compare side `b` with side `a`.

    `paired` when both were timed in turn: they are then compared over the rounds they share, and as if not paired where
    they share none. `steadiness` says what a ratio must exceed; `p_adjusted` is what Holm's correction makes of its p, where it
    is one of several. `notes` are further reason codes: `different-hardware` or `different-regimes` among them makes the sides
    not comparable, and so does a side that the data gate refuses.
    """
    p, how = None, "not-interleaved"
    if paired and len(shared_rounds(a.blocks.index, b.blocks.index)):
        pairs = ratios(b.blocks["wall_ns"], a.blocks["wall_ns"])
        ratio, p, how = pairs.as_ratio(), pairs.p, "paired-by-round"
    else:
        ratio = unpaired_ratio(b.blocks["wall_ns"], a.blocks["wall_ns"])
    found = Comparison(
        a, b, ratio, "not-comparable", (how, *notes), p=p, p_adjusted=p if p_adjusted is None else p_adjusted
    )
    return with_verdict(found, steadiness)


def with_verdict(found: Comparison, steadiness: Steadiness | None = None) -> Comparison:
    """A comparison with the verdict that its figures and the steadiness of its regime give, the reason before its others."""
    verdict: Verdict
    reasons = found.reasons
    if found.a.refused or found.b.refused:
        verdict, reasons = "not-comparable", ("data-refused", *reasons)
    elif {"different-hardware", "different-regimes"} & set(found.reasons):
        verdict = "not-comparable"
    elif "too-few-runs" in found.reasons:
        verdict, reasons = "no-difference-shown", tuple(sorted(reasons, key=lambda code: code != "too-few-runs"))
    else:
        verdict, reason = _verdict(found, steadiness)
        reasons = (reason, *reasons)
    if found.a.withheld or found.b.withheld:
        reasons = (*reasons, "data-withheld")
    if found.a.recording is None or found.b.recording is None:
        reasons = (*reasons, "no-account")
    return replace(found, verdict=verdict, reasons=reasons)


def _verdict(found: Comparison, steadiness: Steadiness | None) -> tuple[Verdict, str]:
    ratio = found.ratio
    if ratio.interval is None:
        return "no-difference-shown", "too-few-samples"
    if found.p is not None and within_margin(ratio, 0.0 if steadiness is None else steadiness.bias):
        return "equivalent", "within-margin"
    if ratio.covers(1.0):
        return "no-difference-shown", "interval-covers-1"
    if found.p is not None and found.p_adjusted is not None and found.p_adjusted > 1 - THRESHOLDS.interval_level:
        least = 2.0 ** (1 - ratio.samples // 2)  # where all pairs of rounds point one way
        return "no-difference-shown", "too-few-rounds-for-holm" if found.p <= least else "not-after-holm"
    if steadiness is not None:
        nearest = min(abs(log(end)) for end in ratio.interval)
        if nearest <= steadiness.bias:
            return "no-difference-shown", "within-control"
        if steadiness.reverses(found.b.blocks["wall_ns"], found.a.blocks["wall_ns"]):
            return "no-difference-shown", "reverses"
    return ("faster" if ratio.value < 1 else "slower"), "interval-excludes-1"
