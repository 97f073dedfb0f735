"""`tables.json`: what the files are that `--tables DIR` writes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from launchlens.traces.documents.structure import Structure, means
from launchlens.traces.tables.table import Table

FORMAT = "launchlens.tables/1"
TABLES = "tables.json"

#: How scripts are told the pandas dtypes of columns.
TYPES = {"object": "text", "Int64": "integer", "Float64": "number", "boolean": "boolean"}


class ColumnOfFile(Structure, frozen=True, kw_only=True):
    """One column of a table's files; an interval is two."""

    name: Annotated[str, means("its name, in the CSV file's first line and in the parquet file's schema")]
    type: Annotated[str, means("`text`, `integer`, `number` or `boolean`; cells of any may be null")]
    unit: Annotated[str, means("its unit; empty for texts, counts, and what says its unit in another column")]
    meaning: Annotated[str, means("what it means")]


class TableInFiles(Structure, frozen=True, kw_only=True):
    """One table, in NAME.csv and NAME.parquet."""

    name: Annotated[
        str, means("its name, a word of launchlens and never one out of a trace: that of its files as well")
    ]
    title: Annotated[str, means("what stands above it for people")]
    rows: Annotated[int, means("how many rows it has")]
    columns: Annotated[list[ColumnOfFile], means("its columns, in the order of the files")]


class TablesFile(Structure, tag_field="format", tag=FORMAT, frozen=True, kw_only=True):
    """The tables of one command's result. The folder holds two files of each, this one and nothing else."""

    tables: Annotated[list[TableInFiles], means("a row a table, in the command's order")]


def tables_file(tables: Iterable[Table]) -> TablesFile:
    """What `tables.json` says of some tables."""
    return TablesFile(tables=[_in_files(each) for each in tables])


def _in_files(table: Table) -> TableInFiles:
    columns = [
        ColumnOfFile(name=part, type=TYPES[column.dtype], unit=column.unit, meaning=column.meaning)
        for column in table.columns
        for part in column.parts
    ]
    return TableInFiles(name=table.name, title=table.title, rows=len(table), columns=columns)
