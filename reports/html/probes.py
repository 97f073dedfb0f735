"""The report's probes section as plain data: for each probe its answer first, then its figures, controls and tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from launchlens.reports.figures.drawing import Drawing
from launchlens.reports.html.parts import Part, Table
from launchlens.reports.html.probe_drawings import drawn
from launchlens.reports.words.claims import between, value
from launchlens.reports.words.probes import (
    all_numbers,
    cell_text,
    controls_words,
    doubt,
    says,
    sentences,
    tally,
    verdict_words,
)
from launchlens.traces.captures.probes import PROBES, Control, Probe, ProbeTable

#: What is shown of a probes.json, which can hold anything; the rest is counted.
MOST_PROBES, FIGURES, CONTROLS, TABLES, NOTES = 30, 120, 40, 8, 20
#: Rows and columns of one table, and cells of all tables together.
ROWS, COLUMNS, CELLS = 100, 24, 40_000
#: Figures that stand open below the answer; more are folded.
OPEN_FIGURES = 12
#: Characters of an answer's further sentences that stand open; more are folded.
OPEN_ANSWER = 600
#: Ids that can be anchors as they are; others are numbered.
PLAIN_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MOST_ID = 64


@dataclass(frozen=True)
class Grid:
    """A probe's table as text; `numbers` says of each column whether its cells are numbers, `rest` what is not shown."""

    title: str
    size: str
    columns: Sequence[str]
    numbers: Sequence[bool]
    rows: Sequence[Sequence[str]]
    rest: str = ""


@dataclass(frozen=True)
class ProbeView:
    """One probe as text. `answer` is its first sentence, `more` the others, folded where they are long.

    `doubt` is empty where the answer counts.

    `figures` is the table of figures, and stands with the drawing where there is one; `legends` are the drawing's colours,
    a list each under its name.
    """

    anchor: str
    id: str
    asks: str
    verdict: str
    code: str
    doubt: str
    answer: str
    more: Sequence[str]
    more_folded: bool
    controls_say: str
    controls: Sequence[Control]
    figures: Table | None
    folded: bool
    part: Part | None
    legends: Mapping[str, Mapping[str, str]]
    grids: Sequence[Grid]
    notes: Sequence[str]
    rest: Sequence[str]


@dataclass(frozen=True)
class ProbesSection:
    """The section; `rest` says how many probes it leaves out."""

    probes: Sequence[ProbeView]
    tally: str
    rest: str

    @property
    def drawings(self) -> list[Drawing]:
        return [drawing for probe in self.probes if probe.part for drawing in probe.part.drawings]


def anchors(probes: Mapping[str, Probe]) -> dict[str, str]:
    """Where each probe stands on the page, by its id: `probe-copy-engine`. Those past MOST_PROBES have no place of their own."""
    return {
        id: f"probe-{id}" if len(id) <= MOST_ID and PLAIN_ID.fullmatch(id) else f"probe-_{index}"
        for index, id in enumerate(list(probes)[:MOST_PROBES])
    }


def probes_section(probes: Mapping[str, Probe]) -> ProbesSection | None:
    """The section, or None where the capture holds no probes."""
    if not probes:
        return None
    room = CELLS
    shown: list[ProbeView] = []
    for id, anchor in anchors(probes).items():
        view = _view(probes[id], anchor, room)
        room -= sum(len(grid.rows) * len(grid.columns) for grid in view.grids)
        shown.append(view)
    return ProbesSection(shown, tally(probes.values()), _rest(len(probes), len(shown), "probes"))


def _view(probe: Probe, anchor: str, room: int) -> ProbeView:
    figures = _figures(probe)
    grids = []
    for table in probe.tables[:TABLES]:
        grids.append(_grid(table, room))
        room -= len(grids[-1].rows) * len(grids[-1].columns)
    part, legends = drawn(probe, anchor, figures)
    verdict = "" if doubt(probe) else verdict_words(probe)
    answer, *more = sentences(says(probe)) or [""]
    left_out = [
        _rest(len(probe.figures), FIGURES, "figures"),
        _rest(len(probe.controls), CONTROLS, "controls"),
        _rest(len(probe.tables), TABLES, "tables"),
        _rest(len(probe.notes), NOTES, "notes"),
    ]
    return ProbeView(
        anchor=anchor,
        id=probe.id,
        asks=probe.asks,
        verdict=verdict,
        # a doubt says it already, and so do words that are the code
        code="" if doubt(probe) or verdict.casefold() == (probe.verdict or "").casefold() else probe.verdict or "",
        doubt=doubt(probe),
        answer=answer,
        more=more,
        more_folded=sum(map(len, more)) > OPEN_ANSWER,
        controls_say=controls_words(probe),
        # those that did not pass first: they are what a reader looks for
        controls=sorted(probe.controls, key=lambda control: control.passed)[:CONTROLS],
        figures=figures,
        folded=len(probe.figures) > OPEN_FIGURES,
        part=part,
        legends=legends,
        grids=grids,
        notes=probe.notes[:NOTES],
        rest=[text for text in left_out if text],
    )


def _rest(there: int, shown: int, what: str) -> str:
    return f"{shown:,} of {there:,} {what} are shown; {PROBES} holds them all." if there > shown else ""


def _figures(probe: Probe) -> Table | None:
    """The figures; a column of intervals only where any has one, since counts have none."""
    sure = any(figure.interval for figure in probe.figures)
    columns = ["figure", "value", *(["95 % interval"] if sure else [])]
    rows = [
        [figure.figure, value(figure), *([between(figure) or "–"] if sure else [])]
        for figure in probe.figures[:FIGURES]
    ]
    return Table("What it found", columns, rows) if rows else None


def _grid(table: ProbeTable, room: int) -> Grid:
    columns, there = table.columns[:COLUMNS], len(table.rows)
    rows = table.rows[: min(ROWS, max(room, 0) // max(len(columns), 1))]
    size = f"{there:,} row{'s' if there != 1 else ''}"
    if len(table.columns) > COLUMNS:
        size += f", {COLUMNS} of {len(table.columns):,} columns"
    rest = _rest(there, len(rows), "rows")
    numbers = [all_numbers(rows, at) for at in range(len(columns))]
    texts = [[cell_text(row[at]) if at < len(row) else "–" for at in range(len(columns))] for row in rows]
    return Grid(table.title, size, columns, numbers, texts, rest)
