"""The ladders of the probe `launch-ladder`: each a bar made of its steps, with what they leave over and a mark at the whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from launchlens.reports.figures.drawing import (
    Drawing,
    Trace,
    bar_trace,
    draw,
    label,
    point_trace,
    row_title,
    short,
    us,
)
from launchlens.reports.figures.ladder_steps import COLOURS, Ladder
from launchlens.reports.words.figure import between
from launchlens.traces.units import duration

#: What the mark of a row is called.
WHOLE = "whole"
#: Where a row's bar stands in it, and how high it is.
BAR_AT, BAR_HIGH = 0.62, 0.44


def ladder_figure(id: str, found: Sequence[Ladder]) -> Drawing:
    """A bar per ladder: steps from 0 up, those below 0 to its left, so that what they leave ends at the whole's mark."""
    data = [bar for row, ladder in enumerate(found) for bar in _bars(row, ladder)]
    data.append(_wholes(found))
    marks = [_mark(row, us(ladder.whole_ns)) for row, ladder in enumerate(found)]
    marks += [_mark(row, 0.0) for row, ladder in enumerate(found) if any(step.ns < 0 for step in ladder.steps)]
    titles = [row_title(row + 0.04, label(ladder.name), duration(ladder.whole_ns)) for row, ladder in enumerate(found)]
    says = "What one launch is made of: " + "; ".join(
        f"{short(ladder.name)} {duration(ladder.whole_ns)} ({us(ladder.whole_ns):.2f} µs), of which "
        + ", ".join(f"{short(step.name)} {step.time}" for step in ladder.steps)
        for ladder in found
    )
    return draw(
        id,
        says,
        data=data,
        rows=len(found),
        row_height=60,
        unit="µs per call",
        axis={"rangemode": "tozero"},
        annotations=titles,
        shapes=marks,
        frame={"uniformtext": {"mode": "hide", "minsize": 10}},
    )


def _bars(row: int, ladder: Ladder) -> list[Any]:
    above, below, bars = 0.0, 0.0, []
    for step in ladder.steps:
        start = above if step.ns >= 0 else below
        above, below = above + max(step.ns, 0.0), below + min(step.ns, 0.0)
        bars.append(
            bar_trace(
                orientation="h",
                name=label(step.name),
                meta="ladder",
                x=[us(step.ns)],
                base=[us(start)],
                y=[row + BAR_AT],
                width=BAR_HIGH,
                marker={"color": step.colour, "line": {"width": 0}},
                text=[label(step.name)],
                textposition="inside",
                insidetextanchor="middle",
                textangle=0,
                insidetextfont={"color": COLOURS.get(step.colour, "#111")},
                hovertext=[f"{label(ladder.name)}<br>{label(step.text, 120)}"],
                hoverinfo="text",
            )
        )
    return bars


def _wholes(found: Sequence[Ladder]) -> Trace:
    """Points to hover at, at the top of each mark, with the interval of the whole."""
    bounds = [ladder.whole.interval or (ladder.whole_ns, ladder.whole_ns) for ladder in found]
    return point_trace(
        x=[us(ladder.whole_ns) for ladder in found],
        y=[row + BAR_AT - BAR_HIGH / 2 for row in range(len(found))],
        mode="markers",
        name=WHOLE,
        meta=WHOLE,
        marker={"symbol": "triangle-down", "size": 10, "color": "#444"},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [us(max(high - ladder.whole_ns, 0.0)) for ladder, (_, high) in zip(found, bounds, strict=True)],
            "arrayminus": [us(max(ladder.whole_ns - low, 0.0)) for ladder, (low, _) in zip(found, bounds, strict=True)],
            "color": "#444",
            "thickness": 1.5,
            "width": 4,
        },
        hovertext=[
            f"{label(ladder.name)}<br>{WHOLE}: {duration(ladder.whole_ns)}"
            + (f" ({between(ladder.whole)})" if ladder.whole.interval else "")
            for ladder in found
        ],
        hoverinfo="text",
    )


def _mark(row: int, at: float) -> dict[str, object]:
    """A line through the bar of a row at `at` µs."""
    top, bottom = row + BAR_AT - BAR_HIGH / 2, row + BAR_AT + BAR_HIGH / 2
    return {"type": "line", "x0": at, "x1": at, "y0": top, "y1": bottom, "line": {"width": 2, "color": "#444"}}
