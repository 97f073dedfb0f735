"""One trace: what `analyze` shows of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from launchlens.commands.texts import texts_of_python

if TYPE_CHECKING:
    from launchlens.reports.output import Result, Wanted
    from launchlens.traces.cache.kept_analysis import Analysed
    from launchlens.traces.documents.analysis import AnalysisDocument
    from launchlens.traces.source import OneTrace

#: Rows of each table, where `--top` says nothing: on the first screen where little stands above them, and there at least, so that it
#: has no more than 50 lines of 100 columns; and elsewhere.
MOST_ON_A_SCREEN, LEAST_ON_A_SCREEN, IN_FULL = 5, 3, 15


@dataclass(frozen=True)
class TraceAsked:
    """What the command line asks of one trace. `show`: this table alone; `full`: every analysis; `top`: rows of each table."""

    path: Path
    range_name: str | None
    thread: str | None
    steps: str | None
    step: str | None
    by_shape: bool
    partial: bool
    show: str | None
    html: Path | None
    full: bool
    top: int | None


def show_trace(asked: Wanted, of: TraceAsked) -> None:
    """Read it, and write what it says. Raises InputError where it can't be used."""
    from launchlens.traces.source import as_one, source_of

    one_trace = as_one(source_of(of.path))
    one_trace.check()  # before all that answers anything about a trace is imported, which takes a second
    found = _found(one_trace, of, _wanted_analyses(asked, of))
    if of.html is not None:
        from launchlens.reports.pages import trace as shown
        from launchlens.reports.writers.html import html as page_text
        from launchlens.traces import files

        with files.writable(of.html):
            page = shown.page(found.document, [*found.answered.tables.values()], found.timelines)
            files.write_text(of.html, page_text(page))
    asked.write(_result(asked, of, found))
    if of.html is not None and asked.is_for_people:
        typer.echo(f"\nReport: {of.html}")


def _wanted_analyses(asked: Wanted, of: TraceAsked) -> list[str]:
    """The analyses that are put to the trace: those that are shown, and for a page, scripts or a folder every one."""
    from launchlens.reports.pages import trace as shown
    from launchlens.traces.analyses import catalogue

    one, names = of.show or asked.table, [question.name for question in catalogue.CATALOGUE]
    if of.html is not None or asked.folder is not None or asked.format == "json":
        return names
    if one is not None:
        # an unknown name is refused with all that there are
        return [one] if one in names else [] if one in shown.OF_DOCUMENT else names
    brief = asked.format in ("table", "markdown") and not of.full
    return [*catalogue.BRIEF, *catalogue.SAID] if brief else names


@texts_of_python()
def _found(one_trace: OneTrace, of: TraceAsked, names: list[str]) -> Analysed:
    from launchlens.reports.progress import reading
    from launchlens.traces.cache.kept_analysis import Asked, analysis_of

    with reading(of.path.name) as progress:
        drawn = of.html is not None
        asked = Asked(tuple(names), of.range_name, of.thread, of.steps, of.by_shape, of.partial, drawn, of.step)
        return analysis_of(one_trace, asked, progress)


def rows_on_a_screen(document: AnalysisDocument) -> int:
    """How many rows of each table the first screen has room for below its advice, of some four lines each, and what was met."""
    met = [each for each in document.problems if each.code != "table-absent"]
    above = len(document.advice) + len(met)
    return max(MOST_ON_A_SCREEN - max(above - 1, 0), LEAST_ON_A_SCREEN)


def _result(asked: Wanted, of: TraceAsked, found: Analysed) -> Result:
    from launchlens.reports.blocks import Shown
    from launchlens.reports.output import Result
    from launchlens.reports.pages import trace as shown

    document, made, one = found.document, [*found.answered.tables.values()], of.show or asked.table
    brief = None if of.full else of.top or rows_on_a_screen(document)
    if one is None:
        return Result(
            lambda: document,
            lambda: shown.blocks(document, made, brief=brief),
            lambda: shown.tables(document, made),
        )
    alone = shown.one(document, found.answered, one, "--show" if of.show else "--table")
    return Result(
        lambda: document,
        lambda: [Shown(shown.for_people(alone))],
        lambda: shown.tables(document, made),
        alone=one,
    )
