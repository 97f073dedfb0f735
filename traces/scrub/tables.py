"""Copies a folder of an Nsight Systems export's parquet tables without what names its machine or its user.

Every table is written anew from what may stay: no statistics, dictionary or metadata of an old file comes along. Texts are
written as dictionaries, for a file may say in few bytes that a million rows hold the same long one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from launchlens.traces.parquet import is_flat, is_number, is_text
from launchlens.traces.readers.nsys import folder as nsys_folder
from launchlens.traces.readers.nsys.export import STRINGS
from launchlens.traces.readers.nsys.parquet import (
    MOST_TEXT,
    batches,
    damaged,
    ints,
    of_column,
    opened_table,
    texts_of,
    values_of,
)
from launchlens.traces.readers.nsys.payloads import ENTRIES
from launchlens.traces.scrub.nsys import (
    NAME_IDS,
    OF_ENTRIES,
    OVERHEADS,
    REDUCED,
    SOME_ROWS,
    Reductions,
    by_name_ids,
    keeps_table,
    number_columns,
    number_in,
    reduced_by,
    text_columns,
)
from launchlens.traces.scrub.text import Removed, is_hardware_id, without_paths
from launchlens.traces.trace import Progress

#: Rows at a time, and in a row group of a copy.
CHUNK = 262_144
_TEXT = pa.dictionary(pa.int32(), pa.large_string())
_STRINGS_SCHEMA = pa.schema(
    [pa.field("id", pa.int64(), nullable=False), pa.field("value", pa.large_string(), nullable=False)]
)


def copy(path: Path, output: Path, removed: Removed, *, progress: Progress | None = None) -> None:
    """Write what may stay of the tables in the folder `path` to the new folder `output`; count the rest in `removed`.

    Raises InputError for a table that can't be read, OSError when `output` can't be written.
    """
    files = nsys_folder.tables(path)
    output.mkdir()
    removed["other files"] += sum(1 for _ in path.iterdir()) - len(files)
    kept = {name: file for name, file in files.items() if keeps_table(name)}
    for name in (name for name in files if name not in kept):
        removed[f"table {name}"] += 1  # which nobody reads, and so nobody opens to count its rows
    size, done = sum(file.stat().st_size for file in kept.values()), 0
    reductions = reduced_by(_entries(path, kept))
    for name, file in kept.items():
        if name == STRINGS:
            _copy_strings(path, kept, output, removed)
        else:
            _copy_table(path, name, file, output, removed, reductions)
        done += file.stat().st_size
        if progress is not None:
            progress(done, size)


def _entries(folder: Path, kept: Mapping[str, Path]) -> list[tuple[object, object, object, object]]:
    """The fields of the payloads of NVTX ranges, where the export tells them."""
    if ENTRIES not in kept:
        return []
    with opened_table(folder, kept[ENTRIES]) as source:
        if not set(OF_ENTRIES) <= set(source.schema.names):
            return []
        return [
            row
            for batch in batches(folder, ENTRIES, source, list(OF_ENTRIES), CHUNK)
            for row in zip(*(values_of(batch.column(name)) for name in OF_ENTRIES), strict=True)
        ]


def _copy_table(folder: Path, name: str, file: Path, output: Path, removed: Removed, reductions: Reductions) -> None:
    """Copy one table: numbers, and the texts that are on the list; of what else a column holds only that it was there."""
    with opened_table(folder, file) as source:
        fields = [_field(name, field) for field in source.schema]
        lost = {field.name for field in fields if pa.types.is_null(field.type)}
        schema = pa.schema([pa.field(field.name, pa.int64()) if field.name in lost else field for field in fields])
        with _written(output, name, schema) as written:
            flat = [field.name for field in source.schema if is_flat(field.type)]
            for batch in batches(folder, name, source, flat, CHUNK):
                if name in SOME_ROWS:
                    batch = _some_rows(batch, removed, name)
                columns = []
                for field in schema:
                    if field.name not in flat:  # never decoded: a row of it can take any number of bytes
                        removed[f"{name}.{field.name}"] += batch.num_rows
                        columns.append(pa.nulls(batch.num_rows, field.type))
                        continue
                    column = batch.column(field.name)
                    if field.name in lost:
                        removed[f"{name}.{field.name}"] += len(column) - column.null_count
                        column = pa.nulls(len(column), field.type)
                    elif field.name in number_columns(name) and is_text(column.type):
                        told = column.null_count
                        column = pa.array(map(number_in, of_column(batch, field.name)), pa.large_string())
                        removed[f"{name}.{field.name}"] += column.null_count - told
                        column = column.dictionary_encode()
                    elif (name, field.name) in REDUCED:
                        reduced = reductions[name, field.name]
                        column = pa.array(
                            map(reduced, of_column(batch, field.name)), pa.large_string()
                        ).dictionary_encode()
                    if pa.types.is_dictionary(field.type):
                        column = _compact(column)
                        removed.kept[f"{name}.{field.name}"] += len(column) - column.null_count
                    columns.append(column)
                written.write_table(pa.table(columns, schema=schema), row_group_size=CHUNK)


def _field(table: str, field: Any) -> Any:
    """The field of a copy: without metadata, texts as dictionaries; of type null where nothing of it may stay."""
    if is_hardware_id(field.name):
        return pa.field(field.name, pa.null())
    if (table, field.name) in REDUCED:
        return pa.field(field.name, _TEXT)
    if is_text(field.type):
        stays = field.name in text_columns(table) | number_columns(table)
        return pa.field(
            field.name, _TEXT if stays else pa.null(), field.nullable or field.name in number_columns(table)
        )
    return pa.field(field.name, field.type if is_number(field.type) else pa.null(), field.nullable)


def _some_rows(batch: Any, removed: Removed, table: str) -> Any:
    """The rows of a batch of one of SOME_ROWS that may be copied."""
    by, keeps_row = SOME_ROWS[table]
    if not set(by) <= set(batch.schema.names):
        keep = [False] * batch.num_rows
    else:
        keep = [keeps_row(*pair) for pair in zip(*(values_of(batch.column(name)) for name in by), strict=True)]
    removed[f"rows of {table}"] += keep.count(False)
    return batch.filter(pa.array(keep, pa.bool_()))


def _compact(column: Any) -> Any:
    """A column of texts as a dictionary of those that its rows refer to, and of no others."""
    column = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    used = pc.unique(column.indices).drop_null()
    indices = pc.index_in(column.indices, value_set=used)
    return pa.DictionaryArray.from_arrays(indices.cast(pa.int32()), _texts(texts_of(column.dictionary.take(used))))


def _texts(raw: list[bytes | None]) -> Any:
    """A column of texts; bytes that are not UTF-8 stay as they are, so that this is no cast."""
    return pa.array(raw, pa.large_binary()).view(pa.large_string())


def _bytes_of(column: Any) -> list[bytes | None]:
    """A column of strings as bytes; where it holds something else, what the reader writes of that."""
    if is_text(column.type):
        return texts_of(column)
    return [None if each is None else str(each).encode() for each in values_of(column)]


def _copy_strings(folder: Path, kept: Mapping[str, Path], output: Path, removed: Removed) -> None:
    """Copy the strings that rows of the copy refer to by id; what only overheads refer to, without paths."""
    of_events, of_overheads = _used_ids(folder, kept)
    with opened_table(folder, kept[STRINGS]) as source, _written(output, STRINGS, _STRINGS_SCHEMA) as written:
        text, left_out = 0, source.file.metadata.num_rows
        told = {"id", "value"} <= set(source.schema.names)
        for batch in batches(folder, STRINGS, source, None, CHUNK) if told else ():
            rows = zip(ints(batch.column("id")).tolist(), _bytes_of(batch.column("value")), strict=True)
            kept_rows = {}
            for number, raw in rows:
                if raw is not None and number in of_events:
                    kept_rows[number] = raw
                elif raw is not None and number in of_overheads:
                    name, count = without_paths(raw.decode("utf-8", "backslashreplace"))
                    removed["paths in the names of overheads"] += count
                    kept_rows[number] = name.encode()
            left_out -= len(kept_rows)
            text += sum(map(len, kept_rows.values()))
            removed.kept[f"{STRINGS}.value"] += len(kept_rows)
            if text > MOST_TEXT:  # the same long text for every id
                raise damaged(folder, STRINGS, ValueError(f"its texts take over {MOST_TEXT:,} bytes unpacked"))
            columns = [pa.array(kept_rows.keys(), pa.int64()), _texts(list(kept_rows.values()))]
            written.write_table(pa.table(columns, schema=_STRINGS_SCHEMA), row_group_size=CHUNK)
    removed["strings that nothing kept refers to"] += left_out


def _used_ids(folder: Path, kept: Mapping[str, Path]) -> tuple[frozenset[int], frozenset[int]]:
    """The ids of strings that events refer to, and those that the recorder's overheads do."""
    used: tuple[set[int], set[int]] = set(), set()
    for name in by_name_ids(kept):
        with opened_table(folder, kept[name]) as source:
            columns = [each.name for each in source.schema if each.name in NAME_IDS and is_number(each.type)]
            for batch in batches(folder, name, source, columns, CHUNK) if columns else ():
                for column in columns:
                    used[name in OVERHEADS].update(np.unique(ints(batch.column(column))).tolist())
    return frozenset(used[0]), frozenset(used[1])


@contextmanager
def _written(output: Path, table: str, schema: Any) -> Iterator[pq.ParquetWriter]:
    """The file of a table in the copy, with nothing in it but its columns."""
    file = output / f"{table}{nsys_folder.SUFFIX}"
    # Arrow's own schema in the file would turn dictionaries of texts into another type than nsys gives them
    with file.open("wb") as opened, pq.ParquetWriter(opened, schema, compression="zstd", store_schema=False) as written:
        yield written
