"""What `--format`, `--json`, `--table`, `--tables` and `--output` of a command ask for, and its result written so."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from launchlens.reports.output import Wanted


def wanted(
    format: str | None,
    as_json: bool = False,
    *,
    markdown: bool = False,
    table: str | None = None,
    output: Path | None = None,
    tables: Path | None = None,
    force: bool = False,
    source: Path | None = None,
    rows: int = 15,
) -> Wanted:
    """The options as one structure. Raises BadParameter for a format that is none, or two of them, and for parquet on a terminal.

    Raises InputError where `output`, or the folder `tables`, may not be written.
    """
    from launchlens.reports.output import FORMATS, Wanted
    from launchlens.traces import files

    if markdown and (as_json or format not in (None, "markdown")):
        raise typer.BadParameter("give one of --json, --format and --markdown", param_hint="--markdown")
    if markdown:
        format = "markdown"
    if format is not None and format not in FORMATS:
        raise typer.BadParameter(f"{format!r} is none of {', '.join(FORMATS)}", param_hint="--format")
    if as_json and format not in (None, "json"):
        raise typer.BadParameter("give one of --json and --format", param_hint="--format")
    if format == "parquet" and output is None and sys.stdout.isatty():
        raise typer.BadParameter(
            "parquet is not text, and this is a terminal: write it to a file or a pipe", param_hint="--format"
        )
    if table is not None and format not in ("csv", "parquet", "markdown"):
        raise typer.BadParameter("is for --format csv, parquet and markdown", param_hint="--table")
    if output is not None:
        files.free(output, force, source or output.parent / "-")
    if tables is not None:
        from launchlens.reports.writers import folder

        folder.free(tables, force, source or tables.parent / "-")
    return Wanted("json" if as_json else format or "table", table, output, rows, tables)
