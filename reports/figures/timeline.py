"""The timeline of one recorded iteration: host rows by nesting, GPU rows by stream, and lines from launch to work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from launchlens.reports.figures.drawing import (
    BOTTOM,
    DEVICE_COLOURS,
    GREY,
    HOST_COLOURS,
    TOP,
    Drawing,
    Trace,
    bar_trace,
    draw,
    label,
    point_trace,
    us,
)
from launchlens.traces.launches.apis import waits
from launchlens.traces.timeline import Timeline
from launchlens.traces.units import duration

#: Events drawn of one iteration; of more, the longest. A browser draws this many per variant without a pause.
EVENTS = 400
#: Host rows drawn; what nests deeper shares the last one.
DEPTHS = 12
#: Characters of a name written into a bar, and kept for hovering.
INSIDE, HOVER = 40, 160

#: What an event is drawn as: text colours that can be read on the bar's own.
STYLES: Mapping[str, tuple[str, str]] = {
    "range": ("#C9CCD1", "#111"),
    "dispatch": (HOST_COLOURS["dispatch"], "#111"),
    "launch": (HOST_COLOURS["launch"], "#fff"),
    "sync": (HOST_COLOURS["sync"], "#111"),
    "api": (HOST_COLOURS["api"], "#111"),
    "profiler": (HOST_COLOURS["profiler"], "#111"),
    "kernel": (DEVICE_COLOURS["kernel"], "#fff"),
    "memcpy": (DEVICE_COLOURS["memcpy"], "#111"),
    "memset": (DEVICE_COLOURS["memset"], "#111"),
    "graph": (DEVICE_COLOURS["graph"], "#111"),
}


@dataclass(frozen=True)
class Summary:
    """Events of one name in one iteration, for the table that stands beside the figure."""

    lane: str
    kind: str
    name: str
    count: int
    total_ns: int


class _Event(NamedTuple):
    """An event that is drawn: columns of `drawn_events`, as Python's own, None where absent."""

    on_host: bool
    name: str
    start_ns: int
    end_ns: int
    stream: int | None
    launch: int | None
    style: str
    row: int


def drawn_events(timeline: Timeline) -> pd.DataFrame:
    """At most EVENTS of the iteration's events, the longest, in time order; with columns `style` and `row`."""
    kept = timeline.events
    if len(kept) > EVENTS:
        length = kept["end_ns"].to_numpy() - kept["start_ns"].to_numpy()
        kept = kept.iloc[np.sort(np.argsort(-length, kind="stable")[:EVENTS])]
    on_host = [lane == "host" for lane in kept["lane"].tolist()]
    depth, stream = kept["depth"].tolist(), _whole(kept["stream"])
    rows = min(max((nested for nested, here in zip(depth, on_host, strict=True) if here), default=-1), DEPTHS - 1) + 1
    known = sorted({number for number, here in zip(stream, on_host, strict=True) if not here and number is not None})
    streams: dict[int | None, int] = {number: rows + index for index, number in enumerate([*known, None])}
    row = [
        min(nested, DEPTHS - 1) if here else streams[number]
        for nested, here, number in zip(depth, on_host, stream, strict=True)
    ]
    seen = zip(kept["kind"].tolist(), kept["name"].tolist(), _whole(kept["launch"]), strict=True)
    return kept.assign(style=[_style(kind, name, launch is not None) for kind, name, launch in seen], row=row)


def _whole(column: pd.Series[Any]) -> list[int | None]:
    """The whole numbers of a column, None where there is none."""
    return [None if pd.isna(number) else int(number) for number in column.tolist()]


def _events(frame: pd.DataFrame) -> list[_Event]:
    """The rows of `drawn_events`, to be asked one by one: pandas takes longer to find some of so few than to hand all over."""
    columns = (
        (frame["lane"] == "host").tolist(),
        *(frame[name].tolist() for name in ("name", "start_ns", "end_ns")),
        *(_whole(frame[name]) for name in ("stream", "launch")),
        *(frame[name].tolist() for name in ("style", "row")),
    )
    return [_Event(*cells) for cells in zip(*columns, strict=True)]


def summary(timeline: Timeline) -> list[Summary]:
    """Every event of the iteration by lane, kind and name: how many and how long in all, the host first."""
    lengths: dict[tuple[str, str, str], list[int]] = {}
    columns = (timeline.events[name].tolist() for name in ("lane", "kind", "name", "start_ns", "end_ns"))
    for lane, kind, name, start, end in zip(*columns, strict=True):
        lengths.setdefault((lane, kind, name), []).append(end - start)
    rows = [Summary(*key, len(each), sum(each)) for key, each in lengths.items()]
    return sorted(rows, key=lambda row: (row.lane != "host", -row.total_ns))


