"""The probe `backlog`: how long each variant keeps the device busy without gaps, beside the time it takes called eagerly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from launchlens.reports.figures.drawing import (
    BLUE,
    GREEN,
    LOG_FROM,
    Drawing,
    Trace,
    draw,
    label,
    log_axis,
    point_trace,
    row_title,
    short,
    us,
)
from launchlens.reports.words.figure import between
from launchlens.reports.words.probes.answer import doubt
from launchlens.traces.captures.probe_codes import backlog as codes
from launchlens.traces.captures.probes import Probe, ProbeFigure
from launchlens.traces.units import duration

#: What the dots are called.
DEVICE, EAGER = "device time behind a backlog", "eager time"
COLOURS = {DEVICE: GREEN, EAGER: BLUE}
#: Variants drawn; the table beside the figure holds more.
VARIANTS = 40
#: Times that are drawn, ns: below them a clock's step, above them eleven days.
LEAST_NS, MOST_NS = 1.0, 1e15
#: Where the two dots of a row stand.
PLACES = {DEVICE: 0.56, EAGER: 0.8}


@dataclass(frozen=True)
class Pair:
    """The two times of one variant."""

    variant: str
    device: ProbeFigure
    eager: ProbeFigure

    @property
    def times(self) -> dict[str, ProbeFigure]:
        return {DEVICE: self.device, EAGER: self.eager}


def pairs(probe: Probe) -> list[Pair]:
    """The variants of a probe's figures that have both times. None of a probe whose answer doesn't count."""
    if probe.id != codes.ID or doubt(probe):
        return []
    made = []
    for device in probe.figures:
        eager = probe.figure(codes.WALL_TIME, of=device.of, under=codes.EAGER)
        is_one = (device.what, device.under) == (codes.DEVICE_TIME, codes.BEHIND)
        if is_one and eager is not None and _is_time(device) and _is_time(eager):
            made.append(Pair(device.of, device, eager))
    return made[:VARIANTS]


def _is_time(figure: ProbeFigure) -> bool:
    return figure.unit == "ns" and LEAST_NS <= _ns(figure) <= MOST_NS


def _ns(figure: ProbeFigure) -> float:
    return figure.value or 0.0


def backlog_figure(id: str, found: Sequence[Pair]) -> Drawing:
    """Two dots per variant, one over the other, each with its interval."""
    every = [_ns(figure) for pair in found for figure in pair.times.values()]
    low, high = us(min(every)), us(max(every))
    unit, axis = "µs per iteration", {"range": [0, high * 1.05]}
    if high / low > LOG_FROM:
        unit, axis = f"{unit} (logarithmic)", log_axis(low, high)
    titles = [row_title(row + 0.04, label(pair.variant), _numbers(pair)) for row, pair in enumerate(found)]
    says = "Device time behind a backlog, and eager time, in µs per iteration: " + "; ".join(
        f"{short(pair.variant)} {duration(_ns(pair.device))} and {duration(_ns(pair.eager))}" for pair in found
    )
    data = [_dots(name, colour, found, low / 1.25) for name, colour in COLOURS.items()]
    return draw(id, says, data=data, rows=len(found), row_height=56, unit=unit, axis=axis, annotations=titles)


def _numbers(pair: Pair) -> str:
    return f"{duration(_ns(pair.device))} on the device, {duration(_ns(pair.eager))} eagerly"


def _dots(name: str, colour: str, found: Sequence[Pair], least: float) -> Trace:
    times = [pair.times[name] for pair in found]
    values = [us(_ns(figure)) for figure in times]
    bounds = [figure.interval or (_ns(figure), _ns(figure)) for figure in times]
    return point_trace(
        x=values,
        y=[row + PLACES[name] for row in range(len(found))],
        mode="markers",
        name=name,
        meta=codes.ID,
        marker={"color": colour, "size": 11},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [max(us(high) - at, 0.0) for at, (_, high) in zip(values, bounds, strict=True)],
            # a logarithmic axis has no 0: a whisker ends where the axis does
            "arrayminus": [max(at - max(us(low), least), 0.0) for at, (low, _) in zip(values, bounds, strict=True)],
            "color": colour,
            "thickness": 3,
            "width": 7,
        },
        hovertext=[
            f"{label(pair.variant)}<br>{name}: {duration(_ns(figure))}"
            + (f" ({between(figure)})" if figure.interval else "")
            for pair, figure in zip(found, times, strict=True)
        ],
        hoverinfo="text",
    )
