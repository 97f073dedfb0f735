"""`analyze`: what a trace holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from launchlens.commands.options import Force, Format, Json, Output, TableName


def command(
    trace: Annotated[
        Path,
        typer.Argument(
            help="A Kineto trace (.json, .json.gz), an Nsight Systems sqlite export (or, with nsys, report), or a CUPTI recording."
        ),
    ],
    range_name: Annotated[
        str | None, typer.Option("--range", help="Account for all instances of this range instead of the whole trace.")
    ] = None,
    as_json: Json = False,
    format: Format = None,
    table: TableName = None,
    output: Output = None,
    html: Annotated[Path | None, typer.Option(help="Write the analysis as one HTML file.")] = None,
    partial: Annotated[bool, typer.Option(help="Keep the whole events of a JSON trace that breaks off.")] = False,
    top: Annotated[int, typer.Option(min=1, help="Rows per table.")] = 15,
    force: Force = False,
) -> None:
    """Say what a trace holds, and where its time goes.

    GPU work, launches and what they cost, ranges, and a time account.

    Example: launchlens analyze trace.json.gz --range ProfilerStep#1
    """
    from launchlens.commands.printing import wanted
    from launchlens.reports.output import Result
    from launchlens.reports.pages import trace as shown
    from launchlens.reports.progress import reading
    from launchlens.traces import files
    from launchlens.traces.analysis import analyze, as_document
    from launchlens.traces.source import open_trace

    asked = wanted(format, as_json, table=table, output=output, force=force, source=trace, rows=top)
    if html is not None:
        files.free(html, force, trace)
    with reading(trace.name) as progress:
        document = as_document(analyze(open_trace(trace, partial=partial, progress=progress), range_name=range_name))
    if html is not None:
        from launchlens.reports.writers.html import html as page_text

        with files.writable(html):
            files.write_text(html, page_text(shown.page(document)))
    asked.write(Result(lambda: document, lambda: shown.blocks(document), lambda: shown.tables(document)))
    if html is not None and asked.is_for_people:
        typer.echo(f"\nReport: {html}")
