"""Probes on a terminal: the question, the answer and its controls; in full also the figures and what was measured."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from launchlens.reports.terminal.parts import TEXT, print_indented, short, table_of
from launchlens.reports.words.claims import between, value
from launchlens.reports.words.probes import (
    all_numbers,
    cell_text,
    controls_words,
    doubt,
    says,
    sentences,
    verdict_or_doubt,
)
from launchlens.traces.captures.probes import PROBES, Probe, ProbeTable

#: Characters of an answer that stands among others, and of one that is printed in full.
BRIEF, WHOLE_ANSWER = 480, 4000
#: Rows of a table, and columns of it; what is left out is counted.
ROWS, COLUMNS = 40, 24
#: Characters of a cell.
CELL = 40


def print_probe(console: Console, probe: Probe, full: bool) -> None:
    """What one probe asks, found and rests on; `full` also prints its controls, figures, tables and notes."""
    line = Text.assemble((f"probe {short(probe.id)}", "bold"), "  ")
    line.append(short(probe.asks, TEXT), "bold")
    console.print(line, soft_wrap=True)
    unsure = doubt(probe)
    answer = f"{verdict_or_doubt(probe)}. {says(probe)}".strip()
    for text in sentences(short(answer, WHOLE_ANSWER)) if full else [short(answer, BRIEF)]:
        print_indented(console, text, "yellow" if unsure else "", "  ", WHOLE_ANSWER)
    failed = any(not control.passed for control in probe.controls)
    print_indented(console, f"controls: {controls_words(probe)}", "red" if failed else "dim", "  ")
    if not full:
        return
    if probe.controls:
        _print_controls(console, probe)
    if probe.figures:
        console.print()
        console.print(_figures(probe))
    for table in probe.tables:
        console.print()
        console.print(_table(console, table))
        if len(table.rows) > ROWS or len(table.columns) > COLUMNS:
            shown = f"{min(len(table.rows), ROWS):,} of {len(table.rows):,} rows"
            shown += f", {COLUMNS} of {len(table.columns):,} columns" if len(table.columns) > COLUMNS else ""
            console.print(f"{shown}; {PROBES} holds them all", style="dim", highlight=False)
    if probe.notes:
        console.print()
    for note in probe.notes:
        print_indented(console, note, "dim", "")


def _print_controls(console: Console, probe: Probe) -> None:
    console.print()
    for control in probe.controls:
        mark = ("passed    ", "green") if control.passed else ("not passed", "bold red")
        console.print(Text.assemble(mark, "  ", short(control.control, TEXT)), soft_wrap=True)
        if control.found:
            print_indented(console, f"found: {control.found}", "dim", " " * 12)


def _figures(probe: Probe) -> Table:
    table = table_of(f"figures ({min(len(probe.figures), ROWS):,} of {len(probe.figures):,})")
    table.add_column("figure")
    table.add_column("value", justify="right")
    sure = any(item.interval for item in probe.figures)
    if sure:
        table.add_column("95 % interval", justify="right")
    for item in probe.figures[:ROWS]:
        texts = (item.figure, value(item), between(item)) if sure else (item.figure, value(item))
        table.add_row(*(escape(short(text, 80)) for text in texts))
    return table


def _table(console: Console, it: ProbeTable) -> Table:
    """Rows as they are on a console that is wide enough; rich folds the cells of one that isn't."""
    table = table_of(short(it.title, max(console.width - 1, 40)))
    columns = it.columns[:COLUMNS]
    for at, column in enumerate(columns):
        table.add_column(
            escape(short(column, CELL)), justify="right" if all_numbers(it.rows[:ROWS], at) else "left", overflow="fold"
        )
    for row in it.rows[:ROWS]:
        texts = [cell_text(cell) for cell in row[: len(columns)]]
        table.add_row(*(escape(short(text, CELL)) for text in texts))
    return table
