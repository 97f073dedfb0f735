"""`doctor`: what is installed, and what is missing."""

from __future__ import annotations

import typer

from launchlens.commands.options import Json


def command(as_json: Json = False) -> None:
    """Say what is installed here, and what is missing.

    Beside each missing thing stands what it would give, and how to get it.

    Example: launchlens doctor
    """
    from launchlens.profiling.doctor import examine

    rows = examine()
    if as_json:
        from launchlens.reports.machine import text
        from launchlens.traces.documents.doctor import CheckRow, DoctorDocument, threshold_rows
        from launchlens.traces.thresholds import THRESHOLDS

        checks = [
            CheckRow(name=row.name, found=row.found, version=row.version, gives=row.gives, get=row.get) for row in rows
        ]
        typer.echo(text(DoctorDocument(checks=checks, thresholds=threshold_rows(THRESHOLDS))))
        return
    from launchlens.reports.terminal.console import stdout
    from launchlens.reports.terminal.study import print_rows

    table = [(row.name, row.version or "found" if row.found else "missing", row.gives, row.get or "") for row in rows]
    print_rows(stdout(), ("what", "here", "gives", "how to get it"), table)
