"""The rows of a table of differences as bars, to the right what takes longer, to the left what takes less."""

from __future__ import annotations

from collections.abc import Sequence

from launchlens.reports.figures.drawing import (
    BLUE,
    VERMILLION,
    Drawing,
    bar_trace,
    draw,
    label,
    row_title,
)
from launchlens.traces.documents.trace_comparison import DifferenceRow
from launchlens.traces.units import signed_duration

#: So many rows are drawn: the largest differences.
MOST = 12
_AT, _HIGH = 0.68, 0.42


def differences_figure(id: str, rows: Sequence[DifferenceRow]) -> Drawing:
    """The largest differences of a typical step, over an axis of time."""
    chosen = sorted(rows, key=lambda row: -abs(row.difference_ns))[:MOST]
    widest = max((abs(row.difference_ns) for row in chosen), default=0) or 1
    scale, unit = (1e6, "ms") if widest >= 2_000_000 else (1e3, "µs")
    texts = [signed_duration(row.difference_ns) for row in chosen]
    bars = bar_trace(
        orientation="h",
        x=[row.difference_ns / scale for row in chosen],
        y=[at + _AT for at in range(len(chosen))],
        width=_HIGH,
        marker={"color": [VERMILLION if row.difference_ns > 0 else BLUE for row in chosen], "line": {"width": 0}},
        hovertext=[label(f"{row.name}: {text}, {row.status}", 200) for row, text in zip(chosen, texts, strict=True)],
        hoverinfo="text",
    )
    titles = [
        row_title(at, label(f"{row.name}, {text}", 80))
        for at, (row, text) in enumerate(zip(chosen, texts, strict=True))
    ]
    said = "; ".join(f"{row.name} {text}" for row, text in zip(chosen, texts, strict=True))
    reach = 1.05 * widest / scale
    return draw(
        id, f"What a typical step takes more or less of: {said}", data=[bars], rows=len(chosen), row_height=44, unit=f"{unit}, more or less",
        annotations=titles, axis={"range": [-reach, reach], "zeroline": True},
    )  # fmt: skip
