"""Blocks: what a section of a report yields, whatever shows it. Writers (`reports/writers/`) know blocks and no section.

A section is one module in `reports/sections/` with a function from a study, an analysis or a probe to blocks. To show
something new, write one; no writer changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from launchlens.reports.figures.drawing import Drawing
from launchlens.reports.words.sentence import Sentence
from launchlens.traces.tables.table import Table

Tone = Literal["plain", "note", "warning", "error", "good", "bad"]
#: Rows of one table on a page; CSV and JSON hold all.
MOST_ROWS = 200


@dataclass(frozen=True)
class Words:
    """Sentences of one weight, the most important ones largest."""

    sentences: tuple[Sentence, ...]
    weight: Literal["first", "headline", "plain", "caveat"] = "plain"


@dataclass(frozen=True)
class Reference:
    """A part of a text, from one character up to another, that leads to a place of the page."""

    start: int
    end: int
    anchor: str


@dataclass(frozen=True)
class Paragraph:
    """A text of our own. `tone` colours it where there is colour; a `note` stands back.

    `references` are in order and don't overlap: a page makes links of them. `indent`: characters that a terminal leaves free before it.
    """

    text: str
    tone: Tone = "plain"
    references: tuple[Reference, ...] = ()
    indent: int = 0

    @property
    def parts(self) -> Iterator[tuple[str, str]]:
        """The text in parts, each with the place that it leads to, empty for none."""
        at = 0
        for each in self.references:
            yield self.text[at : each.start], ""
            yield self.text[each.start : each.end], each.anchor
            at = each.end
        yield self.text[at:], ""


@dataclass(frozen=True)
class Command:
    """A command line to copy."""

    text: str


@dataclass(frozen=True)
class Legend:
    """Colours and what they stand for: (colour, name, words). `thin` for those of a thin bar.

    `label` stands above them where they are `one_of_several`, and is there for those who don't see them always.
    """

    entries: tuple[tuple[str, str, str], ...]
    label: str
    thin: bool = False
    one_of_several: bool = False


@dataclass(frozen=True)
class Shown:
    """A table as people are shown it: at most `most` rows where it says so, else as many as a writer shows.

    `style` `answer`: the page's first table, wide and open. `bare`: what stands above it says its title already. The rows of an
    `anchored` one can be linked to, as `row_anchor` calls them. Of an extract `whole` is what shows all of it: there each row takes
    one line of a terminal, whose names are cut where it is narrow. `leads` says, by the name of a column, where the cell of each row
    leads to on the page, empty for nowhere.
    """

    table: Table
    most: int | None = None
    style: Literal["plain", "answer", "bare"] = "plain"
    anchored: bool = False
    whole: str = ""
    leads: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """Drawings with their words, and the table of their numbers, folded under `numbers` where it is not open."""

    drawings: tuple[Drawing, ...]
    notes: tuple[str, ...] = ()
    table: Table | None = None
    numbers: str = "The same as a table"


@dataclass(frozen=True)
class Bar:
    """A bar cut into shares of 1: (colour, words, share, text)."""

    title: str
    parts: tuple[tuple[str, str, float, str], ...]


@dataclass(frozen=True)
class Style:
    """How boxes of one kind look on a strip: their colour, that of what stands in them, and their letter, without colour the same."""

    code: str
    colour: str
    ink: str
    letter: str
    words: str


@dataclass(frozen=True)
class Box:
    """A piece of a strip: where it begins and how long it is, as shares of 1. `style` is a style's code.

    `text` stands in it where it has room, `says` is told to who points at it. It leads to `leads_to`, and `anchor` is its own name,
    where it has one. `several` stands for more than one thing.
    """

    start: float
    length: float
    style: str
    text: str
    says: str
    leads_to: str = ""
    anchor: str = ""
    several: bool = False


@dataclass(frozen=True)
class Strip:
    """One lane of a picture over time. `lettered`: the letters of its boxes are what tells them apart."""

    title: str
    boxes: tuple[Box, ...]
    lettered: bool = False


@dataclass(frozen=True)
class Strips:
    """Lanes over one axis of `length_ns`, which can be magnified where a page can do that. `styles` are those of all boxes."""

    id: str
    says: str
    length_ns: int
    strips: tuple[Strip, ...]
    styles: tuple[Style, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fold:
    """Blocks that a reader opens where they can be opened; on a terminal they are shown in full output only."""

    summary: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Chapter:
    """Blocks under a heading of their own; `id` is unique on a page, where something links to it."""

    title: str
    blocks: tuple[Block, ...]
    id: str = ""
    level: Literal[3, 4] = 3


@dataclass(frozen=True)
class Choice:
    """One of several chapters at a time, where a page can do that; elsewhere all of them. `names` are what it is chosen by."""

    id: str
    label: str
    names: tuple[str, ...]
    chapters: tuple[Chapter, ...]


@dataclass(frozen=True)
class Together:
    """Figures that a page can show on the same scale, or each on its own."""

    id: str
    label: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Entry:
    """One item of a list with an outcome: a claim, a probe. `badge` is the outcome in words, `code` its colour's.

    `lead` says it, `details` stand under it.
    """

    title: str
    badge: str
    code: str
    lead: str = ""
    details: tuple[Block, ...] = ()
    id: str = ""


@dataclass(frozen=True)
class Facts:
    """Names and what they are, one of many under `title`."""

    title: str
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Link:
    """A file of the capture, with what is in it and how to open it."""

    path: str
    says: str
    how: str = ""
    address: str = ""


Block = (
    Words
    | Paragraph
    | Command
    | Legend
    | Shown
    | Figure
    | Bar
    | Strips
    | Fold
    | Chapter
    | Choice
    | Together
    | Entry
    | Facts
    | Link
)


@dataclass(frozen=True)
class Section:
    """Blocks under a title; `id` is its anchor and `nav` what a page's navigation calls it."""

    id: str
    nav: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """A whole report: its head and its sections. `banners` are (kind, strong words, more words).

    The tables of a `sortable` page can be sorted by any column, and the long ones searched.
    """

    brand: str
    title: str
    says: str
    measured: str
    sections: tuple[Section, ...]
    banners: tuple[tuple[Literal["recorded", "incomplete"], str, str], ...] = ()
    foot: str = ""
    sortable: bool = False
    data: Sequence[Drawing] = field(default=())


def row_anchor(table: str, row: int) -> str:
    """What the row of a table is called on a page, from 0 on."""
    return f"{table}-{row + 1}"


def tables(blocks: Sequence[Block]) -> list[Table]:
    """Every table among blocks, in their order: what CSV and parquet write."""
    found: list[Table] = []
    for block in blocks:
        match block:
            case Shown(table=table):
                found.append(table)
            case Figure(table=Table() as table):
                found.append(table)
            case Fold(blocks=inner) | Chapter(blocks=inner) | Together(blocks=inner) | Entry(details=inner):
                found += tables(inner)
            case Choice(chapters=chapters):
                found += tables(chapters)
    return found


def drawings(blocks: Sequence[Block]) -> list[Drawing]:
    """Every drawing among blocks, in their order."""
    found: list[Drawing] = []
    for block in blocks:
        match block:
            case Figure(drawings=mine):
                found += mine
            case Fold(blocks=inner) | Chapter(blocks=inner) | Together(blocks=inner) | Entry(details=inner):
                found += drawings(inner)
            case Choice(chapters=chapters):
                found += drawings(chapters)
    return found
