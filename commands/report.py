"""`report`: the HTML report and the verdict of a capture, or the map of a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from launchlens.commands.capture_report import report_on
from launchlens.commands.options import Claims, Force, Format, Json, NoCache, TableName, Tables
from launchlens.commands.sweep_report import report_on_sweep


def command(
    capture: Annotated[Path, typer.Argument(help="A folder that `profile` or `profile --sweep` wrote.")],
    output: Annotated[
        Path | None, typer.Option(help="Where to write the report; report.html in the capture by default.")
    ] = None,
    claims: Claims = None,
    as_json: Json = False,
    format: Format = None,
    table: TableName = None,
    tables: Tables = None,
    force: Force = False,
    no_cache: NoCache = False,
) -> None:
    """Write the report of a capture or a sweep again, and its answer.

    Of a capture the answer is the verdict; of a sweep, its map and what its cost model says.

    Example: launchlens report captures/small-copies-20260102-030405
    """
    from launchlens.commands.printing import wanted
    from launchlens.traces import files
    from launchlens.traces.captures.recorded import describe_if_recorded
    from launchlens.traces.source import SweepFolder, source_of

    asked = wanted(format, as_json, table=table, tables=tables, force=force, source=capture)
    html = capture / "report.html" if output is None else files.free(output, force, capture)
    if isinstance(source_of(capture), SweepFolder):
        if claims is not None:
            raise typer.BadParameter("is for captures; give a sweep to `claims`", param_hint="--claims")
        report_on_sweep(capture, html, asked)
        return
    report_on(capture, html, asked, recorded=describe_if_recorded(capture), claims=claims)
