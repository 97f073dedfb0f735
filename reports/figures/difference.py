"""The difference as a waterfall: from the baseline's profiled time to the variant's, one step per state of a lane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from launchlens.reports.figures.drawing import (
    DEVICE_COLOURS,
    GREY,
    HOST_COLOURS,
    Drawing,
    bar_trace,
    draw,
    label,
    row_title,
    us,
)
from launchlens.reports.words.codes import DEVICE_WORDS, HOST_WORDS
from launchlens.traces.account import STATES, LaneName, apportion
from launchlens.traces.studies.compare import Comparison
from launchlens.traces.studies.explained import ExplainedDifference
from launchlens.traces.units import signed_duration

#: Steps are shown in µs with this many ns to the last digit, apportioned so that the digits shown add up too.
DIGIT_NS = 10
WORDS = {"host": HOST_WORDS, "device": DEVICE_WORDS}
COLOURS = {"host": HOST_COLOURS, "device": DEVICE_COLOURS | {"idle": "#BBBBBB"}}
BAR = {"orientation": "h", "width": 0.5, "hoverinfo": "text"}


@dataclass(frozen=True)
class Step:
    """One step of a waterfall: a state's share of the difference, ns per iteration, with its interval."""

    lane: LaneName
    state: str
    ns: float
    interval: tuple[float, float] | None

    @property
    def words(self) -> str:
        """What the state means to somebody who meets it for the first time."""
        return WORDS[self.lane].get(self.state, self.state)

    @property
    def text(self) -> str:
        """The step in µs with its sign, two digits after the point."""
        return f"{'−' if self.ns < 0 else '+'}{abs(self.ns) / 1000:.2f} µs"


def steps(comparison: Comparison, lane: LaneName = "host") -> list[Step]:
    """The difference by state of a lane, in whole tens of ns: they sum to the difference, and so do the digits shown."""
    parts = np.array(list(comparison.parts(lane).values()))
    if not len(parts):
        return []
    rounded = apportion(parts / DIGIT_NS) * DIGIT_NS
    bounds = comparison.intervals(lane)
    return [Step(lane, state, float(ns), bounds[state]) for state, ns in zip(STATES[lane], rounded, strict=True) if ns]


def explained_steps(found: ExplainedDifference) -> list[Step]:
    """The parts of an unprofiled difference and what is not attributed, in whole tens of ns that sum to it."""
    made = [*found.parts, found.not_attributed]
    rounded = apportion(np.array([part.ns for part in made]) / DIGIT_NS) * DIGIT_NS
    return [Step(part.lane, part.state, float(ns), part.interval) for part, ns in zip(made, rounded, strict=True) if ns]


def explained_figure(id: str, comparison: Comparison, found: ExplainedDifference) -> Drawing:
    """A waterfall of the unprofiled difference: from one side's time to the other's, a step a part."""
    made = explained_steps(found)
    ends = (round(found.a.marginal_ns / DIGIT_NS) * DIGIT_NS, "unprofiled")
    return _waterfall(id, comparison, made, *ends, "µs per iteration, without a profiler", found.ns)


def difference_figure(id: str, comparison: Comparison, lane: LaneName = "host") -> Drawing:
    """A waterfall of `steps`; the first and last bars are the profiled times of the two sides."""
    assert comparison.a.recording is not None and comparison.difference_ns is not None
    start = round(comparison.a.recording.profiled_ns / DIGIT_NS) * DIGIT_NS
    unit = f"µs per iteration under the profiler, by what the {lane} did"
    return _waterfall(id, comparison, steps(comparison, lane), start, "recorded", unit, comparison.difference_ns)


def _waterfall(
    id: str, comparison: Comparison, made: list[Step], start: int, how: str, unit: str, difference_ns: float
) -> Drawing:
    """Steps from one side's time to the other's, taken `how`."""
    a, b = comparison.a, comparison.b
    edges = [start, *(start + np.cumsum([step.ns for step in made]))]
    rows = len(made) + 2
    moves = bar_trace(
        name="parts",
        x=[us(step.ns) for step in made],
        base=[us(edge) for edge in edges[:-1]],
        y=[row + 1.68 for row in range(len(made))],
        marker={"color": [COLOURS[step.lane].get(step.state, GREY) for step in made]},
        hovertext=[_hover(step) for step in made],
        error_x=_whiskers(made),
        **BAR,
    )
    wholes = bar_trace(
        name="wholes",
        x=[us(start), us(edges[-1])],
        y=[0.68, rows - 0.32],
        marker={"color": GREY},
        hovertext=[f"{label(side.variant)}: {us(ns):.2f} µs {how}" for side, ns in ((a, start), (b, edges[-1]))],
        **BAR,
    )
    titles = [row_title(0.02, label(a.variant), f"{us(start):.2f} µs")]
    titles += [row_title(i + 1.02, step.text, step.words) for i, step in enumerate(made)]
    titles.append(row_title(rows - 0.98, label(b.variant), f"{us(edges[-1]):.2f} µs"))
    links = [_link(edges[row], row) for row in range(rows - 1)]
    says = (
        f"{b.variant} against {a.variant}, {a.regime}, {how} time per iteration: {signed_duration(difference_ns)}, of which "
        + ", ".join(f"{step.text} {step.words}" for step in made)
    )
    return draw(
        id,
        says,
        data=[moves, wholes],
        rows=rows,
        row_height=44,
        unit=unit,
        axis={"range": [0, us(max(edges)) * 1.06]},
        annotations=titles,
        shapes=links,
    )


def _hover(step: Step) -> str:
    text = f"{step.words} ({step.state}): {step.text}"
    if step.interval is not None:
        text += "<br>95 % interval " + " to ".join(f"{us(end):+.3f}" for end in step.interval) + " µs"
    return text


def _whiskers(made: list[Step]) -> dict[str, object] | None:
    """The steps' intervals as error bars, which Plotly hangs on the end of each bar."""
    bounds = [(step.ns, *step.interval) for step in made if step.interval is not None]
    if not made or len(bounds) < len(made):
        return None
    return {
        "type": "data",
        "symmetric": False,
        "array": [us(max(high - ns, 0.0)) for ns, _, high in bounds],
        "arrayminus": [us(max(ns - low, 0.0)) for ns, low, _ in bounds],
        "color": "#444",
        "thickness": 1.5,
        "width": 4,
    }


def _link(at: float, row: int) -> dict[str, object]:
    """The thin line that hands one step's end to the next one's start."""
    x = us(at)
    line = {"width": 1, "color": GREY, "dash": "dot"}
    return {"type": "line", "x0": x, "x1": x, "y0": row + 0.43, "y1": row + 1.93, "line": line, "layer": "below"}
