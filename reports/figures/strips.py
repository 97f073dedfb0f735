"""Strips and bars as plotly figures, for notebooks: a page draws them itself, and lets one find one's way in them."""

from __future__ import annotations

from collections.abc import Sequence

from launchlens.reports.blocks import Bar, Strips
from launchlens.reports.figures.drawing import (
    Drawing,
    bar_trace,
    draw,
    label,
    row_title,
)

#: Where in its row a bar lies, below the row's name, and how high it is.
_AT, _HIGH = 0.68, 0.52


def strips_figure(strips: Strips) -> Drawing:
    """Lanes over one time axis; whatever box is pointed at says what it is. It can be magnified by dragging."""
    scale, unit = (1e6, "ms") if strips.length_ns >= 2_000_000 else (1e3, "µs")
    whole = strips.length_ns / scale
    data = []
    for style in strips.styles:
        met = [(row, box) for row, strip in enumerate(strips.strips) for box in strip.boxes if box.style == style.code]
        data.append(
            bar_trace(
                orientation="h",
                name=style.words,
                x=[box.length * whole for _, box in met],
                base=[box.start * whole for _, box in met],
                y=[row + _AT for row, _ in met],
                width=_HIGH,
                marker={"color": style.colour, "line": {"width": 0.5, "color": "#fff"}},
                text=[label(box.text) for _, box in met],
                textposition="inside",
                insidetextanchor="start",
                textfont={"color": style.ink},
                textangle=0,
                hovertext=[label(box.says, 200) for _, box in met],
                hoverinfo="text",
            )
        )
    titles = [row_title(row, label(strip.title)) for row, strip in enumerate(strips.strips)]
    return draw(
        strips.id, strips.says, data=data, rows=len(strips.strips), row_height=52, unit=unit, annotations=titles,
        axis={"range": [0, whole], "fixedrange": False},
        frame={"dragmode": "zoom", "uniformtext": {"mode": "hide", "minsize": 9}},
    )  # fmt: skip


def bars_figure(id: str, bars: Sequence[Bar], whole_ns: int) -> Drawing:
    """Bars cut into parts of one whole, over a time axis."""
    scale, unit = (1e6, "ms") if whole_ns >= 2_000_000 else (1e3, "µs")
    data = []
    for row, bar in enumerate(bars):
        before = 0.0
        for colour, words, share, text in bar.parts:
            data.append(
                bar_trace(
                    orientation="h",
                    name=words,
                    x=[share * whole_ns / scale],
                    base=[before * whole_ns / scale],
                    y=[row + _AT],
                    width=_HIGH,
                    marker={"color": colour, "line": {"width": 0}},
                    text=[label(f"{words}, {text}", 200)],
                    textposition="inside",
                    insidetextanchor="start",
                    textangle=0,
                    hovertext=[label(f"{words}: {text}", 200)],
                    hoverinfo="text",
                )
            )
            before += share
    titles = [row_title(row, label(bar.title)) for row, bar in enumerate(bars)]
    said = "; ".join(f"{bar.title}: {', '.join(f'{words} {text}' for _, words, _, text in bar.parts)}" for bar in bars)
    return draw(
        id, f"Where the time goes. {said}", data=data, rows=len(bars), row_height=60, unit=unit, annotations=titles,
        axis={"range": [0, whole_ns / scale]},
        frame={"uniformtext": {"mode": "hide", "minsize": 9}},
    )  # fmt: skip
