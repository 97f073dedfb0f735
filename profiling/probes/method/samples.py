"""From samples to what a probe gives of them: figures with an interval, cells of a table, and whether a thing agrees with itself."""

from __future__ import annotations

from collections.abc import Sequence

from launchlens.traces.captures.probes import Cell, Control, ProbeFigure
from launchlens.traces.control import takes_as_long
from launchlens.traces.statistics import Estimate, paired_ratio


def estimated(found: Estimate, what: str, unit: str = "ns", out_of: int | None = None, **fields: str) -> ProbeFigure:
    """A figure: the estimate's value in `unit`, with its interval. `fields` are those of a `FigureKey`."""
    return ProbeFigure(what=what, **fields, value=found.value, unit=unit, out_of=out_of, interval=found.interval)


def cells(found: Estimate | None) -> tuple[Cell, Cell, Cell]:
    """An estimate in a table: value, low, high; empty cells where there is none."""
    return (None, None, None) if found is None else (found.value, *(found.interval or (None, None)))


def aa_control(name: str, first: Sequence[float], again: Sequence[float]) -> Control:
    """The A/A control: the same thing measured twice a round agrees with itself."""
    what = f"A/A: {name}, measured twice a round, agrees with itself"
    if not first or len(first) != len(again):
        return Control(what, False, "it was not measured twice in every round")
    ratio = paired_ratio(again, first)
    return Control(what, takes_as_long(ratio), f"the second took {ratio_in_words(ratio)} of the first's time")


def paired(above: Sequence[float], below: Sequence[float]) -> Estimate | None:
    """The ratio of two figures, paired by round; None where they were not both measured in every round."""
    return paired_ratio(above, below) if above and len(above) == len(below) else None


def ratio_in_words(ratio: Estimate) -> str:
    """`1.003 × (0.998 – 1.010)`."""
    if ratio.interval is None:
        return f"{ratio.value:.3f} × (too few samples for an interval)"
    return f"{ratio.value:.3f} × ({ratio.interval[0]:.3f} – {ratio.interval[1]:.3f})"
