"""The map of a sweep: a cell a point, the letter of the fastest in it; and the lines behind it, ratios along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10
from typing import Any

from launchlens.reports.figures.drawing import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    YELLOW,
    Drawing,
    Trace,
    draw,
    label,
    point_trace,
)
from launchlens.reports.words.sweep import letters, setting
from launchlens.traces.sweeps.crossings import Line
from launchlens.traces.sweeps.study import SweepStudy
from launchlens.traces.sweeps.sweep import Axis, Setting
from launchlens.traces.sweeps.winners import Cell
from launchlens.traces.units import duration, ends, interval, times

#: Fills by variant, light enough for black letters; letters tell them apart without colour.
FILLS = ("#9ECAE9", "#FFD8A8", "#A8DDB5", "#F4A582", "#CAB2D6", "#FFF3A3", "#C7C7C7", "#8DD3C7", "#F7B6D2", "#DBDB8D")
OPEN = "rgba(153,153,153,0.10)"
#: Colours and dashes of lines, told apart by either.
COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, GREY, YELLOW)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
ROW, LINES_HEIGHT, MOST_LINES = 34, 300, 8


def letters_of(study: SweepStudy) -> dict[str, str]:
    """A letter for each variant, the same in every regime."""
    names = dict.fromkeys(name for regime in study.regimes for name in study.variants(regime))
    return dict(letters(list(names)))


def map_figure(id: str, study: SweepStudy, regime: str, fixed: dict[str, Setting]) -> Drawing:
    """The map of a regime over the first two axes, at `fixed` values of the others."""
    axes = study.sweep.record.axes
    across, down = axes[0], axes[1] if len(axes) > 1 else None
    columns = list(across.values)
    rows: list[Setting | None] = list(reversed(down.values)) if down is not None else [None]
    marks = letters_of(study)
    order = list(marks)
    at = {
        (point.settings[across.name], None if down is None else point.settings[down.name]): cell
        for point in study.sweep.record.points
        if all(point.settings[name] == value for name, value in fixed.items())
        and (cell := study.cell(point.index, regime)) is not None
    }
    shades: list[list[int | None]] = []
    texts, hovers = [], []
    for row in rows:
        cells = [at.get((column, row)) for column in columns]
        shades.append(
            [
                order.index(cell.leader) + 1 if cell is not None and cell.decided else 0 if cell else None
                for cell in cells
            ]
        )
        texts.append(
            [
                ""
                if cell is None
                else "/".join(marks[name] for name in cell.may_be_best[:3]) + ("…" if len(cell.may_be_best) > 3 else "")
                for cell in cells
            ]
        )
        hovers.append([_hover(cell, across, column, down, row) for cell, column in zip(cells, columns, strict=True)])
    count = len(order)
    scale: list[list[Any]] = []
    for place in range(count + 1):
        colour = OPEN if place == 0 else FILLS[(place - 1) % len(FILLS)]
        scale += [[place / (count + 1), colour], [(place + 1) / (count + 1), colour]]
    heat = Trace(
        type="heatmap",
        z=shades,
        x=[setting(across, value) for value in columns],
        y=["" if down is None or value is None else setting(down, value) for value in rows],
        text=texts,
        texttemplate="<b>%{text}</b>",
        textfont={"color": "#111", "size": 12},
        hovertext=hovers,
        hoverinfo="text",
        colorscale=scale,
        zmin=-0.5,
        zmax=count + 0.5,
        showscale=False,
        xgap=2,
        ygap=2,
    )
    decided = sum(cell.decided for cell in at.values())
    says = (
        f"The fastest at each point, {regime}: {decided} of {len(at)} cells are decided; in an open cell letters are joined. "
        + "; ".join(f"{marks[name]} {name}" for name in order)
    )
    vertical = {} if down is None else {"title": {"text": _title(down), "font": {"size": 12}}}
    return draw(
        id,
        says,
        data=[heat],
        rows=max(len(rows), 2),
        row_height=ROW,
        unit=_title(across),
        axis={"type": "category", "showgrid": False},
        frame={
            "margin": {"l": 76 if down is not None else 6, "r": 10, "t": 6, "b": 48},
            "yaxis": {"type": "category", "autorange": "reversed", "fixedrange": True, "showgrid": False, "ticks": ""}
            | vertical,
        },
    )


def _title(axis: Axis) -> str:
    return label(axis.name)


def _hover(cell: Cell | None, across: Axis, column: Setting, down: Axis | None, row: Setting | None) -> str:
    place = f"{label(across.name)} {setting(across, column)}"
    if down is not None and row is not None:
        place += f", {label(down.name)} {setting(down, row)}"
    if cell is None:
        return f"{place}: not measured"
    text = f"{place}<br>{label(cell.leader)}: {duration(cell.time.value)}"
    if cell.time.interval is not None:
        text += f" [{interval(cell.time.interval, 1000)} µs]"
    if cell.ratio is not None and cell.runner_up is not None:
        text += f"<br>next: {label(cell.runner_up)}, {times(cell.ratio.value)}"
        text += f" [{ends(*cell.ratio.interval)}]" if cell.ratio.interval is not None else ""
    if not cell.decided:
        text += f"<br>not told apart: {', '.join(label(name) for name in cell.may_be_best)}"
    return text


def lines_figure(id: str, lines: Sequence[Line], axis: Axis) -> Drawing:
    """Ratios of one pair along an axis with their intervals, a line for each value of the others (at most MOST_LINES, evenly taken)."""
    step = max(1, -(-len(lines) // MOST_LINES))
    shown = lines[::step]
    data: list[Any] = []
    lowest, highest = 1.0, 1.0
    for place, line in enumerate(shown):
        colour, dash = COLOURS[place % len(COLOURS)], DASHES[place % len(DASHES)]
        found = [line.ratios.as_ratio(row) for row in line.rows]
        values = [each.value for each in found]
        lows = [each.low if each.low is not None else each.value for each in found]
        highs = [each.high if each.high is not None else each.value for each in found]
        lowest, highest = min(lowest, *lows), max(highest, *highs)
        name = ", ".join(f"{label(key)} {value}" for key, value in line.fixed) or label(line.variant)
        data.append(
            point_trace(
                x=list(line.values),
                y=values,
                mode="lines+markers",
                name=name,
                line={"color": colour, "dash": dash, "width": 2},
                marker={"size": 6, "color": colour},
                error_y={
                    "type": "data",
                    "symmetric": False,
                    "array": [high - value for high, value in zip(highs, values, strict=True)],
                    "arrayminus": [value - low for low, value in zip(lows, values, strict=True)],
                    "thickness": 1,
                    "width": 3,
                },
                hovertext=[
                    f"{name}, {label(axis.name)} {setting(axis, at)}: {times(each.value)} [{interval(each.interval)}]"
                    for at, each in zip(line.values, found, strict=True)
                ],
                hoverinfo="text",
            )
        )
    first = shown[0]
    says = f"Time of {first.variant} over that of {first.against} along {axis.name}, {first.regime}; below 1 {first.variant} is faster."
    by_factor = axis.scale == "log2" and min(line.values[0] for line in shown) > 0
    one = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 1, "y1": 1, "line": {"color": GREY, "width": 1}}
    return draw(
        id,
        says,
        data=data,
        rows=1,
        row_height=LINES_HEIGHT,
        unit=_title(axis),
        axis={"type": "log" if by_factor else "linear"}
        | ({"dtick": log10(2) * 2} if by_factor and not axis.unit else {}),
        shapes=[one],
        frame={
            "margin": {"l": 56, "r": 10, "t": 6, "b": 48},
            "showlegend": len(shown) > 1,
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "font": {"size": 11}},
            "yaxis": {
                "type": "log",
                "title": {"text": f"{label(first.variant)} / {label(first.against)}", "font": {"size": 12}},
                "fixedrange": True,
                "range": [log10(lowest / 1.1), log10(highest * 1.1)],
            },
        },
    )
