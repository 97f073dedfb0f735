"""`variants`: what can be measured."""

from __future__ import annotations

from typing import Annotated

import typer

from launchlens.commands.choices import chosen_variants
from launchlens.commands.options import Force, Format, Json, Output, TableName


def command(
    workload: Annotated[str | None, typer.Option(help="Only those of this workload, or of FILE.py.")] = None,
    as_json: Json = False,
    format: Format = None,
    table: TableName = None,
    output: Output = None,
    force: Force = False,
) -> None:
    """List every variant of every workload, and what it needs.

    Example: launchlens variants --json
    """
    from launchlens.commands.printing import wanted
    from launchlens.kernels import registry
    from launchlens.reports.blocks import Shown
    from launchlens.reports.output import Result
    from launchlens.traces.documents.variants import VariantRow, VariantsDocument
    from launchlens.traces.tables import listings

    asked = wanted(format, as_json, table=table, output=output, force=force)
    found = registry.variants() if workload is None else chosen_variants(workload, None, every=True)[1]
    rows = [
        VariantRow(
            name=made.name,
            workload=made.workload,
            needs=list(made.needs),
            regimes=list(made.regimes),
            says=made.says,
            part_of=made.part_of,
        )
        for made in found
    ]
    listed = listings.variants(rows)
    asked.write(
        Result(lambda: VariantsDocument(variants=rows), lambda: [Shown(listed, most=len(listed))], lambda: [listed])
    )
