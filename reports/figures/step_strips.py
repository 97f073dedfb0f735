"""The timeline of one step as strips: ranges, advice, what threads do, what the GPU waits for, what runs on its streams.

A colour never stands alone: pieces of threads and gaps begin with a letter, streams hold the names of what runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from launchlens.reports.blocks import Box, Strip, Strips, Style
from launchlens.reports.figures.drawing import (
    BLUE,
    DEVICE_COLOURS,
    GREEN,
    HOST_COLOURS,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    YELLOW,
    short,
)
from launchlens.traces.analyses.kernel_names import short_name
from launchlens.traces.step_timelines import StepTimeline, TimelineLane
from launchlens.traces.steps.pieces import Piece
from launchlens.traces.units import duration

#: Characters of a name in a box, and of what is told to who points at it.
INSIDE, TOLD = 48, 200
_DARK, _LIGHT = "#111", "#fff"
_VERSION = re.compile(r"_v\d+$")

#: By code: states of threads, which are causes of gaps as well, causes of gaps alone, and kinds of GPU work.
STYLES: dict[str, Style] = {
    style.code: style
    for style in (
        Style("python", BLUE, _LIGHT, "P", "Python"),
        Style("dispatch", ORANGE, _DARK, "D", "framework op"),
        Style("launch", VERMILLION, _LIGHT, "L", "launch call"),
        Style("api", PURPLE, _DARK, "A", "other API call"),
        Style("sync", SKY, _DARK, "S", "synchronisation"),
        Style("waiting", HOST_COLOURS["waiting"], _DARK, "W", "waits for another thread"),
        Style("profiler", "#777777", _LIGHT, "O", "overhead of the profiler"),
        Style("data", YELLOW, _DARK, "F", "fetching data"),
        Style("copy", "#B08D57", _DARK, "C", "copy waited for"),
        Style("communication-waited-for", "#882255", _LIGHT, "N", "communication waited for"),
        Style("dependency", "#44AA99", _DARK, "Q", "queued behind other work"),
        Style("launch-latency", "#DDCC77", _DARK, "Y", "latency of a launch"),
        Style("allocation", "#332288", _LIGHT, "M", "memory got or given back"),
        Style("not-recorded", "#BBBBBB", _DARK, "?", "nothing recorded"),
        Style("unknown", "#E7B8D0", _DARK, "U", "cause unknown"),
        Style("gpu-unknown", "#F4DDE8", _DARK, "X", "not known whether anything ran"),
        Style("kernel", GREEN, _LIGHT, "", "kernel"),
        Style("memcpy", YELLOW, _DARK, "", "memcpy"),
        Style("memset", DEVICE_COLOURS["memset"], _DARK, "", "memset"),
        Style("communication", DEVICE_COLOURS["communication"], _LIGHT, "", "collective"),
        Style("graph", DEVICE_COLOURS["graph"], _DARK, "", "graph, recorded whole"),
        Style("range", "#C9CCD1", _DARK, "", "range of the author"),
        Style("advice", "#2F6B3A", _LIGHT, "", "what advice rests on"),
    )
}  # fmt: skip
#: The style of a cause of gaps, where it is called otherwise.
_OF_CAUSE = {
    "host-python": "python",
    "host-dispatch": "dispatch",
    "host-launch": "launch",
    "host-api": "api",
    "communication": "communication-waited-for",
}

#: Where a piece of a lane leads to on the page, and what it is called there itself; empty for nowhere and nothing.
Place = Callable[[TimelineLane, Piece], str]


def step_strips(
    id: str, timeline: StepTimeline, leads_to: Place, anchor: Place, kernels: Mapping[str, str] | None = None
) -> Strips:
    """Draw one step. `kernels` are short names of kernels, told apart, by their names."""
    names = kernels or {}
    whole = max(timeline.length_ns, 1)
    strips, met = [], dict.fromkeys(STYLES, False)
    for lane in timeline.lanes:
        boxes = []
        for piece in lane.pieces:
            style = _style(lane, piece)
            met[style.code] = True
            boxes.append(
                Box(
                    piece.start_ns / whole,
                    piece.length_ns / whole,
                    style.code,
                    _inside(lane, piece, style, names),
                    _told(lane, piece, style, names),
                    leads_to(lane, piece),
                    anchor(lane, piece),
                    piece.count > 1,
                )
            )
        strips.append(Strip(lane.title, tuple(boxes), lettered=lane.kind in ("thread", "gaps")))
    says = f"What host and GPU did in {timeline.name}, {duration(timeline.length_ns)}, over time"
    styles = tuple(STYLES[code] for code, is_met in met.items() if is_met)
    return Strips(id, says, timeline.length_ns, tuple(strips), styles, _notes(timeline))


def _style(lane: TimelineLane, piece: Piece) -> Style:
    code = _OF_CAUSE.get(piece.what, piece.what) if lane.kind == "gaps" else piece.what
    return STYLES.get(code, STYLES["kernel"])


def _inside(lane: TimelineLane, piece: Piece, style: Style, names: Mapping[str, str]) -> str:
    if lane.kind == "gaps":
        return f"{style.letter} {style.words}"
    name = f"{piece.count:,} short ones" if piece.count > 1 else _name(lane, piece, names)
    return f"{style.letter} {short(name, INSIDE)}".strip()


def _name(lane: TimelineLane, piece: Piece, names: Mapping[str, str]) -> str:
    if lane.kind in ("stream", "advice"):
        return names.get(piece.name) or short_name(piece.name)
    return unversioned(piece.name) if lane.kind == "thread" else piece.name


def unversioned(call: str) -> str:
    """The name of an API call without the version that a recorder adds to it."""
    return _VERSION.sub("", call)


def _told(lane: TimelineLane, piece: Piece, style: Style, names: Mapping[str, str]) -> str:
    """What a piece is, how long it takes, and from when on."""
    at = f"from {duration(piece.start_ns)} on"
    if piece.count > 1:
        gaps = "gaps" if lane.kind == "gaps" else "pieces"
        mostly = "" if lane.kind in ("ranges", "advice") else f", mostly {style.words}"
        return f"{piece.count:,} short {gaps}, {duration(piece.busy_ns)} of these {duration(piece.length_ns)}, {at}{mostly}"
    said = f"{style.words}, {duration(piece.length_ns)}, {at}"
    if lane.kind == "gaps":
        return f"GPU idle: {said}, {short(piece.around, TOLD)}" if piece.around else said
    name = short(_name(lane, piece, names), TOLD)
    within = (
        f" in {short(piece.around, TOLD)}" if lane.kind == "thread" and piece.around not in ("", piece.name) else ""
    )
    return f"{said}: {name}{within}" if name else said


def _notes(timeline: StepTimeline) -> tuple[str, ...]:
    notes = ["No box is drawn thinner than a pixel."]
    several = sum(piece.count for lane in timeline.lanes for piece in lane.pieces if piece.count > 1)
    if several:
        notes.append(
            f"Dashed boxes stand for several: {several:,} pieces too short to be drawn each by itself. `launchlens open` shows them all, "
            "with the same gaps and places marked."
        )
    if timeline.left_out:
        notes.append(f"Not drawn: {', '.join(timeline.left_out)}, which do less in this time.")
    return tuple(notes)
