"""Several traces as the ranks of a job: the page, and the same blocks for every other medium."""

from __future__ import annotations

from collections import Counter

from launchlens.reports.blocks import Block, Page, Paragraph, Section, Shown
from launchlens.reports.pages.trace import TONES
from launchlens.reports.words.recorder import recorders
from launchlens.traces.documents.fleet import FleetDocument
from launchlens.traces.tables import of_fleet
from launchlens.traces.tables.table import Table

#: Rows that the first screen shows of each table.
ON_A_SCREEN = 12
#: Tables that it leaves out.
BEYOND_A_SCREEN = ("waits", "rank_idle", "rank_time", "fleet_account")


def page(document: FleetDocument) -> Page:
    """The fleet as a page with every table."""
    first = Section("answer", "Answer", "What matters most", tuple(_head(document)))
    shown = [
        Section(f"table-{each.name}", each.title.split(",")[0], each.title, (Shown(each, style="bare"),))
        for each in of_fleet.tables(document)
    ]
    devices = Counter(each.device for each in document.ranks if each.device)
    on = "".join(f"; {count} × {device}" for device, count in devices.items())
    return Page(
        brand="launchlens fleet",
        title=_count(document),
        says="",
        measured=f"{_count(document)}, {_steps(document)}{on}",
        sections=(first, *shown),
        foot="Made by launchlens. This page is complete in itself: it loads nothing, and runs one script, which sorts and searches tables.",
        sortable=True,
    )


def blocks(document: FleetDocument, *, full: bool = False) -> list[Block]:
    """What a terminal shows: what it is of, the sentence, the problems, and tables; all of them with `full`."""
    shown = of_fleet.tables(document)
    if not full:
        shown = [each for each in shown if each.name not in BEYOND_A_SCREEN]
    return [
        Paragraph(f"{_count(document)}, {_steps(document)}, recorded by {_recorders(document)}"),
        *_head(document),
        *(Shown(for_people(each), most=None if full else ON_A_SCREEN) for each in shown),
    ]


def for_people(table: Table) -> Table:
    """A table with the columns that a terminal has room for; files and the page have all."""
    return table.pick(table.title, *of_fleet.RANKS_ON_A_SCREEN) if table.name == "ranks" else table


def _head(document: FleetDocument) -> list[Block]:
    found: list[Block] = [Paragraph(document.sentence)]
    found += [Paragraph(each.sentence) for each in (document.stragglers or ())[1:]]
    for each in document.problems:
        found.append(Paragraph(f"{each.severity}: {each.count} × {each.code}: {each.meaning}", TONES[each.severity]))
    return found


def _count(document: FleetDocument) -> str:
    count = len(document.ranks)
    of = document.ranks_in_job
    return f"{count} rank{'' if count == 1 else 's'}" + (f" of {of}" if of is not None and of > count else "")


def _steps(document: FleetDocument) -> str:
    counts = sorted({each.steps for each in document.ranks})
    if len(counts) == 1:
        return f"{counts[0]} step{'' if counts[0] == 1 else 's'} each"
    return f"{counts[0]} to {counts[-1]} steps"


def _recorders(document: FleetDocument) -> str:
    return recorders(each.recorded_by for each in document.ranks)
