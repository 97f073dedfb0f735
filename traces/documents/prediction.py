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
    predicted_ns: Annotated[float | None, means("time of an iteration", unit="ns", null="it is not predicted")]
    interval_ns: Annotated[tuple[float, float] | None, means("its interval", unit="ns", null="it is not predicted")]
    error: Annotated[
        float | None, means("± e: how far the interval's further end is from it, a share", null="it is not predicted")
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
        dict[str, str | None], means("the variant that should be fastest; null where none is predicted", key="regime")
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
        pace=each.by,
        why_not=each.why_not,
    )
