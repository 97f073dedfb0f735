"""The ladders that the probe `launch-ladder` found: what its figures say of each, and a colour for every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from launchlens.reports.figures.drawing import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, YELLOW, short
from launchlens.reports.words.figure import between
from launchlens.reports.words.probes.answer import doubt
from launchlens.reports.words.probes.launch_ladder import step_name
from launchlens.traces.captures.probe_codes import launch_ladder as codes
from launchlens.traces.captures.probes import Probe, ProbeFigure
from launchlens.traces.units import duration

#: Ladders drawn, and steps of each; the table beside the figure holds more.
LADDERS, STEPS = 12, 16
#: A figure of more ns than this (eleven days) is no time of a launch.
MOST_NS = 1e15
#: Steps add up to the whole when no larger share of it than this is missing.
ADDS_UP = 0.005
#: Colours of steps, each with the colour of text that can be read on it; after Okabe and Ito's, four of Paul Tol's muted ones.
COLOURS: Mapping[str, str] = {
    BLUE: "#fff", ORANGE: "#111", GREEN: "#fff", SKY: "#111", VERMILLION: "#fff", PURPLE: "#111", YELLOW: "#111",
    "#332288": "#fff", "#44AA99": "#111", "#882255": "#fff", "#DDCC77": "#111", "#AA4499": "#fff",
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One step of a ladder: what it adds, ns (below 0 where the rung was faster than the one before), and its colour."""

    name: str
    ns: float
    colour: str
    figure: ProbeFigure

    @property
    def time(self) -> str:
        return duration(self.ns).replace("-", "−")

    @property
    def text(self) -> str:
        """Its name and time in a line."""
        bounds = between(self.figure)
        return f"{short(self.name)}: {self.time}" + (f" ({bounds})" if bounds else "")


@dataclass(frozen=True)
class Ladder:
    """One ladder; `steps` ends with the residual, where it has one. `left_out` counts steps that are too many to draw.

    `gap_ns` is what all steps leave of the whole: nothing where they sum to it, as they should.
    """

    name: str
    whole: ProbeFigure
    steps: Sequence[Step]
    left_out: int = 0
    gap_ns: float = 0.0

    @property
    def whole_ns(self) -> float:
        return self.whole.value or 0.0


def ladders(probe: Probe) -> list[Ladder]:
    """The ladders of a probe's figures: all that have a whole and a step. None of a probe whose answer doesn't count.

    A whole that was timed under another condition is shown beside them and belongs to no sum.
    """
    if probe.id != codes.ID or doubt(probe):
        return []
    times = [figure for figure in probe.figures if figure.unit == "ns" and abs(_ns(figure)) <= MOST_NS]
    colours: dict[str, str] = {}
    made: list[Ladder] = []
    for whole in (figure for figure in times if figure.what == codes.WHOLE and not figure.under):
        steps = {figure.part: figure for figure in times if figure.what == codes.STEP and figure.of == whole.of}
        left = [figure for figure in times if figure.what == codes.RESIDUAL and figure.of == whole.of][:1]
        if not steps or len(made) == LADDERS:
            continue
        shown = _coloured(list(steps)[:STEPS], colours)
        drawn = [_step(steps[part], colour) for part, colour in shown.items()] + [_step(it, GREY) for it in left]
        gap = _ns(whole) - sum(_ns(figure) for figure in [*steps.values(), *left])
        made.append(Ladder(whole.of, whole, drawn, max(len(steps) - STEPS, 0), gap))
    return made


def _step(figure: ProbeFigure, colour: str) -> Step:
    return Step(step_name(figure), _ns(figure), colour, figure)


def _ns(figure: ProbeFigure) -> float:
    return float("inf") if figure.value is None else figure.value


def _coloured(steps: Sequence[str], known: dict[str, str]) -> dict[str, str]:
    """A colour for each step of one ladder: the one that its name has in other ladders, or one that this ladder lacks."""
    taken = [known[step] for step in steps if step in known]
    for step in steps:
        if step not in known:
            known[step] = min(COLOURS, key=lambda colour: (taken.count(colour), list(known.values()).count(colour)))
            taken.append(known[step])
    return {step: known[step] for step in steps}
