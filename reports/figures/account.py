"""The account figure: one iteration of each variant by host state, with the device lane as a thinner bar beneath."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from launchlens.reports.figures.drawing import (
    DEVICE_COLOURS,
    GREY,
    HOST_COLOURS,
    Drawing,
    Trace,
    bar_trace,
    draw,
    label,
    point_trace,
    row_title,
    us,
)
from launchlens.reports.words.codes import DEVICE_WORDS, HOST_WORDS
from launchlens.traces.account import DEVICE_STATES, HOST_STATES
from launchlens.traces.studies.side import Side
from launchlens.traces.units import duration, times

HOST_AT, HOST_HIGH = 0.53, 0.36
DEVICE_AT, DEVICE_HIGH = 0.82, 0.16


def account_figure(id: str, sides: Sequence[Side]) -> Drawing:
    """Profiled time of one iteration, cut by host state and by device state; a mark at the unprofiled time.

    `sides` are of one regime and all have a recording. A side whose trace holds no device event gets no device bar.
    """
    regime = sides[0].regime
    data = [_host_bars(sides, state) for state in HOST_STATES]
    data += [_device_bars(sides, state) for state in DEVICE_STATES]
    data = [bars for bars in data if any(bars["x"])]
    data.append(_marks(sides))
    titles = [row_title(row + 0.05, label(side.variant), _numbers(side)) for row, side in enumerate(sides)]
    marks = [_mark(side, row) for row, side in enumerate(sides)]
    says = f"Where one recorded iteration goes, {regime}: " + "; ".join(
        f"{side.variant} {_spoken(side)}" for side in sides
    )
    return draw(
        id,
        says,
        data=data,
        rows=len(sides),
        row_height=66,
        unit="µs per iteration, under the profiler",
        axis={"rangemode": "tozero"},
        annotations=titles,
        shapes=marks,
    )


def _host_bars(sides: Sequence[Side], state: str) -> Trace:
    amounts = [side.recording.per_iteration.host() if side.recording else {} for side in sides]
    values, before = _bars(amounts, HOST_STATES, state)
    return bar_trace(
        orientation="h",
        name=state,
        meta="host",
        x=values,
        base=before,
        y=[row + HOST_AT for row in range(len(sides))],
        width=HOST_HIGH,
        marker={"color": HOST_COLOURS[state], "line": {"width": 0}},
        hovertext=[f"{label(side.variant)}<br>{state}: {value:.3f} µs<br>{HOST_WORDS[state]}"
                   for side, value in zip(sides, values, strict=True)],
        hoverinfo="text",
    )  # fmt: skip


def _device_bars(sides: Sequence[Side], state: str) -> Trace:
    known = [side.recording is not None and side.recording.device is not None for side in sides]
    amounts = [
        side.recording.per_iteration.on_device() if side.recording and seen else {}
        for side, seen in zip(sides, known, strict=True)
    ]
    values, before = _bars(amounts, DEVICE_STATES, state)
    return bar_trace(
        orientation="h",
        name=state,
        meta="device",
        x=values,
        base=before,
        y=[row + DEVICE_AT for row in range(len(sides))],
        width=DEVICE_HIGH,
        marker={"color": DEVICE_COLOURS[state], "line": {"width": 0.5, "color": GREY}},
        hovertext=[f"{label(side.variant)}<br>{DEVICE_WORDS[state]}: {value:.3f} µs"
                   for side, value in zip(sides, values, strict=True)],
        hoverinfo="text",
    )  # fmt: skip


def _bars(amounts: Sequence[Mapping[str, float]], states: Sequence[str], state: str) -> tuple[list[float], list[float]]:
    """How long each side's bar of a state is, and where it begins: behind those of the states before it."""
    before = states[: states.index(state)]
    lengths = [us(amount.get(state, 0.0)) for amount in amounts]
    return lengths, [us(sum(amount.get(each, 0.0) for each in before)) for amount in amounts]


def _marks(sides: Sequence[Side]) -> Trace:
    """Points to hover at, at the top of each mark."""
    return point_trace(
        x=[us(side.wall.value) for side in sides],
        y=[row + HOST_AT - HOST_HIGH / 2 for row in range(len(sides))],
        mode="markers",
        name="unprofiled",
        meta="mark",
        marker={"symbol": "triangle-down", "size": 10, "color": "#444"},
        hovertext=[f"{label(side.variant)}<br>without a profiler: {duration(side.wall.value)}" for side in sides],
        hoverinfo="text",
    )


def _mark(side: Side, row: int) -> dict[str, object]:
    at = us(side.wall.value)
    known = side.recording is not None and side.recording.device is not None
    top, bottom = (
        row + HOST_AT - HOST_HIGH / 2,
        row + (DEVICE_AT + DEVICE_HIGH / 2 if known else HOST_AT + HOST_HIGH / 2),
    )
    return {"type": "line", "x0": at, "x1": at, "y0": top, "y1": bottom, "line": {"width": 2, "color": "#444"}}


def _numbers(side: Side) -> str:
    assert side.recording is not None and side.inflation is not None
    return f"{duration(side.recording.profiled_ns)}  ({times(side.inflation)} unprofiled)"


def _spoken(side: Side) -> str:
    assert side.recording is not None
    parts = [f"{state} {duration(ns)}" for state, ns in side.recording.per_iteration.host().items() if ns]
    return ", ".join(parts)
