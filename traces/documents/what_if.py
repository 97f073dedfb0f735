"""What the costs of launches predict, as `report --json` holds it."""

from __future__ import annotations

from typing import Annotated

from launchlens.traces.documents.structure import Structure, means
from launchlens.traces.studies.what_if import NotPredicted, OneLaunch, Predicted, PredictedSide, WhatIf
from launchlens.traces.studies.why_not import WHY_NOT

NOT_PREDICTED = "it is not predicted"


class PredictionRow(Structure, frozen=True, kw_only=True):
    """What an iteration should take by the costs of its launches."""

    ns: Annotated[int, means("time of one iteration: the larger of what host and device need", unit="ns")]
    interval_ns: Annotated[
        tuple[int, int],
        means("with every cost at the same end of its 95 % interval, and what points lie off their line", unit="ns"),
    ]
    host_ns: Annotated[int, means("what the host needs", unit="ns")]
    device_ns: Annotated[int, means("what the device needs for work as small as the probe's", unit="ns")]


class PredictedSideRow(Structure, frozen=True, kw_only=True):
    """A side that was timed, and what it should take by the costs."""

    variant: Annotated[str, means("the variant")]
    regime: Annotated[str, means("the regime")]
    predicted: Annotated[PredictionRow | None, means("what it should take", null=NOT_PREDICTED)]
    measured_ns: Annotated[int, means("its unprofiled time of one iteration", unit="ns")]
    off: Annotated[
        float | None,
        means("prediction less measurement, as a share of the measurement", null=NOT_PREDICTED),
    ]
    covered: Annotated[
        bool | None, means("whether the measured time lies within the prediction's interval", null=NOT_PREDICTED)
    ]
    not_predicted: Annotated[
        str | None,
        means(f"why not: one of {', '.join(f'`{code}`' for code in WHY_NOT)}", null="it is predicted"),
    ]
    path: Annotated[str | None, means("the way of launching that this is about", null="it is about none")]


class MeasuredRow(Structure, frozen=True, kw_only=True):
    """A variant that was measured with such a launch."""

    variant: Annotated[str, means("the variant")]
    ns: Annotated[int, means("its unprofiled time of one iteration", unit="ns")]
    off: Annotated[
        float | None, means("prediction less measurement, as a share of the measurement", null=NOT_PREDICTED)
    ]


class OneLaunchRow(Structure, frozen=True, kw_only=True):
    """What an iteration would take were its launches one."""

    regime: Annotated[str, means("the regime")]
    of: Annotated[list[str], means("the variants whose launches these are")]
    launches: Annotated[int, means("how many launches they make in an iteration")]
    path: Annotated[str, means("by which way the one launch would be made; in `graph`, that of the replay")]
    arguments: Annotated[int, means("how many arguments it would be given, of those that count on this path")]
    node: Annotated[str, means("what it is in a graph: `kernel` or `memcpy`")]
    flat_buffer: Annotated[bool, means("whether it could be made only of what lies in one buffer")]
    predicted: Annotated[PredictionRow, means("what an iteration would take")]
    measured: Annotated[
        list[MeasuredRow], means("the variants of this very structure that were timed; empty without any")
    ]


class WhatIfRow(Structure, frozen=True, kw_only=True):
    """What the costs of launches predict, held against what was timed."""

    median_error: Annotated[
        float | None,
        means("median of how far predictions are off, whichever way, as shares of measurements", null="there is none"),
    ]
    with_variants: Annotated[
        bool | None,
        means(
            "whether the costs were timed in the rounds of the variants; else the host may have drifted in between",
            null="it was not written down",
        ),
    ]
    predicted: Annotated[int, means("how many sides are predicted")]
    sides: Annotated[list[PredictedSideRow], means("every side, regime by regime, the fastest first")]
    were_one: Annotated[list[OneLaunchRow], means("sides of several launches, were these one")]


def what_if_row(found: WhatIf) -> WhatIfRow:
    """Predictions in whole ns."""
    return WhatIfRow(
        median_error=None if found.median_error is None else round(found.median_error, 4),
        with_variants=found.with_variants,
        predicted=len(found.errors),
        sides=[_side(each) for each in found.sides],
        were_one=[_one(each) for each in found.were_one],
    )


def _prediction(found: Predicted) -> PredictionRow:
    return PredictionRow(
        ns=round(found.ns),
        interval_ns=(round(found.low_ns), round(found.high_ns)),
        host_ns=round(found.host_ns),
        device_ns=round(found.device_ns),
    )


def _side(each: PredictedSide) -> PredictedSideRow:
    not_predicted = each.predicted if isinstance(each.predicted, NotPredicted) else None
    return PredictedSideRow(
        variant=each.side.variant,
        regime=each.side.regime,
        predicted=None if isinstance(each.predicted, NotPredicted) else _prediction(each.predicted),
        measured_ns=round(each.side.wall.value),
        off=None if each.off is None else round(each.off, 4),
        covered=each.covered,
        not_predicted=None if not_predicted is None else not_predicted.code,
        path=(not_predicted.path or None) if not_predicted is not None else None,
    )


def _one(each: OneLaunch) -> OneLaunchRow:
    return OneLaunchRow(
        regime=each.regime,
        of=[side.variant for side in each.of],
        launches=each.per_iteration,
        path=each.path,
        arguments=each.launch.arguments,
        node=each.launch.node,
        flat_buffer=each.of_flat_buffer,
        predicted=_prediction(each.predicted),
        measured=[
            MeasuredRow(
                variant=like.side.variant,
                ns=round(like.side.wall.value),
                off=None if like.off is None else round(like.off, 4),
            )
            for like in each.measured
        ],
    )
