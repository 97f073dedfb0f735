"""What `report SWEEP --json` prints."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from launchlens.traces.documents.estimate import EstimateRow
from launchlens.traces.documents.prediction import PredictionRow
from launchlens.traces.documents.structure import Document, Structure, means
from launchlens.traces.sweeps.crossings import Course
from launchlens.traces.sweeps.model import Lane, Part
from launchlens.traces.sweeps.sweep import Axis, Setting

RECORD = "as the [record](sweep.md) has it"


class WithinRow(Structure, frozen=True, kw_only=True):
    """The values of an axis that a rule is for, both ends among them."""

    axis: Annotated[str, means("the axis")]
    low: Annotated[Setting | None, means("the least", null="there is no end")]
    high: Annotated[Setting | None, means("the largest", null="there is no end")]


class ChoiceRow(Structure, frozen=True, kw_only=True):
    """A rule: which variant to take where."""

    regime: Annotated[str, means("the regime")]
    where: Annotated[list[WithinRow], means("where it holds, an entry an axis that has values between")]
    choice: Annotated[str, means("the variant to take")]
    points: Annotated[int, means("points of the first grid that it rests on")]
    mean_loss: Annotated[float, means("how much longer it takes than the fastest of each point, on average, a share")]
    worst_loss: Annotated[float, means("the same at the worst point")]


class CellRow(Structure, frozen=True, kw_only=True):
    """A cell of the map."""

    regime: Annotated[str, means("the regime")]
    point: Annotated[int, means("number of the point")]
    leader: Annotated[str, means("the variant that took least")]
    decided: Annotated[bool, means("whether it is shown to be faster than all others")]
    may_be_best: Annotated[list[str], means("those that are not shown to be slower than another, by their times")]
    wall_ns: Annotated[EstimateRow, means("time of an iteration of the leader", unit="ns")]
    runner_up: Annotated[str | None, means("the next", null="it was timed alone")]
    ratio: Annotated[EstimateRow | None, means("the next one's time over the leader's", null="it was timed alone")]


class CrossingRow(Structure, frozen=True, kw_only=True):
    """A place where one variant overtakes another."""

    faster_beyond: Annotated[str, means("the variant that is faster beyond it")]
    at: Annotated[float, means("the value of the axis, read off between the points around it")]
    interval: Annotated[
        tuple[float, float],
        means(
            "95 % interval of that, by a bootstrap over the pairs of rounds of these points and the way between them"
        ),
    ]
    between: Annotated[
        tuple[float, float],
        means("the last point at which the one order is shown, and the first at which the other is"),
    ]


class LineRow(Structure, frozen=True, kw_only=True):
    """Two variants along an axis, the others held."""

    regime: Annotated[str, means("the regime")]
    variant: Annotated[str, means("the one")]
    against: Annotated[str, means("the other")]
    axis: Annotated[str, means("the axis")]
    fixed: Annotated[dict[str, Setting], means("the values of the others", key="axis")]
    course: Annotated[Course, means("whether they turn over, or what is shown of the one wherever anything is")]
    points: Annotated[list[int], means("the numbers of its points")]
    values: Annotated[list[float], means("their values of the axis")]
    ratios: Annotated[list[EstimateRow], means("the one's time over the other's at each")]
    crossings: Annotated[list[CrossingRow], means("where they turn over; empty where they don't")]


class TimeRow(Structure, frozen=True, kw_only=True):
    """A side at a point."""

    point: Annotated[int, means("number of the point")]
    variant: Annotated[str, means("the variant")]
    regime: Annotated[str, means("the regime")]
    wall_ns: Annotated[EstimateRow, means("unprofiled time of one iteration", unit="ns")]


class ConstantRow(Structure, frozen=True, kw_only=True):
    """A constant of the cost model."""

    variant: Annotated[str, means("the variant")]
    launch_path: Annotated[str | None, means("its way of launching", null="it is not declared")]
    regime: Annotated[str | None, means("the regime", null="it is of both")]
    lane: Annotated[Lane, means("whether the host or the device needs it")]
    part: Annotated[
        Part,
        means(
            "what costs it; `byte-near` is in reach of the caches, `byte-far` beyond them, `byte-item` a byte for each further item"
        ),
    ]
    ns: Annotated[float, means("what one of it takes", unit="ns")]
    interval_ns: Annotated[tuple[float, float] | None, means("95 % interval", unit="ns", null="too few points")]
    limit_ns: Annotated[
        float | None,
        means("what it takes at least, by the hardware or the plainest code", unit="ns", null="nothing tells"),
    ]
    limit: Annotated[str | None, means("what that limit is, in words", null="nothing tells")]


class CheckedRow(Structure, frozen=True, kw_only=True):
    """A side at a point that was held out, predicted and measured."""

    point: Annotated[int, means("number of the point")]
    measured_ns: Annotated[float, means("unprofiled time of one iteration", unit="ns")]
    usual_ns: Annotated[float, means("the same, less what it owes to the host's pace in these seconds", unit="ns")]
    pace: Annotated[
        float,
        means(
            "how much longer than usual the host took there, a share: by the reference, or where none was timed by the other variants; 0 where nothing tells"
        ),
    ]
    prediction: Annotated[PredictionRow, means("what was predicted of it")]
    off: Annotated[float | None, means("prediction less `usual_ns`, as a share of that", null="not predicted")]
    off_as_measured: Annotated[
        float | None, means("prediction less `measured_ns`, as a share of that", null="not predicted")
    ]
    covered: Annotated[bool | None, means("whether the interval covers `usual_ns`", null="not predicted")]


class ValidationRow(Structure, frozen=True, kw_only=True):
    """How right the model is at the points held out."""

    sides: Annotated[int, means("variants, regimes and points that were held out and measured")]
    predicted: Annotated[int, means("of how many something was predicted")]
    median_error: Annotated[
        float | None, means("the median error, whichever way, a share", null="nothing was predicted")
    ]
    worst_error: Annotated[float | None, means("the largest", null="nothing was predicted")]
    median_error_as_measured: Annotated[
        float | None, means("the median error without what is known of the host's pace", null="nothing was predicted")
    ]
    worst_error_as_measured: Annotated[float | None, means("the largest of these", null="nothing was predicted")]
    coverage: Annotated[float | None, means("the share that ± e covers", null="nothing was predicted")]
    choices: Annotated[int, means("points and regimes at which the choice was predicted")]
    open_choices: Annotated[
        int, means("points and regimes at which several variants may be the fastest by what was predicted")
    ]
    open_right: Annotated[int, means("of how many of these the fastest is one of them")]
    winner_right: Annotated[
        float | None,
        means(
            "the share at which the predicted choice is the fastest or within the margin of it",
            null="no choice was predicted",
        ),
    ]
    winner_not_shown_wrong: Annotated[
        float | None,
        means(
            "the same, those counted as well that are not shown to be slower than another",
            null="no choice was predicted",
        ),
    ]
    checked: Annotated[list[CheckedRow], means("every one of them")]


class NotSweptRow(Structure, frozen=True, kw_only=True):
    """What was not measured."""

    variant: Annotated[str, means("the variant")]
    regime: Annotated[str, means("the regime")]
    status: Annotated[str, means("what became of it")]
    why: Annotated[str | None, means("why, in a sentence", null="no reason was recorded")]
    points: Annotated[int, means("at how many points")]


class PointRow(Structure, frozen=True, kw_only=True):
    """A point."""

    index: Annotated[int, means("its number")]
    settings: Annotated[dict[str, Setting], means("a value of each axis", key="axis")]
    held_out: Annotated[bool, means("whether it is for judging predictions, and never fitted")]
    stage: Annotated[str, means("`coarse` or `refinement`")]


class SweepReportDocument(Document, tag_field="format", tag="launchlens.sweep-report/1", frozen=True, kw_only=True):
    """A sweep worked out: the best choice, the map, where variants overtake each other, and the cost model."""

    printed_by: ClassVar = ("report SWEEP --json",)
    history: ClassVar = (("launchlens.sweep-report/1", "the first"),)

    sweep: Annotated[str, means("where it lies")]
    recorded_at: Annotated[str, means(f"when, {RECORD}")]
    complete: Annotated[bool, means("whether it came to its end")]
    device: Annotated[str, means("`cuda` or `cpu`")]
    workload: Annotated[dict[str, Any], means(f"what was measured, {RECORD}")]
    environment: Annotated[dict[str, Any], means(f"on what, {RECORD}")]
    timing: Annotated[dict[str, Any], means(f"how it was timed, {RECORD}")]
    minutes: Annotated[float, means("how many minutes it was to take at most")]
    used_minutes: Annotated[float, means("how many minutes it took")]
    axes: Annotated[list[Axis], means("the axes")]
    baseline: Annotated[str, means("the variant that all others are compared with")]
    sentences: Annotated[list[str], means("the answer in words")]
    choices: Annotated[list[ChoiceRow], means("the best choice as rules")]
    points: Annotated[list[PointRow], means("the points that were timed")]
    winners: Annotated[list[CellRow], means("the map: a row a point and regime")]
    lines: Annotated[list[LineRow], means("two variants along each axis, and where they turn over")]
    times: Annotated[list[TimeRow], means("every side at every point")]
    constants: Annotated[list[ConstantRow], means("the constants of the cost model")]
    validation: Annotated[ValidationRow, means("the cost model against the points held out")]
    not_measured: Annotated[list[NotSweptRow], means("what was not measured, and why")]
