"""What a command found, in the format that is asked for: every command's printing goes through here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from launchlens.reports.streams import clean, write_bytes
from launchlens.traces import files
from launchlens.traces.problems import InputError

if TYPE_CHECKING:
    from launchlens.reports.blocks import Block
    from launchlens.traces.documents.structure import Document
    from launchlens.traces.tables.table import Table

Format = Literal["table", "json", "csv", "parquet", "markdown"]
FORMATS: tuple[Format, ...] = ("table", "json", "csv", "parquet", "markdown")


@dataclass(frozen=True)
class Result:
    """What a command found. Each form is made when it is asked for: `document` for scripts, `blocks` for people, `tables`.

    `full`: people are shown what a page would fold away as well. `markdown` takes the place of the blocks where a command has a
    Markdown page of its own. `alone` names the table that `--show` asked for: the one that is written where one is.
    """

    document: Callable[[], Document]
    blocks: Callable[[], Sequence[Block]]
    tables: Callable[[], Sequence[Table]]
    full: bool = False
    markdown: Callable[[], str] | None = None
    alone: str | None = None


@dataclass(frozen=True)
class Wanted:
    """How a result is to be written: in which format, which of its tables, into which file (None: stdout), how many rows.

    `folder`: where all of its tables are written as well.
    """

    format: Format = "table"
    table: str | None = None
    file: Path | None = None
    rows: int = 15
    folder: Path | None = None

    @property
    def is_for_people(self) -> bool:
        """Whether stdout is what a person reads, so that a line more on it harms nobody."""
        return self.format == "table" and self.file is None

    def write(self, result: Result) -> None:
        """Write the result. Raises InputError for a table that it has not; that parquet goes to no terminal is the caller's."""
        if self.folder is not None:
            from launchlens.reports.writers import folder

            if self.table is not None:
                self._chosen(result)  # which refuses what is none before anything is written
            with files.writable(self.folder):
                folder.write(self.folder, result.tables())
        if self.format == "parquet":
            self._bytes(result)
            return
        if self.is_for_people:
            from launchlens.reports.console import stdout
            from launchlens.reports.writers import terminal

            terminal.write(stdout(), result.blocks(), full=result.full, most=self.rows)
            if self.folder is not None:
                sys.stdout.write(clean(f"\nTables: {self.folder}\n"))
            return
        written = clean(self._text(result))
        if self.file is None:
            sys.stdout.write(written)
        else:
            with files.writable(self.file):
                files.write_text(self.file, written)

    def _text(self, result: Result) -> str:
        match self.format:
            case "json":
                from launchlens.reports.writers.json import text  # brings all that a study's document needs

                return text(result.document()) + "\n"
            case "csv":
                from launchlens.reports.writers.csv import csv

                return csv(self._chosen(result))
            case "markdown":
                from launchlens.reports.writers.markdown import markdown
                from launchlens.reports.writers.markdown import table as one_table

                if self.table is not None:
                    return one_table(self._chosen(result), max(self.rows, 200)) + "\n"
                if result.markdown is not None:
                    return result.markdown()
                return markdown(result.blocks(), full=result.full)
        from launchlens.reports.writers import terminal

        return terminal.text(result.blocks(), full=result.full, most=self.rows)

    def _bytes(self, result: Result) -> None:
        from launchlens.reports.writers.parquet import parquet

        written = parquet(self._chosen(result))
        if self.file is not None:
            with files.writable(self.file):
                files.write_bytes(self.file, written)
        else:
            write_bytes(written)

    def _chosen(self, result: Result) -> Table:
        """The table asked for, or the first; then stderr says which others there are."""
        found = {table.name: table for table in result.tables()}
        if self.table is not None and self.table not in found:
            raise InputError("--table", f"{self.table!r} is none of {', '.join(found) or 'no tables'}")
        if (one := self.table or result.alone) is not None:
            return found[one]
        first, *others = found
        if others:
            sys.stderr.write(f"launchlens: this is table {first}; with --table also: {', '.join(others)}\n")
        return found[first]
