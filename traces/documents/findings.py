"""The findings of a verdict: what the numbers of a study say, a structure a code, with the figures that each rests on.

Words are made of them in `launchlens.reports.words.verdict`. Times are per iteration.
"""

from __future__ import annotations

import typing
from typing import Annotated, Literal

from launchlens.traces.account import LaneName
from launchlens.traces.captures.capture import Status
from launchlens.traces.documents.estimate import TOO_FEW, EstimateRow
from launchlens.traces.documents.structure import Structure, means
from launchlens.traces.gate.check import Takes
from launchlens.traces.problems import Severity
from launchlens.traces.studies.compare import Verdict
from launchlens.traces.studies.side import Bound
from launchlens.traces.studies.steadiness import Cause

WALL = "unprofiled wall time of one iteration"
OF_BOTH = "the baseline's, then the variant's"


class Finding(Structure, tag_field="code", frozen=True, kw_only=True):
    """One thing that the numbers say, and in which regime."""

    regime: Annotated[str | None, means("the regime that it is about", null="it is about all of them")]

    @property
    def code(self) -> str:
        """What scripts tell findings by."""
        return str(self.__struct_config__.tag)


class UnsoundDataFigures(Structure, frozen=True, kw_only=True):
    """The figures of `UnsoundData`."""

    problem: Annotated[str, means("which kind: one of the codes in [problems](problems.md)")]
    severity: Annotated[Severity, means("`error`: something is not said because of it; `warning`: know it first")]
    count: Annotated[int, means("how many cases")]
    where: Annotated[str, means("the file of the capture that it was met in")]
    meaning: Annotated[str, means("one sentence for people, with what exactly was met")]
    takes: Annotated[
        Takes,
        means(
            "what its sides lose: the `verdict` of every comparison, all that rests on their `recording`, the parts by the `light`"
            " recorder, or `nothing`"
        ),
    ]
    sides: Annotated[list[tuple[str, str]], means("the sides that it concerns: variant and regime of each")]


class UnsoundData(Finding, tag="unsound-data", frozen=True, kw_only=True):
    """The capture contradicts itself, or the machine did not keep still: said before any other finding."""

    figures: Annotated[UnsoundDataFigures, means("what it rests on")]


class UnstableFigures(Structure, frozen=True, kw_only=True):
    """The figures of `Unstable`."""

    cause: Annotated[
        Cause,
        means(
            "`too-few-rounds`: for an interval; `control-excludes-1`: the baseline is not as fast as itself; `baseline-bimodal`: it "
            "has two speeds; `baseline-drifts`: its last third is not as fast as its first"
        ),
    ]
    baseline: Annotated[str, means("the baseline")]
    value: Annotated[
        float,
        means("how many rounds; the baseline's time over its own; slower over faster; last third over first"),
    ]
    interval: Annotated[
        tuple[float, float] | None, means("95 % interval, low and high", null="the cause is not `control-excludes-1`")
    ]
    limit: Annotated[float, means("what `value` (a ratio: less 1) is held against: a threshold of `doctor --json`")]


class Unstable(Finding, tag="unstable", frozen=True, kw_only=True):
    """The timing of a regime does not hold still, or is too short; ranks that it could reverse are withheld."""

    figures: Annotated[UnstableFigures, means("what it rests on")]


class FastestFigures(Structure, frozen=True, kw_only=True):
    """The figures of `Fastest`."""

    variant: Annotated[str, means("the variant that leads: no other is shown faster than it")]
    wall: Annotated[EstimateRow, means(WALL, unit="ns")]
    ties: Annotated[list[str], means("variants that may be the fastest as well, at 95 % for all of them together")]
    all_tie: Annotated[bool, means("whether that is all others")]
    baseline: Annotated[str | None, means("the baseline", null="it was not timed in this regime")]
    baseline_wall: Annotated[EstimateRow | None, means("the baseline's time", unit="ns", null="`baseline` is null")]
    baseline_ratio: Annotated[
        EstimateRow | None,
        means(
            "the baseline's time over the variant's",
            null="`baseline` is null, or the variant, or a tie, or may not be compared",
        ),
    ]


class Fastest(Finding, tag="fastest", frozen=True, kw_only=True):
    """Which variant is fastest in a regime."""

    figures: Annotated[FastestFigures, means("what it rests on")]


