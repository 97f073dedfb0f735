"""`compare`: two sides, their ratio, and the difference in parts."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from launchlens.commands.capture_report import study_of
from launchlens.commands.options import Force, Format, Json, Output, TableName


def command(
    a: Annotated[str, typer.Argument(metavar="A", help="PATH::NAME, the side to compare with: see below.")],
    b: Annotated[str, typer.Argument(metavar="B", help="PATH::NAME, the side compared.")],
    as_json: Json = False,
    format: Format = None,
    table: TableName = None,
    output: Output = None,
    force: Force = False,
) -> None:
    """Compare B with A: by what ratio, and where the difference lies.

    The ratio comes with its interval, and the difference in parts that sum to it.

    A side is CAPTURE::VARIANT, TRACE::RANGE, or two whole CAPTUREs, whose variants are compared one by one. Between captures a
    difference is shown by three runs or more of either side: a folder of captures, for CAPTURE, stands for all in it.

    Example: launchlens compare trace.json::forward other.json::forward
    """
    from launchlens.commands.printing import wanted
    from launchlens.reports.output import Result
    from launchlens.reports.pages import comparisons as shown
    from launchlens.traces.studies.document import as_document
    from launchlens.traces.studies.named_sides import comparisons_of, named, runs_of

    asked = wanted(format, as_json, table=table, output=output, force=force, source=named(a)[0])
    found = comparisons_of(named(a), named(b), study_of)
    of: Literal["captures", "traces"] = "captures" if runs_of(named(a)[0]) else "traces"
    asked.write(Result(lambda: as_document(found, of), lambda: shown.blocks(found), lambda: shown.tables(found)))
