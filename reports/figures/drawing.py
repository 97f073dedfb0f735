"""What every figure of the report shares: colours, labels that can't be mistaken for markup, and the frame around rows.

A figure is a stack of rows, each with its name above it rather than beside it, so that the same picture reads on a
phone and on a wide screen. Colours are set by `templates/style.css` where they depend on light or dark.

Figures are plain data as plotly's script takes them: a page needs nothing of plotly's Python, which takes longer than all else.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

#: What plotly calls a trace: bars, points or fields with one style.
Trace = dict[str, Any]

#: Okabe and Ito's palette, told apart with any common colour vision ("Color Universal Design", 2008).
ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILLION, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#999999"

HOST_COLOURS = {
    "python": BLUE,
    "dispatch": ORANGE,
    "launch": VERMILLION,
    "sync": SKY,
    "api": PURPLE,
    "profiler": GREY,
    "waiting": "#A6CEE3",
    "not-recorded": "rgba(153,153,153,0.22)",
}
DEVICE_COLOURS = {
    "kernel": GREEN,
    "memcpy": YELLOW,
    "memset": "#B08D57",
    "kernel+memcpy": "#78C679",
    "communication": "#882255",
    "kernel+communication": "#6A5ACD",
    "communication+memcpy": "#CC6677",
    "graph": "#44AA99",
    "unknown": "#E7B8D0",
    "idle": "rgba(153,153,153,0.22)",
}
#: Names longer than this are shortened on a figure; the page's tables hold more of them.
LABEL = 40
#: A time axis is logarithmic when the longest time on it is more than this many times the shortest.
LOG_FROM = 6.0
#: Pixels above the first row and below the last one (the axis and its title).
TOP, BOTTOM = 6, 48
#: No style but the figure's own: the template that plotly calls `none`.
PLAIN = {"data": {"scatter": [{"type": "scatter"}]}}


@dataclass(frozen=True)
class Drawing:
    """A figure and what stands for it where it can't be seen.

    `data` are its traces and `layout` the frame around them. `says` describes it in a sentence or two (its aria-label); `extra` is what
    the page's script needs to know of it.
    """

    id: str
    says: str
    height: int
    data: Sequence[Trace]
    layout: Mapping[str, Any]
    extra: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def figure(self) -> go.Figure:
        """The figure for notebooks. Plotly raises ValueError for what it doesn't know."""
        import plotly.graph_objects as go

        return go.Figure(data=list(self.data), layout=dict(self.layout))

    def plain(self) -> dict[str, Any]:
        """The figure as plain data: what `to_script` writes and tests look at."""
        data: dict[str, Any] = _finite({"data": self.data, "layout": self.layout})
        return {"id": self.id, "height": self.height, **self.extra} | data


def bar_trace(**given: Any) -> Trace:
    """Bars, as plotly.graph_objects.Bar takes them."""
    return {"type": "bar", **given}


def point_trace(**given: Any) -> Trace:
    """Points or lines, as plotly.graph_objects.Scatter takes them."""
    return {"type": "scatter", **given}


def _finite(value: Any) -> Any:
    """`value` as JSON has it: no key of nothing, and null for what is no finite number."""
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def to_script(value: Any) -> str:
    """`value` as JSON that is safe inside a script element: nothing in it can end the element or start a comment."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"), sort_keys=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def short(name: object, limit: int = LABEL) -> str:
    """A name in at most `limit` characters, its middle left out; control characters and half surrogates replaced."""
    text = str(name)
    if len(text) <= limit and text.isprintable():
        return text
    if len(text) > limit:
        head = (limit - 1) * 2 // 3
        text = f"{text[:head]}…{text[len(text) - (limit - 1 - head) :]}"
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def label(name: object, limit: int = LABEL) -> str:
    """A name from a trace for Plotly, which reads `<b>`, `<a href>` and `&lt;` in text: shown as they stand."""
    return short(name, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def us(ns: float) -> float:
    """Nanoseconds as microseconds, for an axis."""
    return round(float(ns) / 1000, 4)


def row_title(at: float, name: str, detail: str = "") -> dict[str, Any]:
    """The name above a row that begins at `at` (y axis units). `name` and `detail` are texts that `label` made."""
    return {
        "xref": "paper",
        "x": 0,
        "xanchor": "left",
        "y": at,
        "yanchor": "top",
        "showarrow": False,
        "align": "left",
        "text": f"<b>{name}</b>" + (f"  {detail}" if detail else ""),
        "font": {"size": 13},
    }


def draw(
    id: str,
    says: str,
    *,
    data: Sequence[Trace],
    rows: float,
    row_height: int,
    unit: str,
    axis: Mapping[str, Any] | None = None,
    annotations: Sequence[Any] = (),
    shapes: Sequence[Any] = (),
    extra: Mapping[str, Any] | None = None,
    frame: Mapping[str, Any] | None = None,
) -> Drawing:
    """Put traces on a frame of `rows` rows, 0 at the top, over one time axis that `unit` names.

    `axis` and `frame` override parts of the axis and of the layout.
    """
    titled = {"title": {"text": unit, "standoff": 8, "font": {"size": 12}}}
    height = round(rows * row_height) + TOP + BOTTOM
    layout = {
        "template": PLAIN,
        "height": height,
        "margin": {"l": 6, "r": 18, "t": TOP, "b": BOTTOM},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 12},
        "showlegend": False,
        "barmode": "overlay",
        "hovermode": "closest",
        "dragmode": False,
        "hoverlabel": {"align": "left", "bgcolor": "#222", "bordercolor": "#222", "font": {"color": "#fff"}},
        "xaxis": {"showgrid": True, "zeroline": False, "ticks": "", "fixedrange": True} | titled | dict(axis or {}),
        "yaxis": {"visible": False, "range": [rows, 0], "fixedrange": True},
        "annotations": list(annotations) or None,
        "shapes": list(shapes) or None,
    } | dict(frame or {})
    return Drawing(id, says, height, list(data), layout, extra or {})


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, 20 … between `low` and `high`, both positive."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    ticks = [step * 10.0**power for power in range(first, last + 1) for step in (1, 2, 5)]
    return [tick for tick in ticks if low <= tick <= high]


def log_axis(low: float, high: float) -> dict[str, Any]:
    """A logarithmic axis for values from `low` to `high`, both positive, with a little room at either end."""
    ticks = log_ticks(low / 1.25, high * 1.25)
    if high / low > 1000:  # over so many decades, 2 and 5 of each would run into each other on a phone
        ticks = [tick for tick in ticks if f"{tick:e}".startswith("1.0")]
    return {
        "type": "log",
        "range": [math.log10(low / 1.25), math.log10(high * 1.25)],
        "tickvals": ticks,
        "ticktext": [f"{tick:g}" for tick in ticks],
    }
