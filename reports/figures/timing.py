"""The timing figure: every round's sample, the median and its interval, for all variants of one regime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from launchlens.reports.figures.drawing import (
    BLUE,
    GREEN,
    GREY,
    LOG_FROM,
    Drawing,
    Trace,
    draw,
    label,
    log_axis,
    point_trace,
    row_title,
    us,
)
from launchlens.traces.studies.side import Side
from launchlens.traces.units import duration, interval

#: Samples drawn per variant; more are thinned evenly (the interval rests on all of them).
SAMPLES = 300


def timing_figure(id: str, sides: Sequence[Side], control: Side | None, winners: Sequence[str]) -> Drawing:
    """Unprofiled wall time per iteration, fastest first; `control` is the baseline's second block, drawn last."""
    regime = sides[0].regime
    drawn = [*sides, *([control] if control is not None else [])]
    data, annotations = [], []
    for row, side in enumerate(drawn):
        again = side is control
        colour = GREY if again else GREEN if side.variant in winners else BLUE
        data += _row(side, row, colour, hollow=again)
        name = label(side.variant) + (", timed again" if again else "")
        annotations.append(row_title(row + 0.06, name, _numbers(side)))
    every = [us(value) for side in drawn for value in side.blocks["wall_ns"]]
    low, high = min(every), max(every)
    unit = "µs per iteration, unprofiled"
    axis: dict[str, Any] = {"type": "linear", "range": [0, high * 1.05]}
    if low > 0 and high / low > LOG_FROM:
        unit, axis = f"{unit} (logarithmic)", log_axis(low, high)
    says = f"Unprofiled time per iteration, {regime}, fastest first: " + "; ".join(
        f"{side.variant} {duration(side.wall.value)}" for side in sides
    )
    return draw(id, says, data=data, rows=len(drawn), row_height=50, unit=unit, axis=axis, annotations=annotations)


def _numbers(side: Side) -> str:
    bounds = interval(side.wall.interval, 1000)
    return f"{duration(side.wall.value)}" + ("" if bounds == "no interval" else f"  [{bounds}]")


def _row(side: Side, row: int, colour: str, *, hollow: bool) -> list[Trace]:
    samples = [us(value) for value in side.blocks["wall_ns"]]
    rounds = [int(number) for number in side.blocks.index]
    step = max(1, -(-len(samples) // SAMPLES))
    samples, rounds = samples[::step], rounds[::step]
    # spread by the golden ratio: evenly, never at random, so that the same capture gives the same page
    spread = [row + 0.68 + 0.28 * ((number * 0.618034) % 1 - 0.5) for number in range(len(samples))]
    faint = point_trace(
        x=samples,
        y=spread,
        mode="markers",
        marker={"color": colour, "size": 5, "opacity": 0.28},
        hovertext=[f"round {number}: {value:.3f} µs" for number, value in zip(rounds, samples, strict=True)],
        hoverinfo="text",
    )
    wall = side.wall
    error = None
    if wall.interval is not None:
        low, high = wall.interval
        error = {
            "type": "data",
            "symmetric": False,
            "array": [us(high - wall.value)],
            "arrayminus": [us(wall.value - low)],
            "color": colour,
            "thickness": 3,
            "width": 7,
        }
    dot = point_trace(
        x=[us(wall.value)],
        y=[row + 0.68],
        mode="markers",
        marker={"color": colour, "size": 11, "symbol": "circle-open" if hollow else "circle", "line": {"width": 2}},
        error_x=error,
        hovertext=[f"{label(side.variant)}: median {_numbers(side)} of {wall.samples} rounds"],
        hoverinfo="text",
    )
    return [faint, dot]
