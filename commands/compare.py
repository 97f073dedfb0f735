"""`compare`: two sides, their ratio, and the difference in parts."""

from __future__ import annotations

from typing import Annotated

import typer

from launchlens.commands.capture_report import study_of
from launchlens.commands.options import Json


def command(
    a: Annotated[str, typer.Argument(metavar="A", help="PATH::NAME, the side to compare with: see below.")],
    b: Annotated[str, typer.Argument(metavar="B", help="PATH::NAME, the side compared.")],
    as_json: Json = False,
) -> None:
    """Compare B with A: by what ratio, and where the difference lies.

    The ratio comes with its interval, and the difference in parts that sum to it.

    A side is CAPTURE::VARIANT, TRACE::RANGE, or two whole CAPTUREs, whose variants are compared one by one.

    Example: launchlens compare trace.json::forward other.json::forward
    """
    from launchlens.traces.studies.document import as_document
    from launchlens.traces.studies.named_sides import comparisons_of, named

    comparisons = comparisons_of(named(a), named(b), study_of)
    if as_json:
        from launchlens.reports.machine import text

        typer.echo(text(as_document(comparisons)))
        return
    from launchlens.reports.terminal.console import stdout
    from launchlens.reports.terminal.study import print_comparisons

    print_comparisons(stdout(), comparisons)
