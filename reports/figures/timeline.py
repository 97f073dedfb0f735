"""The timeline of one recorded iteration: host rows by nesting, GPU rows by stream, and lines from launch to work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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


def drawn_events(timeline: Timeline) -> pd.DataFrame:
    """At most EVENTS of the iteration's events, the longest, in time order; with columns `style` and `row`."""
    events = timeline.events.assign(length=timeline.events["end_ns"] - timeline.events["start_ns"])
    kept = events.sort_values("length", ascending=False, kind="stable").head(EVENTS).sort_index()
    host = kept["lane"] == "host"
    depth = kept["depth"].clip(upper=DEPTHS - 1)
    rows = int(depth[host].max()) + 1 if host.any() else 0
    known = sorted({int(stream) for stream in kept["stream"][~host].dropna()})
    streams: dict[int | None, int] = {stream: rows + index for index, stream in enumerate([*known, None])}
    row = [
        nested if on_host else streams[None if pd.isna(stream) else int(stream)]
        for nested, on_host, stream in zip(depth.tolist(), host, kept["stream"], strict=True)
    ]
    seen = zip(kept["kind"], kept["name"], kept["launch"].notna(), strict=True)
    return kept.assign(style=[_style(*event) for event in seen], row=row)


def summary(timeline: Timeline) -> list[Summary]:
    """Every event of the iteration by lane, kind and name: how many and how long in all, the host first."""
    events = timeline.events.assign(total=timeline.events["end_ns"] - timeline.events["start_ns"])
    groups = events.groupby(["lane", "kind", "name"], sort=False)["total"].agg(["size", "sum"])
    rows = [
        Summary(str(lane), str(kind), str(name), count, total)
        for (lane, kind, name), count, total in zip(
            groups.index, groups["size"].tolist(), groups["sum"].tolist(), strict=True
        )
    ]
    return sorted(rows, key=lambda row: (row.lane != "host", -row.total_ns))


def timeline_figure(id: str, variant: str, timeline: Timeline, longest_ns: float) -> Drawing:
    """Draw one iteration. `longest_ns` is the longest iteration of the regime: the scale that all can share."""
    events = drawn_events(timeline)
    rows = int(events["row"].max()) + 1 if len(events) else 1
    data = [_bars(part, str(style)) for style, part in events.groupby("style", sort=True)]
    data = [*([_lines(events)] if events["launch"].notna().any() else []), *data]
    host, gpu = events[events["lane"] == "host"], events[events["lane"] == "gpu"]
    ends = events["end_ns"].max() if len(events) else timeline.length_ns
    own, shared = us(max(ends, timeline.length_ns)) * 1.01, us(max(longest_ns, ends)) * 1.01
    says = (
        f"One recorded iteration of {variant}, {duration(timeline.length_ns)}: {len(host)} host events in"
        f" {host['row'].nunique()} rows and {len(gpu)} GPU activities, launches tied to their work"
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


def _bars(part: pd.DataFrame, style: str) -> Trace:
    colour, ink = STYLES[style]
    names = [str(name) for name in part["name"]]
    lengths = (part["end_ns"] - part["start_ns"]).tolist()
    return bar_trace(
        orientation="h",
        name=style,
        meta="timeline",
        x=[us(length) for length in lengths],
        base=[us(start) for start in part["start_ns"]],
        y=[row + 0.5 for row in part["row"]],
        width=0.82,
        marker={"color": colour, "line": {"width": 0.5, "color": "rgba(0,0,0,0.35)"}},
        text=[label(name, INSIDE) for name in names],
        textposition="inside",
        insidetextanchor="start",
        textangle=0,
        insidetextfont={"size": 11, "color": ink},
        hovertext=[
            f"{label(name, HOVER)}<br>{duration(length)} from {us(start):.3f} µs"
            for name, length, start in zip(names, lengths, part["start_ns"], strict=True)
        ],
        hoverinfo="text",
    )


def _lines(events: pd.DataFrame) -> Trace:
    """A line from the end of each launch call to the start of each piece of work that it caused."""
    tied = events[events["launch"].notna()]
    calls, work = (tied[tied["lane"] == lane] for lane in ("host", "gpu"))
    calls = calls.drop_duplicates("launch")
    ends = dict(zip(calls["launch"], zip(calls["end_ns"], calls["row"], strict=True), strict=True))
    x: list[float | None] = []
    y: list[float | None] = []
    for launch, start, row in zip(work["launch"], work["start_ns"], work["row"], strict=True):
        if launch in ends:
            end, above = ends[launch]
            x += [us(end), us(start), None]
            y += [float(above) + 0.91, float(row) + 0.09, None]
    line = {"width": 1, "color": GREY}
    return point_trace(x=x, y=y, mode="lines", line=line, hoverinfo="skip", name="caused")


def _lanes(host: pd.DataFrame, gpu: pd.DataFrame) -> list[tuple[int, str]]:
    named = [(int(host["row"].min()), "host")] if len(host) else []
    streams = gpu.drop_duplicates("row").sort_values("row")
    for row, stream in zip(streams["row"], streams["stream"], strict=True):
        named.append((int(row), "GPU" if len(streams) == 1 or pd.isna(stream) else f"stream {label(stream, 6)}"))
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
