"""Probes: small experiments, one question each; of each its answer first, then its figures, controls and trials."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from launchlens.reports.blocks import Block, Entry, Figure, Fold, Legend, Paragraph, Section, Shown, Words
from launchlens.reports.figures.backlog import COLOURS, backlog_figure, pairs
from launchlens.reports.figures.drawing import short
from launchlens.reports.figures.ladder import ladder_figure
from launchlens.reports.figures.ladder_steps import ADDS_UP, STEPS, Ladder, ladders
from launchlens.reports.words.probes.answer import controls_words, doubt, says, sentences, tally, verdict_words
from launchlens.reports.words.probes.catalogue import asks, figure_name
from launchlens.reports.words.probes.cells import cell_text
from launchlens.reports.words.sentence import Sentence
from launchlens.traces.captures.probe_codes.launch_ladder import RESIDUAL
from launchlens.traces.captures.probes import PROBES, Probe
from launchlens.traces.tables.evidence import controls, figures, trials
from launchlens.traces.units import signed_duration

#: What is shown of a probes.json, which can hold anything; the rest is counted.
MOST_PROBES, FIGURES, CONTROLS, TABLES, NOTES = 30, 120, 40, 8, 20
#: Rows and columns of one table, and cells of all tables together.
ROWS, COLUMNS, CELLS = 100, 24, 40_000
#: Figures that stand open below the answer; more are folded.
OPEN_FIGURES = 12
#: Characters of an answer's further sentences that stand open, and how many of them are shown at all.
OPEN_ANSWER, MOST_SENTENCES = 600, 12
#: Ids that can be anchors as they are; others are numbered.
PLAIN_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MOST_ID = 64


def anchors(probes: Mapping[str, Probe]) -> dict[str, str]:
    """Where each probe stands on the page, by its id: `probe-copy-engine`. Those past MOST_PROBES have no place of their own."""
    return {
        id: f"probe-{id}" if len(id) <= MOST_ID and PLAIN_ID.fullmatch(id) else f"probe-_{index}"
        for index, id in enumerate(list(probes)[:MOST_PROBES])
    }


def probes_section(probes: Mapping[str, Probe]) -> Section | None:
    """The section, or None where the capture holds no probes."""
    if not probes:
        return None
    intro = (
        "Made on a GPU of the same model, with the timing or after it. A probe’s controls are things known beforehand that it must"
        f" find as well: where one does not pass, its answer doesn’t count. {tally(probes.values())}."
    )
    known = anchors(probes)
    blocks: list[Block] = [Paragraph(intro)]
    room = CELLS
    for id, anchor in known.items():
        blocks.append(entry(probes[id], anchor, room))
        room -= sum(rows * columns for rows, columns in _sizes(probes[id], room))
    blocks += _rest(len(probes), len(known), "probes")
    return Section("probes", "Probes", "Probes: small experiments, one question each", tuple(blocks))


def brief_entry(probe: Probe) -> Entry:
    """One probe among others: its question, its answer, and how its controls came out."""
    unsure, lead = doubt(probe), _lead(probe)
    return Entry(asks(probe) or probe.id, unsure, _code(probe), lead, (_name(probe), _controls_line(probe)))


def entry(probe: Probe, anchor: str = "", room: int = CELLS) -> Entry:
    """One probe: its question, its answer or why there is none, and what it rests on, of tables at most `room` cells."""
    _, *more = sentences(says(probe)) or [""]
    details: list[Block] = []
    if more:
        left_out = len(more) - MOST_SENTENCES
        told = more[:MOST_SENTENCES] + ([f"{left_out:,} more sentences are in {PROBES}."] if left_out > 0 else [])
        shown = tuple(Sentence(text, "probe", None, None, "plain") for text in told)
        details.append(
            Fold("The answer in full", (Words(shown),)) if sum(map(len, more)) > OPEN_ANSWER else Words(shown)
        )
    details += _found(probe, anchor or probe.id)
    details += [_name(probe), _controls(probe)]
    details += _trials(probe, room)
    if probe.notes:
        notes = tuple(Paragraph(note, "note") for note in probe.notes[:NOTES])
        details.append(Fold(f"Notes ({len(probe.notes)})", notes))
    for there, most, what in ((len(probe.figures), FIGURES, "figures"), (len(probe.tables), TABLES, "tables"),
                              (len(probe.controls), CONTROLS, "controls"), (len(probe.notes), NOTES, "notes")):  # fmt: skip
        details += _rest(there, most, what)
    return Entry(asks(probe) or probe.id, doubt(probe), _code(probe), _lead(probe), tuple(details), anchor)


def _code(probe: Probe) -> str:
    return "doubt" if doubt(probe) else "answered"


def _lead(probe: Probe) -> str:
    """The verdict, where it counts, and the first sentence of the answer."""
    answer = next(iter(sentences(says(probe))), "")
    return answer if doubt(probe) else f"{verdict_words(probe)}. {answer}".strip()


def _name(probe: Probe) -> Paragraph:
    """What the probe is called, and its verdict for scripts where the words are others."""
    same = doubt(probe) or verdict_words(probe).casefold() == (probe.verdict or "").casefold()
    return Paragraph(f"Probe {probe.id}" + ("." if same else f", verdict {probe.verdict}."), "note")


def _controls_line(probe: Probe) -> Paragraph:
    return Paragraph(f"Controls: {controls_words(probe)}.", "bad" if probe.checked == "failed" else "note")


def _found(probe: Probe, id: str) -> list[Block]:
    """What it found: drawn, where there is a drawing of such figures, else as a table, folded where it is long."""
    table = figures(probe, figure_name)
    ladder, both = ladders(probe), pairs(probe)
    if ladder:
        legends = [Legend(_steps(each), f"Steps of {short(each.name)}", one_of_several=True) for each in ladder]
        return [*legends, Figure((ladder_figure(f"ladder-{id}", ladder),), tuple(_ladder_notes(ladder)), table)]
    if both:
        notes = ("Each dot is a time per iteration, the bar through it its 95 % interval.",)
        colours = Legend(tuple((colour, name, "") for name, colour in COLOURS.items()), "Colours of the times")
        return [colours, Figure((backlog_figure(f"backlog-{id}", both),), notes, table)]
    if not len(table):
        return []
    shown = Shown(table, most=FIGURES)
    return [Fold(f"Figures ({len(table)})", (shown,)) if len(table) > OPEN_FIGURES else shown]


def _steps(ladder: Ladder) -> tuple[tuple[str, str, str], ...]:
    return tuple((step.colour, f"{short(step.name)} {step.time}", "") for step in ladder.steps)


def _ladder_notes(found: Sequence[Ladder]) -> list[str]:
    notes = ["Each bar is one call, cut into its steps; the mark ▾ is the whole call as it was timed."]
    if any(step.figure.what == RESIDUAL for ladder in found for step in ladder.steps):
        notes.append("What no step accounts for is the residual.")
    if any(step.ns < 0 for ladder in found for step in ladder.steps):
        notes.append("Steps below 0 stand left of the line: with them the call was faster.")
    for ladder in found:
        if abs(ladder.gap_ns) > ADDS_UP * abs(ladder.whole_ns):
            gap = signed_duration(ladder.gap_ns)
            notes.append(f"The steps of {short(ladder.name)} don’t add up to it: {gap} is missing.")
    left_out = sum(ladder.left_out for ladder in found)
    if left_out:
        notes.append(f"At most {STEPS} steps of a ladder are drawn: {left_out:,} are not.")
    return notes


def _controls(probe: Probe) -> Block:
    if not probe.controls:
        return _controls_line(probe)
    return Fold(f"Controls: {controls_words(probe)}", (Shown(controls(probe), most=CONTROLS, style="bare"),))


def _trials(probe: Probe, room: int) -> list[Block]:
    """Its tables of trials, folded; what there is no room for is counted."""
    blocks: list[Block] = []
    for number, (made, (rows, columns)) in enumerate(zip(probe.tables, _sizes(probe, room), strict=False)):
        count = f"{len(made.rows):,} row{'s' if len(made.rows) != 1 else ''}"
        if len(made.columns) > columns:
            count += f", {columns} of {len(made.columns):,} columns"
        table = trials(made, number, rows, columns, cell_text)
        inner = [*([Shown(table, most=rows, style="bare")] if rows else []), *_rest(len(made.rows), rows, "rows")]
        blocks.append(
            Fold(f"{made.title} ({count})", tuple(inner)) if inner else Paragraph(f"{made.title}: none.", "note")
        )
    return blocks


def _sizes(probe: Probe, room: int) -> list[tuple[int, int]]:
    """Rows and columns shown of each of its tables, which together have `room` cells."""
    sizes = []
    for made in probe.tables[:TABLES]:
        columns = min(len(made.columns), COLUMNS)
        rows = min(len(made.rows), ROWS, max(room, 0) // max(columns, 1))
        room -= rows * columns
        sizes.append((rows, columns))
    return sizes


def _rest(there: int, most: int, what: str) -> list[Block]:
    return (
        [Paragraph(f"{most:,} of {there:,} {what} are shown; {PROBES} holds them all.", "note")] if there > most else []
    )
