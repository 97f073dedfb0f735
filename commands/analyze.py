"""`analyze`: what a trace holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from launchlens.commands.options import Force, Format, Json, NoCache, Output, TableName, Tables

if TYPE_CHECKING:
    from launchlens.reports.output import Wanted

#: Rows of each table on the first screen, and elsewhere, where `--top` says nothing.
ON_A_SCREEN, IN_FULL = 5, 15


def command(
    traces: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="TRACE",
            help="A Kineto trace (.json, .json.gz), an Nsight Systems sqlite export (or, with nsys, report), or a CUPTI recording. "
            "Several, a folder of them or a pattern: the ranks of one job.",
        ),
    ] = None,
    listing: Annotated[
        bool, typer.Option("--list", help="List the analyses and what each asks; reads no trace.")
    ] = False,
    show: Annotated[
        str | None, typer.Option(metavar="NAME", help="Show this table alone, an analysis' or another one.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Show every analysis, not the first screen alone.")] = False,
    range_name: Annotated[
        str | None,
        typer.Option(
            "--range",
            help="Account for all instances of this range, or of a pattern such as 'ProfilerStep*', instead of the whole trace: verdict, "
            "advice and tables are of them as well.",
        ),
    ] = None,
    thread: Annotated[
        str | None, typer.Option(metavar="ID", help="Account for this thread instead of its whole process.")
    ] = None,
    steps: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="Ranges that are the steps, as in 'iteration*'; else the profiler's own, or what repeats.",
        ),
    ] = None,
    step: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="With --html: show this step's timeline first, by its name, the number at its end, or its place from 1 on.",
        ),
    ] = None,
    by_shape: Annotated[
        bool,
        typer.Option("--by-shape", help="Tell ops apart by the shapes of their inputs, where these were recorded."),
    ] = False,
    as_json: Json = False,
    format: Format = None,
    table: TableName = None,
    tables: Tables = None,
    output: Output = None,
    html: Annotated[Path | None, typer.Option(help="Write the analysis as one HTML file.")] = None,
    partial: Annotated[bool, typer.Option(help="Keep the whole events of a JSON trace that breaks off.")] = False,
    top: Annotated[
        int | None, typer.Option(min=1, help=f"Rows per table: {IN_FULL}, and {ON_A_SCREEN} on the first screen.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Of several traces: processes that read them; by default as many as cores and memory allow."
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Of several traces: let this Dask cluster read them, as in tcp://host:8786."
        ),
    ] = None,
    force: Force = False,
    no_cache: NoCache = False,
) -> None:
    """Say what a trace holds, and where its time goes.

    Of several traces it says which rank keeps the others waiting, and why. Of one:
    GPU work, launches and what they cost, kernels, operators, ranges, and a time account; --full shows every analysis, and --json
    holds them all.

    Example: launchlens analyze trace.json.gz --range ProfilerStep#1
    """
    from launchlens.commands.fleet_report import FleetAsked, are_several, refuse, show_fleet
    from launchlens.commands.printing import wanted
    from launchlens.reports.blocks import Shown
    from launchlens.reports.output import Result
    from launchlens.reports.pages import trace as shown
    from launchlens.reports.progress import reading
    from launchlens.traces import files
    from launchlens.traces.analyses import catalogue
    from launchlens.traces.analysis import analyze, as_document
    from launchlens.traces.cache.kept_analysis import Asked, analysis_of
    from launchlens.traces.source import as_one, source_of

    trace = traces[0] if traces else None
    asked = wanted(
        format, as_json, table=table, tables=tables, output=output, force=force, source=trace, rows=top or IN_FULL
    )
    if listing:
        _list(asked)
        return
    if trace is None or not traces:
        raise typer.BadParameter("give a trace, or --list", param_hint="TRACE")
    if show is not None and table is not None:
        raise typer.BadParameter("give one of --show and --table", param_hint="--show")
    if step is not None and html is None:
        raise typer.BadParameter("is of the page: give --html as well", param_hint="--step")
    if html is not None:
        files.free(html, force, trace)
    of_one = {"--range": range_name, "--thread": thread, "--by-shape": by_shape, "--partial": partial, "--step": step}
    if are_several(traces):
        refuse(of_one, "is of one trace, and these are several")
        asked_of = FleetAsked(traces, steps, workers, scheduler, show, html, full or top is not None)
        show_fleet(asked, asked_of)
        return
    refuse({"--workers": workers, "--scheduler": scheduler}, "is for several traces, or a folder of them")
    one = show or table
    names = [question.name for question in catalogue.CATALOGUE]
    every = html is not None or asked.folder is not None
    if one is not None and not every and not as_json:
        # an unknown name is refused with all that there are
        names = [one] if one in names else [] if one in shown.OF_DOCUMENT else names
    elif asked.format in ("table", "markdown") and not every and not full:
        names = [*catalogue.BRIEF, *catalogue.SAID]
    with reading(trace.name) as progress:
        one_trace = as_one(source_of(trace))
        if html is None:
            found = analysis_of(one_trace, Asked(tuple(names), range_name, thread, steps, by_shape, partial), progress)
            document, answered, timelines = found.document, found.answered, []
        else:  # the timeline of a step is drawn from its events, which no answer that was kept holds
            opened = one_trace.read(partial=partial, progress=progress)
            analysis = analyze(opened, range_name=range_name, thread=thread, steps=steps)
            answered = analysis.answers(names, by_shape=by_shape)
            document, timelines = as_document(analysis, answered), analysis.timelines(step)
    made = [*answered.tables.values()]
    if html is not None:
        from launchlens.reports.writers.html import html as page_text

        with files.writable(html):
            files.write_text(html, page_text(shown.page(document, made, timelines)))
    if one is not None:
        alone = shown.one(document, answered, one, "--show" if show else "--table")
        asked.write(
            Result(
                lambda: document,
                lambda: [Shown(shown.for_people(alone))],
                lambda: shown.tables(document, made),
                alone=one,
            )
        )
    else:
        asked.write(
            Result(
                lambda: document,
                lambda: (
                    shown.blocks(document, made) if full else shown.blocks(document, made, brief=top or ON_A_SCREEN)
                ),
                lambda: shown.tables(document, made),
            )
        )
    if html is not None and asked.is_for_people:
        typer.echo(f"\nReport: {html}")


def _list(asked: Wanted) -> None:
    from launchlens.reports.blocks import Shown
    from launchlens.reports.output import Result
    from launchlens.traces.analyses.catalogue import CATALOGUE
    from launchlens.traces.documents.analysis_list import AnalysisListDocument, ListedAnalysis
    from launchlens.traces.tables import plain

    listed = [
        ListedAnalysis(name=each.name, asks=each.asks, columns=[column.name for column in each.columns])
        for each in CATALOGUE
    ]
    table = plain.analysis_list(listed)
    asked.write(
        Result(lambda: AnalysisListDocument(analyses=listed), lambda: [Shown(table, most=len(table))], lambda: [table])
    )