class BaselineAloneFigures(Structure, frozen=True, kw_only=True):
    """The figures of `BaselineAlone`."""

    variant: Annotated[str, means("the variant")]
    wall: Annotated[EstimateRow, means(WALL, unit="ns")]


class BaselineAlone(Finding, tag="baseline-alone", frozen=True, kw_only=True):
    """Only one variant was timed in a regime."""

    figures: Annotated[BaselineAloneFigures, means("what it rests on")]


class WinnerFigures(Structure, frozen=True, kw_only=True):
    """The figures of `WinnerChanges` and `WinnerSame`."""

    winners: Annotated[
        dict[str, list[str]], means("the variants that may be the fastest, the one that leads first", key="regime")
    ]
    common: Annotated[list[str], means("variants that are among them in every regime")]
    flips: Annotated[list[str], means("variants shown faster than the baseline in one regime and slower in another")]


class WinnerChanges(Finding, tag="winner-changes", frozen=True, kw_only=True):
    """No variant is among the fastest in every regime."""

    figures: Annotated[WinnerFigures, means("what it rests on")]


class WinnerSame(Finding, tag="winner-same", frozen=True, kw_only=True):
    """Some variants are among the fastest in every regime."""

    figures: Annotated[WinnerFigures, means("what it rests on")]


class AgainstFigures(Structure, frozen=True, kw_only=True):
    """The figures of `AgainstBaseline`."""

    variant: Annotated[str, means("the variant")]
    baseline: Annotated[str, means("the baseline")]
    verdict: Annotated[Verdict, means("what is shown of the variant, against the baseline")]
    reasons: Annotated[list[str], means("codes of the reasons, as a comparison has them")]
    ratio: Annotated[EstimateRow, means("the variant's time over the baseline's")]
    p_adjusted: Annotated[
        float | None,
        means("p of the difference after Holm's correction, as a comparison has it", null="there were too few rounds"),
    ]
    wall: Annotated[EstimateRow, means(WALL, unit="ns")]
    baseline_wall: Annotated[EstimateRow, means("the baseline's time", unit="ns")]


class AgainstBaseline(Finding, tag="against-baseline", frozen=True, kw_only=True):
    """A variant against the baseline."""

    figures: Annotated[AgainstFigures, means("what it rests on")]


class NamedPart(Structure, frozen=True, kw_only=True):
    """A part of the unprofiled difference that is worth a word."""

    lane: Annotated[LaneName, means("`host` or `device`")]
    state: Annotated[str, means("what is spent more, or less: a state of the lane")]
    ns: Annotated[float, means("what the variant spends more of it", unit="ns")]
    interval: Annotated[tuple[float, float] | None, means("its 95 % interval", unit="ns", null=TOO_FEW)]


class UnprofiledParts(Structure, frozen=True, kw_only=True):
    """What the unprofiled difference is made of, by the light recorder."""

    closes: Annotated[bool, means("whether the parts explain it: else a side leaves too much unattributed")]
    changes_pace: Annotated[bool, means("whether one side waits for the host and the other for the device")]
    named: Annotated[list[NamedPart], means("the parts that are larger than what is not attributed, the largest first")]
    not_attributed_ns: Annotated[float, means("what no part accounts for", unit="ns")]
    closure: Annotated[tuple[float, float], means(f"share of the time that is not attributed: {OF_BOTH}")]


class WhyFigures(Structure, frozen=True, kw_only=True):
    """The figures of `Why`. Host and device parts are of the recorded run; those below a tenth of the difference are left out."""

    variant: Annotated[str, means("the variant")]
    baseline: Annotated[str, means("the baseline")]
    difference_ns: Annotated[float, means("what the variant's recorded iteration takes more", unit="ns")]
    unprofiled_difference_ns: Annotated[float, means("the same without the profiler", unit="ns")]
    split_by: Annotated[LaneName, means("the lane that explains it")]
    host_parts: Annotated[dict[str, float], means("the difference", unit="ns", key="host state")]
    device_parts: Annotated[dict[str, float], means("the difference", unit="ns", key="device state")]
    intervals: Annotated[
        dict[str, tuple[float, float]],
        means(
            "95 % intervals of all parts of the lane that explains it; none where blocks are not paired",
            unit="ns",
            key="state",
        ),
    ]
    unprofiled: Annotated[
        UnprofiledParts | None,
        means("the parts of the unprofiled difference", null="the light recorder did not see both"),
    ]
    launches: Annotated[tuple[float, float], means(f"launches: {OF_BOTH}")]
    cost_per_launch_ns: Annotated[
        tuple[float | None, float | None],
        means(f"time in one launching call, mean: {OF_BOTH}; null without launches", unit="ns"),
    ]
    gpu_busy_ns: Annotated[
        tuple[float | None, float | None],
        means(f"how long the GPU was busy: {OF_BOTH}; null where that is not known", unit="ns"),
    ]


