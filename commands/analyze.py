"""`analyze`: what a trace holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from launchlens.commands.options import Force, Format, Json, NoCache, Output, Steps, TableName, Tables
from launchlens.commands.trace_report import IN_FULL, LEAST_ON_A_SCREEN, MOST_ON_A_SCREEN, TraceAsked, show_trace

if TYPE_CHECKING:
    from launchlens.reports.output import Wanted

Traces = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="TRACE",
        help="A Kineto trace (.json, .json.gz), an Nsight Systems sqlite export (or, with nsys, report), or a CUPTI recording. "
        "Several, a folder of them or a pattern: the ranks of one job.",
    ),
]
Listing = Annotated[bool, typer.Option("--list", help="List the analyses and what each asks; reads no trace.")]
Show = Annotated[str | None, typer.Option(metavar="NAME", help="Show this table alone, an analysis' or another one.")]
Full = Annotated[bool, typer.Option("--full", help="Show every analysis, not the first screen alone.")]
RangeName = Annotated[
    str | None,
    typer.Option(
        "--range",
        help="Account for all instances of this range, or of a pattern such as 'ProfilerStep*', instead of the whole trace: verdict, "
        "advice and tables are of them as well.",
    ),
]
Thread = Annotated[str | None, typer.Option(metavar="ID", help="Account for this thread instead of its whole process.")]
Step = Annotated[
    str | None,
    typer.Option(
        metavar="N",
        help="With --html: show this step's timeline first, by its name, the number at its end, or its place from 1 on.",
    ),
]
ByShape = Annotated[
    bool, typer.Option("--by-shape", help="Tell ops apart by the shapes of their inputs, where these were recorded.")
]
Html = Annotated[Path | None, typer.Option(help="Write the analysis as one HTML file.")]
Partial = Annotated[bool, typer.Option(help="Keep the whole events of a JSON trace that breaks off.")]
Top = Annotated[
    int | None,
    typer.Option(
        min=1, help=f"Rows per table: {IN_FULL}, and {LEAST_ON_A_SCREEN} to {MOST_ON_A_SCREEN} on the first screen."
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1, help="Of several traces: processes that read them; by default as many as cores and memory allow."
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Of several traces: let this Dask cluster read them, as in tcp://host:8786."),
]


def command(
    traces: Traces = None,
    listing: Listing = False,
    show: Show = None,
    full: Full = False,
    range_name: RangeName = None,
    thread: Thread = None,
    steps: Steps = None,
    step: Step = None,
    by_shape: ByShape = False,
    as_json: Json = False,
    format: Format = None,
    table: TableName = None,
    tables: Tables = None,
    output: Output = None,
    html: Html = None,
    partial: Partial = False,
    top: Top = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    force: Force = False,
    no_cache: NoCache = False,
) -> None:
    """Say what a trace holds, and where its time goes.

    Of several traces it says which rank keeps the others waiting, and why. Of one:
    GPU work, launches and what they cost, kernels, operators, ranges, and a time account; --full shows every analysis, and --json
    holds them all.

    Example: launchlens analyze trace.json.gz --range ProfilerStep#1
    """
    from launchlens.commands.printing import wanted

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
        from launchlens.traces import files

        files.free(html, force, trace)
    from launchlens.commands.fleet_report import FleetAsked, are_several, show_fleet

    of_one = {"--range": range_name, "--thread": thread, "--by-shape": by_shape, "--partial": partial, "--step": step}
    if are_several(traces):
        _refuse(of_one, "is of one trace, and these are several")
        show_fleet(asked, FleetAsked(traces, steps, workers, scheduler, show, html, full or top is not None))
        return
    _refuse({"--workers": workers, "--scheduler": scheduler}, "is for several traces, or a folder of them")
    show_trace(
        asked,
        TraceAsked(trace, range_name, thread, steps, step, by_shape, partial, show=show, html=html, full=full, top=top),
    )


def _refuse(options: Mapping[str, object], why: str) -> None:
    """Raise BadParameter for the first of these options that was given."""
    for name, value in options.items():
        if value:
            raise typer.BadParameter(why, param_hint=name)


def _list(asked: Wanted) -> None:
    from launchlens.reports.blocks import Shown
    from launchlens.reports.output import Result
    from launchlens.traces.analyses.catalogue import CATALOGUE
    from launchlens.traces.documents.analysis_list import AnalysisListDocument, ListedAnalysis
    from launchlens.traces.tables import listings

    listed = [
        ListedAnalysis(name=each.name, asks=each.asks, columns=[column.name for column in each.columns])
        for each in CATALOGUE
    ]
    table = listings.analysis_list(listed)
    asked.write(
        Result(lambda: AnalysisListDocument(analyses=listed), lambda: [Shown(table, most=len(table))], lambda: [table])
    )
