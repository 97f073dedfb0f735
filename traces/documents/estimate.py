"""A measured value in a document, with its interval."""

from __future__ import annotations

from typing import Annotated

from launchlens.traces.documents.structure import Structure, means
from launchlens.traces.statistics import Estimate

TOO_FEW = "there were too few samples for one"


class EstimateRow(Structure, frozen=True, kw_only=True):
    """A value, its 95 % interval and the number of samples."""

    value: Annotated[float, means("the median, or what pairs of rounds estimate, in the unit of what holds it")]
    interval: Annotated[
        tuple[float, float] | None, means("95 % interval, low and high, in the same unit", null=TOO_FEW)
    ]
    samples: Annotated[int, means("how many samples (rounds, blocks) it rests on")]


def estimate_row(estimate: Estimate) -> EstimateRow:
    """An estimate as documents hold it."""
    return EstimateRow(value=estimate.value, interval=estimate.interval, samples=estimate.samples)