class Why(Finding, tag="why", frozen=True, kw_only=True):
    """Why a variant is faster or slower than the baseline."""

    figures: Annotated[WhyFigures, means("what it rests on")]


class BoundFigures(Structure, frozen=True, kw_only=True):
    """The figures of `BoundBy`."""

    variant: Annotated[str, means("the variant")]
    bound: Annotated[Bound, means("what it waits for, as [definitions](../definitions.md) say")]
    host_share: Annotated[float, means("host time as a share of wall time, unprofiled")]
    gpu_busy_share: Annotated[
        float | None,
        means("recorded GPU busy time as a share of unprofiled wall time", null="it is not known how busy it was"),
    ]
    wall_ns: Annotated[float, means(WALL, unit="ns")]
    gpu_busy_ns: Annotated[
        float | None, means("how long the GPU was busy in a recorded iteration", unit="ns", null="that is not known")
    ]


class BoundBy(Finding, tag="bound", frozen=True, kw_only=True):
    """What a variant waits for."""

    figures: Annotated[BoundFigures, means("what it rests on")]


class ControlFigures(Structure, frozen=True, kw_only=True):
    """The figures of `Control`."""

    baseline: Annotated[str, means("the baseline")]
    value: Annotated[float, means("the ratio of its second blocks of the rounds to its first: the bias of the timing")]
    interval: Annotated[tuple[float, float] | None, means("95 % interval, low and high", null=TOO_FEW)]
    excludes_1: Annotated[bool, means("whether the interval does not cover 1: ratios must then exceed `value`")]
    noise: Annotated[
        float | None,
        means("how far one balanced pair of rounds lies from the others, as a share of the time", null=TOO_FEW),
    ]
    samples: Annotated[int, means("how many rounds have both")]


class Control(Finding, tag="control", frozen=True, kw_only=True):
    """The baseline timed against itself (the A/A control)."""

    figures: Annotated[ControlFigures, means("what it rests on")]


class InflationFigures(Structure, frozen=True, kw_only=True):
    """The figures of `Inflation`."""

    factors: Annotated[dict[str, float], means("recorded time over unprofiled time", key="variant")]
    parts_of: Annotated[
        Literal["unprofiled", "recorded"],
        means("which run the parts of this regime are of: `unprofiled` where the light recorder saw every side"),
    ]


class Inflation(Finding, tag="inflation", frozen=True, kw_only=True):
    """How far the profiler stretches an iteration."""

    figures: Annotated[InflationFigures, means("what it rests on")]


class NoFigures(Structure, frozen=True, kw_only=True):
    """No figures."""


class Incomplete(Finding, tag="incomplete", frozen=True, kw_only=True):
    """The run was interrupted, and what is said rests on what had been measured by then."""

    figures: Annotated[NoFigures, means("none")] = NoFigures()


class NotMeasuredFigures(Structure, frozen=True, kw_only=True):
    """The figures of `NotMeasured`."""

    variant: Annotated[str, means("the variant")]
    status: Annotated[Status, means("what became of it")]
    why: Annotated[str | None, means("why, in a sentence", null="no reason was recorded")]


class NotMeasured(Finding, tag="not-measured", frozen=True, kw_only=True):
    """A variant was not measured in a regime."""

    figures: Annotated[NotMeasuredFigures, means("what it rests on")]


AnyFinding = (
    UnsoundData
    | Unstable
    | Fastest
    | BaselineAlone
    | WinnerChanges
    | WinnerSame
    | AgainstBaseline
    | Why
    | BoundBy
    | Control
    | Inflation
    | Incomplete
    | NotMeasured
)
#: The order in which a verdict states them.
ORDER: tuple[type[Finding], ...] = typing.get_args(AnyFinding)
