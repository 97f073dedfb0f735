"""`variants`: what can be measured."""

from __future__ import annotations

from typing import Annotated

import typer

from launchlens.commands.choices import chosen_variants
from launchlens.commands.options import Json


def command(
    workload: Annotated[str | None, typer.Option(help="Only those of this workload, or of FILE.py.")] = None,
    as_json: Json = False,
) -> None:
    """List every variant of every workload, and what it needs.

    Example: launchlens variants --json
    """
    from launchlens.kernels import registry

    found = registry.variants() if workload is None else chosen_variants(workload, None, every=True)[1]
    if as_json:
        from launchlens.reports.machine import text
        from launchlens.traces.documents.variants import VariantRow, VariantsDocument

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
        typer.echo(text(VariantsDocument(variants=rows)))
        return
    from launchlens.reports.terminal.console import stdout
    from launchlens.reports.terminal.study import print_rows

    columns = ("workload", "variant", "needs", "regimes", "what it does")
    print_rows(
        stdout(),
        columns,
        [(made.workload, made.name, ", ".join(made.needs), ", ".join(made.regimes), made.says) for made in found],
    )
