"""`export`: a capture or trace for another tool."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from launchlens.commands.options import Force, Json, NoCache


def command(
    source: Annotated[
        Path,
        typer.Argument(
            help="A folder that `profile` wrote, any trace that `analyze` reads, or a folder of the ranks of a job."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the trace: NAME.pftrace.")],
    perfetto: Annotated[
        bool, typer.Option("--perfetto", help="As a Perfetto protobuf trace, for ui.perfetto.dev.")
    ] = False,
    as_json: Json = False,
    force: Force = False,
    no_cache: NoCache = False,
) -> None:
    """Write a capture or a trace for another tool.

    The time account and the launches in flight are drawn on top; of a trace also its steps, the GPU's gaps by cause, what each
    piece of advice rests on, and the longest kernels. Of ranks each has a group of tracks, on one clock.

    Example: launchlens export captures/small-copies-20260102-030405 --perfetto -o copies.pftrace
    """
    from launchlens.reports.progress import reading
    from launchlens.traces import files
    from launchlens.traces.perfetto.export import export as write_perfetto

    if not perfetto:
        raise typer.BadParameter("name the format to write: --perfetto", param_hint="export")
    files.free(output, force, source)
    with files.writable(output, "give --output another place"), reading(source.name) as progress:
        written = write_perfetto(source, output, progress)
    if as_json:
        from launchlens.reports.writers.json import text

        typer.echo(text(written.as_document(output)))
        return
    for trace, problems in written.problems.items():
        for problem in problems:
            if problem.severity != "info":
                typer.echo(
                    f"{trace}: {problem.severity}: {problem.count} × {problem.code}: {problem.meaning}", err=True
                )
    typer.echo(
        f"{output}: {written.bytes:,} bytes, {written.slices:,} slices, {written.flows:,} flows. "
        "Open it in https://ui.perfetto.dev"
    )
