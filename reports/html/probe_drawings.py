"""The drawings of the report's probes section: which probe has one, the colours in it, and what is said below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from launchlens.reports.figures.backlog import COLOURS, backlog_figure, pairs
from launchlens.reports.figures.drawing import short
from launchlens.reports.figures.ladder import ladder_figure
from launchlens.reports.figures.ladder_steps import ADDS_UP, RESIDUAL, STEPS, Ladder, ladders
from launchlens.reports.html.parts import Part, Table
from launchlens.reports.words.units import signed_duration
from launchlens.traces.captures.probes import Probe


def drawn(probe: Probe, anchor: str, figures: Table | None) -> tuple[Part | None, Mapping[str, Mapping[str, str]]]:
    """The drawing that belongs to this probe's figures, where it is a probe that has one, and the colours in it."""
    found, both = ladders(probe), pairs(probe)
    if found:
        drawing = ladder_figure(f"ladder-{anchor}", found)
        return Part("", [drawing], _ladder_notes(found), figures), {each.name: _legend(each) for each in found}
    if both:
        notes = ["Each dot is a time per iteration, the bar through it its 95 % interval."]
        return Part("", [backlog_figure(f"backlog-{anchor}", both)], notes, figures), {"": COLOURS}
    return None, {}


def _legend(ladder: Ladder) -> dict[str, str]:
    return {f"{short(step.name)} {step.time}": step.colour for step in ladder.steps}


def _ladder_notes(found: Sequence[Ladder]) -> list[str]:
    notes = ["Each bar is one call, cut into its steps; the mark ▾ is the whole call as it was timed."]
    if any(step.name == RESIDUAL for ladder in found for step in ladder.steps):
        notes.append("What no step accounts for is the residual.")
    if any(step.ns < 0 for ladder in found for step in ladder.steps):
        notes.append("Steps below 0 stand left of the line: with them the call was faster.")
    for ladder in found:
        if abs(ladder.gap_ns) > ADDS_UP * abs(ladder.whole_ns):
            notes.append(
                f"The steps of {short(ladder.name)} don’t add up to it: {signed_duration(ladder.gap_ns)} is missing."
            )
    left_out = sum(ladder.left_out for ladder in found)
    if left_out:
        notes.append(f"At most {STEPS} steps of a ladder are drawn: {left_out:,} are not.")
    return notes
