"""`doctor`: what is installed, and what is missing."""

from __future__ import annotations

from launchlens.commands.options import Force, Format, Json, Output, TableName


def command(
    as_json: Json = False,
    format: Format = None,
    table: TableName = None,
    output: Output = None,
    force: Force = False,
) -> None:
    """Say what is installed here, and what is missing.

    Beside each missing thing stands what it would give, and how to get it; below, what is kept of big traces, and where.

    Example: launchlens doctor
    """
    from launchlens.commands.printing import wanted
    from launchlens.profiling.doctor import examine
    from launchlens.reports.blocks import Paragraph, Shown
    from launchlens.reports.output import Result
    from launchlens.reports.words.cache import cache_sentence
    from launchlens.traces.cache.store import held
    from launchlens.traces.documents.doctor import CheckRow, DoctorDocument, cache_folder, threshold_rows
    from launchlens.traces.tables import listings
    from launchlens.traces.thresholds import THRESHOLDS

    asked = wanted(format, as_json, table=table, output=output, force=force)
    rows = [
        CheckRow(name=row.name, found=row.found, version=row.version, gives=row.gives, get=row.get) for row in examine()
    ]
    checks, kept = listings.checks(rows), held()
    asked.write(
        Result(
            lambda: DoctorDocument(checks=rows, cache=cache_folder(kept), thresholds=threshold_rows(THRESHOLDS)),
            lambda: [Shown(checks, most=len(checks)), Paragraph(cache_sentence(kept))],
            lambda: [checks, listings.thresholds(THRESHOLDS)],
        )
    )
