"""`compare`: two sides, and where their difference lies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from launchlens.commands.capture_report import study_of
from launchlens.commands.options import Force, Format, Json, NoCache, Output, Steps, TableName, Tables
from launchlens.commands.texts import texts_of_python

if TYPE_CHECKING:
    from launchlens.reports.output import Wanted


def command(
    a: Annotated[str, typer.Argument(metavar="A", help="PATH or PATH::NAME, the side to compare with: see below.")],
    b: Annotated[str, typer.Argument(metavar="B", help="PATH or PATH::NAME, the side compared.")],
    also_a: Annotated[
        list[str] | None,
        typer.Option("--a", metavar="PATH", help="Another trace of side A, recorded of the same; may be repeated."),
    ] = None,
    also_b: Annotated[
        list[str] | None, typer.Option("--b", metavar="PATH", help="Another trace of side B; may be repeated.")
    ] = None,
    steps: Steps = None,
    full: Annotated[bool, typer.Option("--full", help="Of traces: every table and column, not one screen.")] = False,
    html: Annotated[Path | None, typer.Option(help="Of traces: write the comparison as one HTML file.")] = None,
    as_json: Json = False,
    format: Format = None,
    table: TableName = None,
    tables: Tables = None,
    output: Output = None,
    force: Force = False,
    no_cache: NoCache = False,
) -> None:
    """Say by how much B differs from A, and where that lies.

    Two traces: their steps, and the difference of one by range, operator, kernel, cause of idle time and account, in tables that
    sum to it. A side may be several traces (a folder, a pattern such as 'runs/*.json.gz', or --a and --b), or TRACE::RANGE, where
    RANGE may be a pattern.

    Two captures, or CAPTURE::VARIANT: the unprofiled ratio with its interval, and the difference in parts. Between captures a
    difference is shown by three runs or more of either side: a folder of captures, for CAPTURE, stands for all in it.

    Example: launchlens compare before.json.gz after.json.gz
    """
    from launchlens.commands.printing import wanted
    from launchlens.reports.output import Result
    from launchlens.reports.pages import comparisons as shown
    from launchlens.traces import files
    from launchlens.traces.studies.document import as_document
    from launchlens.traces.studies.named_sides import comparisons_of, named, runs_of

    asked = wanted(format, as_json, table=table, tables=tables, output=output, force=force, source=named(a)[0])
    captures = bool(runs_of(named(a)[0])) and bool(runs_of(named(b)[0])) and not also_a and not also_b
    if captures:
        for option, value in (("--steps", steps), ("--html", html)):
            if value is not None:
                raise typer.BadParameter("is for traces: of a capture, use `report`", param_hint=option)
        found = comparisons_of(named(a), named(b), study_of)
        of: Literal["captures", "traces"] = "captures"
        asked.write(Result(lambda: as_document(found, of), lambda: shown.blocks(found), lambda: shown.tables(found)))
        return
    if html is not None:
        files.free(html, force, named(a)[0])
    _of_traces([a, *(also_a or ())], [b, *(also_b or ())], asked, steps=steps, full=full, html=html)


@texts_of_python()
def _of_traces(a: list[str], b: list[str], asked: Wanted, *, steps: str | None, full: bool, html: Path | None) -> None:
    from launchlens.reports.output import Result
    from launchlens.reports.pages import trace_comparison as shown
    from launchlens.reports.progress import reading
    from launchlens.traces import files
    from launchlens.traces.comparisons.compare import compare_traces
    from launchlens.traces.comparisons.document import as_document
    from launchlens.traces.comparisons.of_ranges import ranges_against_each_other

    found = compare_traces(a, b, steps=steps, reading=reading)
    document = as_document(found, ranges_against_each_other(found))
    if html is not None:
        from launchlens.reports.writers.html import html as page_text

        with files.writable(html):
            files.write_text(html, page_text(shown.page(document)))
    asked.write(
        Result(
            lambda: document,
            lambda: shown.blocks(document, brief=None if full else shown.ON_A_SCREEN),
            lambda: shown.tables(document),
            full=full,
        )
    )
    if html is not None and asked.is_for_people:
        typer.echo(f"\nReport: {html}")
