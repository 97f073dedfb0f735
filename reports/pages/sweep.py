"""The report of a sweep: its page, and what a terminal shows of it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from launchlens.reports.blocks import (
    Block,
    Chapter,
    Command,
    Facts,
    Figure,
    Fold,
    Page,
    Paragraph,
    Section,
    Shown,
    Words,
)
from launchlens.reports.figures.map import letters_of, lines_figure, map_figure
from launchlens.reports.pages.capture import Banner, measured_on
from launchlens.reports.sections.environment import flat
from launchlens.reports.words.sweep import all_pair_sentences, sentences, setting
from launchlens.traces.sweeps.study import SweepStudy
from launchlens.traces.sweeps.sweep import Setting
from launchlens.traces.tables import sweeps
from launchlens.traces.tables.table import Column, Table, table

#: Maps of one regime, where more than two axes are swept; pairs whose lines are drawn.
_MOST_MAPS, _MOST_PAIRS = 6, 12


def page(study: SweepStudy) -> Page:
    """The report of a sweep as a page."""
    record = study.sweep.record
    banners: list[Banner] = []
    if not record.complete:
        more = "The run was interrupted; everything below rests on what had been measured by then."
        banners.append(("incomplete", "Incomplete sweep.", more))
    axes = " × ".join(
        f"{axis.name} {setting(axis, axis.values[0])} – {setting(axis, axis.values[-1])}" for axis in record.axes
    )
    return Page(
        brand="launchlens sweep",
        title=f"Which way of doing {record.workload.get('name', 'this workload')} is fastest where",
        says=f"swept over {axes}, {len(study.samples.points)} points",
        measured=measured_on(record.environment, record.recorded_at),
        sections=(_answer(study), _map(study), _lines(study), _model(study), _environment(study)),
        banners=tuple(banners),
        foot=f"Made by launchlens {record.launchlens}. This page is complete in itself: it loads nothing.",
    )


def brief(study: SweepStudy) -> list[Block]:
    """What a terminal shows: the best choice, the turn-overs that matter in words, and a map a regime."""
    said = sentences(study)
    choices = sweeps.choices(study)
    blocks: list[Block] = [Shown(choices, most=len(choices))]
    blocks.append(Words(tuple(each for each in said if each.weight == "headline"), "headline"))
    for regime in study.regimes:
        blocks += [Shown(found, most=len(found)) for found in _in_letters(study, regime)]
    blocks.append(Paragraph(_legend(study), "note"))
    blocks.append(Words(tuple(each for each in said if each.weight in ("plain", "caveat")), "plain"))
    return blocks


def tables(study: SweepStudy) -> list[Table]:
    """Every table of a sweep, the one that answers first; those without rows are left out."""
    made = (
        sweeps.winners,
        sweeps.crossings,
        sweeps.ratios,
        sweeps.times,
        sweeps.constants,
        sweeps.held_out,
        sweeps.not_measured,
    )
    return [sweeps.choices(study), *(found for make in made if len(found := make(study)))]


def _answer(study: SweepStudy) -> Section:
    said = sentences(study)
    choices = sweeps.choices(study)
    blocks: list[Block] = [
        Shown(choices, most=len(choices), style="answer"),
        Words(tuple(each for each in said if each.weight == "headline"), "headline"),
        Words(tuple(each for each in said if each.weight == "plain"), "plain"),
        Words(tuple(each for each in said if each.weight == "caveat"), "caveat"),
    ]
    kept = tuple(block for block in blocks if not isinstance(block, Words) or block.sentences)
    return Section("answer", "Answer", "What is fastest, and where it turns over", kept)


def _map(study: SweepStudy) -> Section:
    how = (
        "A cell a point: the letter of the variant that is shown to be faster than all others. Where no such difference is shown the cell "
        "is left open, and holds the letters of those that may be the fastest. Each cell is right at 95 %, by itself."
    )
    blocks: list[Block] = [Paragraph(how, "note"), Paragraph(_legend(study))]
    for regime in study.regimes:
        for number, fixed in enumerate(_fixed(study)):
            at = ", ".join(f"{name} {value}" for name, value in fixed.items())
            title = f"{regime}{f', {at}' if at else ''}"
            winners = sweeps.winners(study).only(f"The fastest at each point, {regime}", regime=regime)
            drawing = map_figure(f"map-{regime}-{number}", study, regime, fixed)
            blocks.append(Chapter(title, (Figure((drawing,), table=winners if not number else None),)))
    return Section("map", "Map", "The map: the fastest at each point", tuple(blocks))


def _lines(study: SweepStudy) -> Section:
    blocks: list[Block] = []
    number = 0
    for regime in study.regimes:
        for variant, against in study.pairs(regime)[:_MOST_PAIRS]:
            figures: list[Block] = []
            for axis in study.sweep.record.axes:
                lines = [line for line in study.lines(variant, against, regime) if line.axis is axis]
                whole = [line for line in lines if len(line.values) > 2] or lines
                if whole:
                    figures.append(Figure((lines_figure(f"lines-{number}", whole, axis),)))
                    number += 1
            if figures:
                blocks.append(Fold(f"{variant} against {against}, {regime}", tuple(figures)))
    crossings = sweeps.crossings(study)
    said = Words(tuple(all_pair_sentences(study)), "plain")
    return Section("lines", "Lines", "The lines behind it: ratios along each axis", (said, Shown(crossings), *blocks))


def _model(study: SweepStudy) -> Section:
    said = tuple(each for each in sentences(study) if each.code == "validation")
    why = (
        "The larger of what host and device need, from these costs, and between measured points what they leave of them. Points held out "
        "were drawn before anything was timed, and were not fitted."
    )
    blocks: list[Block] = [Words(said, "plain"), Paragraph(why, "note"), Shown(sweeps.constants(study))]
    held = sweeps.held_out(study)
    if len(held):
        blocks.append(Fold("Every point held out, predicted and measured", (Shown(held),)))
    return Section("model", "Cost model", "What things cost, and what that predicts", tuple(blocks))


def _environment(study: SweepStudy) -> Section:
    record = study.sweep.record
    blocks: list[Block] = []
    if record.command:
        blocks.append(Chapter("Do it again", (Command(f"python cli.py {shlex.join(record.command)}"),)))
    missing = sweeps.not_measured(study)
    if len(missing):
        blocks.append(Chapter("Not measured", (Shown(missing),)))
    used = f"{record.used_minutes:.1f} of {record.minutes:g} minutes"
    held = sum(point.held_out for point in record.points)
    numbers = (
        ("time", used),
        ("points", str(len(study.samples.points))),
        ("held out", str(held)),
        ("seed", str(record.seed)),
    )
    facts: Mapping[str, Mapping[str, Any]] = {
        "workload": record.workload, "timing": record.timing, "environment": record.environment,
    }  # fmt: skip
    known = tuple(Facts(title, tuple(flat(values))) for title, values in facts.items() if values)
    blocks.append(Chapter("What it ran on", (Facts("sweep", numbers), *known)))
    return Section(
        "environment", "Environment", "Environment: where it was measured, and how to do it again", tuple(blocks)
    )


def _fixed(study: SweepStudy) -> Sequence[dict[str, Setting]]:
    """Values of the axes beyond the second, for a map each."""
    others = study.sweep.record.axes[2:]
    combined = product(*(axis.values for axis in others))
    return [dict(zip((axis.name for axis in others), values, strict=True)) for values in combined][:_MOST_MAPS]


def _legend(study: SweepStudy) -> str:
    return "; ".join(f"{mark} {name}" for name, mark in letters_of(study).items()) + "."


def _in_letters(study: SweepStudy, regime: str) -> list[Table]:
    """The maps of a regime in letters: a row a value of the second axis, a column a value of the first."""
    axes, marks = study.sweep.record.axes, letters_of(study)
    across, down = axes[0], axes[1] if len(axes) > 1 else None
    columns = [
        Column(
            "row", "name", "value of the second axis", title=f"{down.name} \\ {across.name}" if down else across.name
        ),
        *(
            Column(f"at_{place}", "name", "the fastest there", title=setting(across, value))
            for place, value in enumerate(across.values)
        ),
    ]
    found = []
    for fixed in _fixed(study):
        at = {
            tuple(point.settings[axis.name] for axis in (across, *([down] if down else []))): study.cell(
                point.index, regime
            )
            for point in study.sweep.record.points
            if all(point.settings[name] == value for name, value in fixed.items())
        }
        rows = []
        for value in reversed(down.values) if down else (None,):
            cells = [at.get((column,) if value is None else (column, value)) for column in across.values]
            texts = ["" if cell is None else "/".join(marks[name] for name in cell.may_be_best[:3]) for cell in cells]
            rows.append(["" if down is None or value is None else setting(down, value), *texts])
        said = ", ".join(f"{name} {value}" for name, value in fixed.items())
        found.append(table("map", f"{regime}: the fastest at each point{f', {said}' if said else ''}", columns, rows))
    return found
