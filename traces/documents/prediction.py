"""What `predict --json` prints."""

from __future__ import annotations

from typing import Annotated, ClassVar

from launchlens.traces.documents.structure import Document, Structure, means
from launchlens.traces.sweeps.model import Lane, Prediction, WhyNot
from launchlens.traces.sweeps.sweep import Setting


class PredictionRow(Structure, frozen=True, kw_only=True):
    """What an iteration of a variant should take in a regime."""

    variant: Annotated[str, means("the variant")]
    regime: Annotated[str, means("the regime")]
    predicted_ns: Annotated[
        float | None, means("time of an iteration at the host's usual pace", unit="ns", null="it is not predicted")
    ]
    interval_ns: Annotated[tuple[float, float] | None, means("its interval", unit="ns", null="it is not predicted")]
    error: Annotated[
        float | None, means("± e: how far the interval's further end is from it, a share", null="it is not predicted")
    ]
    at_pace_ns: Annotated[
        tuple[float, float] | None,
        means(
            "the same where the host is as fast, and as slow, as at one point in twenty of the sweep each",
            unit="ns",
            null="it is not predicted",
        ),
    ]
    pace: Annotated[Lane | None, means("which of host and device needs longer", null="it is not predicted")]
    why_not: Annotated[WhyNot | None, means("why it is not predicted", null="it is")]


class PredictionDocument(Document, tag_field="format", tag="launchlens.prediction/1", frozen=True, kw_only=True):
    """What each variant should take at some settings, by the cost model of a sweep; nothing was measured for it."""

    printed_by: ClassVar = ("predict [SWEEP] --json",)
    history: ClassVar = (("launchlens.prediction/1", "the first"),)

    sweep: Annotated[str, means("where the sweep lies whose model it is")]
    workload: Annotated[str, means("name of the workload")]
    machine: Annotated[str, means("what the sweep was measured on")]
    settings: Annotated[dict[str, Setting], means("a value of each axis", key="axis")]
    best: Annotated[
        dict[str, str | None],
        means("the variant that should be fastest; null where it isn't told from others", key="regime"),
    ]
    may_be_best: Annotated[
        dict[str, list[str]],
        means("all that may be the fastest by what is predicted, the likeliest first", key="regime"),
    ]
    predictions: Annotated[list[PredictionRow], means("a row a variant and regime")]


def prediction_row(each: Prediction) -> PredictionRow:
    """A prediction as documents hold it."""
    return PredictionRow(
        variant=each.variant,
        regime=each.regime,
        predicted_ns=each.ns,
        interval_ns=None if each.low_ns is None or each.high_ns is None else (each.low_ns, each.high_ns),
        error=each.error,
        at_pace_ns=None if each.fast_ns is None or each.slow_ns is None else (each.fast_ns, each.slow_ns),
        pace=each.by,
        why_not=each.why_not,
    )
