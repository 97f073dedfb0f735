"""Blocks on a terminal: sentences wrapped, tables without lines, colour only where the console is a terminal."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from launchlens.reports.blocks import (
    Bar,
    Block,
    Chapter,
    Choice,
    Command,
    Entry,
    Facts,
    Figure,
    Fold,
    Legend,
    Link,
    Paragraph,
    Shown,
    Strips,
    Together,
    Words,
)
from launchlens.reports.console import plain
from launchlens.reports.writers.as_read import Read, as_read, title
from launchlens.traces.tables.table import Column, Table

#: Names longer than this are cut in tables: a kernel name can be a page long.
NAME_WIDTH = 60
#: A text of ours is folded in its column, and cut only where no person would read on.
TEXT_WIDTH = 600
#: Longest text printed of one item's words; a hostile file must not fill the screen.
LONGEST = 4000
#: Characters that a column of names keeps, and a heading's line, however narrow the terminal; and a heading's line of an extract, which has few lines.
_LEAST_NAME, _LEAST_HEADING, _LEAST_OF_EXTRACT = 20, 10, 12
#: What Rich leaves free between two columns.
_BETWEEN = "  "

_TONES = {"plain": "", "note": "dim", "warning": "yellow", "error": "bold red", "good": "green", "bad": "red"}
_WEIGHTS = {"first": "bold red", "headline": "bold", "plain": "", "caveat": "dim"}
#: Of badges and codes.
_CODES = {
    "supported": "bold green",
    "passed": "green",
    "refuted": "bold red",
    "not-testable": "dim",
    "failed": "bold red",
    "not-passed": "bold red",
    "amiss": "bold red",
    "depends": "bold yellow",
    "not-reproduced": "bold yellow",
    "undecided": "bold",
    "doubt": "bold yellow",
    "answered": "bold",
}


def text(blocks: Sequence[Block], *, full: bool = False, most: int = 15) -> str:
    """Blocks as a terminal would show them, without colour, as text for a file."""
    out = io.StringIO()
    write(plain(out), blocks, full=full, most=most)
    return out.getvalue()


def short(name: str, width: int = NAME_WIDTH) -> str:
    """A name cut to `width`, control characters shown as `?`: a trace must not be able to drive the terminal."""
    if len(name) <= width and name.isprintable():
        return name
    clean = "".join(character if character.isprintable() else "?" for character in name[: width + 1])
    return clean if len(clean) <= width else clean[: width - 1] + "…"


def write(console: Console, blocks: Sequence[Block], *, full: bool = False, most: int = 15) -> None:
    """Print blocks one under the other. `full` also what a page folds away; `most` rows of a table that says no less."""
    shown = [block for block in blocks if _is_shown(block, full)]
    for at, block in enumerate(shown):
        if at and _apart(shown[at - 1], block):
            console.print()
        _print(console, block, full, most)


def _is_shown(block: Block, full: bool) -> bool:
    """Whether anything is printed of a block: not of the colours of a page, nor of what is folded in brief output."""
    return not isinstance(block, Legend | Bar | Strips) and (full or not isinstance(block, Fold | Figure | Facts))


def _apart(before: Block, block: Block) -> bool:
    """Whether an empty line stands between two blocks: between all but paragraphs and links of a kind."""
    alike = (Paragraph, Link)
    return not (isinstance(before, alike) and isinstance(block, alike))


def _print(console: Console, block: Block, full: bool, most: int) -> None:
    match block:
        case Words():
            for sentence in block.sentences:
                wrapped(console, sentence.text, _WEIGHTS[block.weight], later="  ")
        case Paragraph():
            left = " " * block.indent
            wrapped(console, block.text, _TONES[block.tone], first=left, later=left or "  ")
        case Command():
            console.print(Text(short(block.text, LONGEST)), soft_wrap=True)
        case Shown():
            _print_table(console, block.table, block.most or most, block.style == "bare", block.whole)
            for note in block.table.notes:
                wrapped(console, note, "dim")
        case Figure():
            if block.table is not None:
                _print_table(console, block.table, most)
            for note in block.notes:
                wrapped(console, note, "dim")
        case Fold():
            console.print(Text(short(block.summary, TEXT_WIDTH), "bold"))
            write(console, block.blocks, full=full, most=most)
        case Chapter():
            if block.title:
                console.print(Text(short(block.title, TEXT_WIDTH), "bold"), soft_wrap=True)
            write(console, block.blocks, full=full, most=most)
        case Choice():
            write(console, block.chapters, full=full, most=most)
        case Together():
            write(console, block.blocks, full=full, most=most)
        case Entry():
            _entry(console, block, full, most)
        case Facts():
            wrapped(console, f"{block.title}: " + "; ".join(f"{name} {value}" for name, value in block.pairs), "")
        case Link():
            wrapped(console, f"{block.path}: {block.says}" if block.says else block.path, "", later="  ")


def wrapped(console: Console, text: str, style: str, first: str = "", later: str = "") -> None:
    """A text wrapped to the console, its first line behind `first`, every other behind `later`."""
    lines = textwrap.wrap(
        short(text, LONGEST),
        max(console.width - 2, 50),
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,  # a variant's name stays one word
    )
    console.print(Text("\n".join(lines), style), soft_wrap=True)


def _entry(console: Console, block: Entry, full: bool, most: int) -> None:
    line = Text.assemble((block.badge, _CODES.get(block.code, "")), "  " if block.badge else "")
    line.append(short(block.title, TEXT_WIDTH), "bold")
    console.print(line, soft_wrap=True)
    if block.lead:
        wrapped(console, block.lead, "yellow" if block.code == "doubt" else "", "    ", "      ")
    for each in block.details:
        match each:
            case Paragraph():
                wrapped(console, each.text, _TONES[each.tone], "    ", "      ")
            case _:
                _print(console, each, full, most)


def _print_table(console: Console, it: Table, most: int, bare: bool = False, whole: str = "") -> None:
    """A table of its first `most` rows, its title above it; one with a sum, or crosswise, whole.

    Of an extract `whole` is what shows the rest.
    """
    read = as_read(it, most)
    said = title(it, len(read.rows), read.there, bare=bare)
    if said:
        more = f", more: {whole}" if whole and read.there > len(read.rows) else ""
        wrapped(console, short(said, 3 * NAME_WIDTH) + more, "bold")
    console.print(_table(_on_one_line(read, console.width), _LEAST_OF_EXTRACT) if whole else _table(read))


def _on_one_line(read: Read, width: int) -> Read:
    """A table whose names are cut, the longest first, as far as it takes for each row to have room on one line."""
    widths = [
        max(
            map(
                len,
                (
                    *_folded(short(column.heading), max(widest, _LEAST_OF_EXTRACT)).split("\n"),
                    *(short(row[at]) for row in read.rows),
                ),
            )
        )
        for at, column in enumerate(read.columns)
        for widest in [max((len(row[at]) for row in read.rows), default=0)]
    ]
    names = [at for at, column in enumerate(read.columns) if column.kind == "name"]
    beyond = sum(widths) + len(_BETWEEN) * (len(widths) - 1) - width
    while beyond > 0 and names and widths[longest := max(names, key=widths.__getitem__)] > _LEAST_NAME:
        widths[longest] -= 1
        beyond -= 1
    rows = [[short(cell, widths[at]) if at in names else cell for at, cell in enumerate(row)] for row in read.rows]
    return replace(read, rows=rows)


def _table(read: Read, heading: int = _LEAST_HEADING) -> RichTable:
    table = RichTable(header_style="", box=None, pad_edge=False)
    for at, column in enumerate(read.columns):
        widest = max((len(row[at]) for row in read.rows), default=0)
        table.add_column(
            Text(_folded(short(column.heading), max(widest, heading))),
            justify="right" if column.is_number else "left",
            vertical="top",
            no_wrap=column.is_number or column.kind == "code",
            min_width=min(_LEAST_NAME, widest) if column.kind == "name" else None,
            overflow="fold",
        )
    for at, row in enumerate(read.rows):
        cells = (_cell(column, text) for column, text in zip(read.columns, row, strict=True))
        table.add_row(*cells, style="bold" if at in read.sums else None)
    return table


def _cell(column: Column, text: str) -> Text:
    """A cell that nothing in it can style: codes of an outcome have its colour."""
    style = _CODES.get(text.replace(" ", "-"), "") if column.kind == "code" else ""
    return Text(short(text, TEXT_WIDTH if column.kind == "text" else NAME_WIDTH), style)


def _folded(heading: str, width: int) -> str:
    """A heading on as many lines as its column is narrow: a few digits don't stand below a sentence."""
    return "\n".join(textwrap.wrap(heading, width, break_long_words=False))