def timeline_figure(id: str, variant: str, timeline: Timeline, longest_ns: float) -> Drawing:
    """Draw one iteration. `longest_ns` is the longest iteration of the regime: the scale that all can share."""
    events = _events(drawn_events(timeline))
    rows = max((each.row for each in events), default=0) + 1
    styles = sorted({each.style for each in events})
    data = [_bars([each for each in events if each.style == style], style) for style in styles]
    data = [*([_lines(events)] if any(each.launch is not None for each in events) else []), *data]
    host, gpu = ([each for each in events if each.on_host == on_host] for on_host in (True, False))
    ends = max((each.end_ns for each in events), default=timeline.length_ns)
    own, shared = us(max(ends, timeline.length_ns)) * 1.01, us(max(longest_ns, ends)) * 1.01
    says = (
        f"One recorded iteration of {variant}, {duration(timeline.length_ns)}: {len(host)} host events in"
        f" {len({each.row for each in host})} rows and {len(gpu)} GPU activities, launches tied to their work"
    )
    return draw(
        id,
        says,
        data=data,
        rows=rows + 0.1,
        row_height=27,
        unit="µs from the iteration's start, under the profiler",
        axis={"range": [0, shared], "fixedrange": False},
        annotations=[_lane_name(row, text) for row, text in _lanes(host, gpu)],
        extra={"own": own, "shared": shared, "zoom": True},
        frame={"margin": {"l": 58, "r": 18, "t": TOP, "b": BOTTOM}, "uniformtext": {"mode": "hide", "minsize": 10}},
    )


def _style(kind: str, name: str, launches: bool) -> str:
    if kind == "api":
        return "launch" if launches else "sync" if waits(name) else "api"
    return {"op": "dispatch", "overhead": "profiler"}.get(kind, kind if kind in STYLES else "api")


def _bars(part: Sequence[_Event], style: str) -> Trace:
    colour, ink = STYLES[style]
    return bar_trace(
        orientation="h",
        name=style,
        meta="timeline",
        x=[us(each.end_ns - each.start_ns) for each in part],
        base=[us(each.start_ns) for each in part],
        y=[each.row + 0.5 for each in part],
        width=0.82,
        marker={"color": colour, "line": {"width": 0.5, "color": "rgba(0,0,0,0.35)"}},
        text=[label(each.name, INSIDE) for each in part],
        textposition="inside",
        insidetextanchor="start",
        textangle=0,
        insidetextfont={"size": 11, "color": ink},
        hovertext=[
            f"{label(each.name, HOVER)}<br>{duration(each.end_ns - each.start_ns)} from {us(each.start_ns):.3f} µs"
            for each in part
        ],
        hoverinfo="text",
    )


def _lines(events: Sequence[_Event]) -> Trace:
    """A line from the end of each launch call to the start of each piece of work that it caused."""
    calls: dict[int | None, _Event] = {}
    for each in events:
        if each.on_host:
            calls.setdefault(each.launch, each)
    x: list[float | None] = []
    y: list[float | None] = []
    for each in events:
        if not each.on_host and each.launch is not None and each.launch in calls:
            call = calls[each.launch]
            x += [us(call.end_ns), us(each.start_ns), None]
            y += [call.row + 0.91, each.row + 0.09, None]
    line = {"width": 1, "color": GREY}
    return point_trace(x=x, y=y, mode="lines", line=line, hoverinfo="skip", name="caused")


def _lanes(host: Sequence[_Event], gpu: Sequence[_Event]) -> list[tuple[int, str]]:
    named = [(min(each.row for each in host), "host")] if host else []
    streams: dict[int, int | None] = {}
    for each in gpu:
        streams.setdefault(each.row, each.stream)
    for row, stream in sorted(streams.items()):
        named.append((row, "GPU" if len(streams) == 1 or stream is None else f"stream {label(stream, 6)}"))
    return named


def _lane_name(row: int, text: str) -> dict[str, Any]:
    return {
        "xref": "paper",
        "x": 0,
        "xanchor": "right",
        "xshift": -6,
        "y": row + 0.5,
        "yanchor": "middle",
        "showarrow": False,
        "text": text,
    }
