"""An export as a folder of parquet tables: columns in batches into int64 arrays, names into codes.

Numbers are compared with SQLite's of the same recording, so unsigned ones beyond int64 wrap as they do there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from launchlens.traces import parquet
from launchlens.traces.intervals import Ints
from launchlens.traces.parquet import FAULTS, Limits, Opened, is_number, is_text, opened
from launchlens.traces.problems import InputError
from launchlens.traces.readers.nsys import folder as nsys_folder
from launchlens.traces.readers.nsys.export import (
    NULL,
    PAYLOAD,
    STRINGS,
    ZERO_IS_NONE,
    Names,
    as_int,
    candidates,
    join_names,
)
from launchlens.traces.readers.nsys.folder import EXPORT_AGAIN
from launchlens.traces.readers.nsys.schema import READ, Source

#: No table has more rows, nor more text, unpacked, bytes.
MOST_ROWS, MOST_TEXT = 100_000_000, 2 << 30
#: Rows of a table that is not one of events.
MOST_SMALL_ROWS = 1_000_000
#: Rows at a time.
CHUNK = parquet.CHUNK


@contextmanager
def opened_folder(path: Path) -> Iterator[ParquetExport]:
    """The export in the folder `path`, its files closed at the end. Raises InputError as `nsys_folder.tables` does."""
    with ExitStack() as stack:
        yield ParquetExport(path, nsys_folder.tables(path), stack)


class ParquetExport:
    """An `Export`: see there. Only tables that the reader may want are opened."""

    def __init__(self, path: Path, files: dict[str, Path], stack: ExitStack) -> None:
        self._path = path
        self.bytes = sum(file.stat().st_size for file in files.values())
        self._files = {
            name: stack.enter_context(opened_table(path, file)) for name, file in files.items() if name in READ
        }
        # a folder that holds none of them is none of ours, whatever else it holds
        self.columns = dict.fromkeys(files, frozenset[str]()) | {
            name: frozenset(_kinds(file.schema)) for name, file in self._files.items()
        }

    def rows_of(self, table: str) -> int:
        return int(self._files[table].file.metadata.num_rows)

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[tuple[object, ...]]:
        if self.rows_of(table) > MOST_SMALL_ROWS:
            raise damaged(self._path, table, ValueError(f"it says that it has {self.rows_of(table):,} rows"))
        for batch in self._batches(table, columns):
            yield from zip(*(of_column(batch, name) for name in columns), strict=True)

    def texts(self, ids: Sequence[int]) -> Iterator[tuple[int, object]]:
        if not {"id", "value"} <= self.columns.get(STRINGS, frozenset()):
            return
        wanted = pa.array(ids, pa.int64())
        for batch in self._batches(STRINGS, ("id", "value")):
            numbers = ints(batch.column("id"))
            here = pc.is_in(pa.array(numbers), value_set=wanted)
            found = batch.column("value").filter(here)
            yield from zip(numbers[here.to_numpy(zero_copy_only=False)].tolist(), values_of(found), strict=True)

    def events(self, source: Source, names: Names, after_chunk: Callable[[int], None]) -> dict[str, Ints]:
        kinds = _kinds(self._files[source.table].schema)
        filled = dict(candidates(source, frozenset(kinds)))
        named = [name for name in source.names if name in kinds]
        texts = [name for name in named if kinds[name] == "text"]
        ids = [name for name in named if kinds[name] == "number"]
        by_type = ["eventType"] if source.event_types and "eventType" in kinds else []
        chunks: dict[str, list[Ints]] = {name: [] for name in (*filled, *(["name_id"] if ids else []), *texts[:1])}
        read = dict.fromkeys([*(name for theirs in filled.values() for name in theirs), *texts, *ids, *by_type])
        for batch in self._batches(source.table, tuple(read)):
            if by_type:
                of_type = np.isin(ints(batch.column("eventType")), source.event_types)
                batch = batch.filter(pa.array(of_type))
            for ours, theirs in filled.items():
                chunks[ours].append(_first([ints(batch.column(name)) for name in theirs], ours in ZERO_IS_NONE))
            if ids:
                chunks["name_id"].append(_first([ints(batch.column(name)) for name in ids]))
            if texts:
                chunks[texts[0]].append(_first_text([batch.column(name) for name in texts], names))
            after_chunk(batch.num_rows)
        arrays = {name: np.concatenate(chunk) if chunk else np.empty(0, np.int64) for name, chunk in chunks.items()}
        code = arrays.pop(texts[0]) if texts else None
        join_names(arrays, code, names)
        return arrays

    def _batches(self, table: str, columns: Sequence[str]) -> Iterator[Any]:
        return batches(self._path, table, self._files[table], columns, CHUNK)


def batches(
    folder: Path, table: str, file: Opened, columns: Sequence[str] | None, rows: int = CHUNK
) -> Iterator[pa.RecordBatch]:
    """Record batches of some columns, or of all; whatever is found damaged on the way is an InputError."""
    try:
        yield from file.batches(columns, rows)
    except FAULTS as error:
        raise damaged(folder, table, error) from None


@contextmanager
def opened_table(folder: Path, file: Path) -> Iterator[Opened]:
    """One table of a folder. Raises InputError for what is no whole parquet file, or says that it holds more than it can."""
    with ExitStack() as stack:
        try:
            table = stack.enter_context(opened(file, Limits(MOST_ROWS, MOST_TEXT)))
        except FAULTS as error:
            raise damaged(folder, file.stem, error) from None
        yield table


def damaged(folder: Path, table: str, error: BaseException) -> InputError:
    """What to say of a table that can't be read."""
    lines = str(error).splitlines() or [type(error).__name__]
    return InputError(folder, f"is damaged or not whole: {lines[0][:200]}", EXPORT_AGAIN, place=f"table {table[:80]}")


def _kinds(schema: Any) -> dict[str, str]:
    """`text` or `number` by column; other columns (lists, structures, nothing but nulls) hold nothing for this reader."""
    kinds = {}
    for field in schema:
        if is_text(field.type):
            kinds[field.name] = "text"
        elif is_number(field.type):
            kinds[field.name] = "number"
    return kinds


def ints(column: Any) -> Ints:
    """A column as int64; what is not a number becomes NULL."""
    kind = column.type
    if is_text(kind):
        return np.array([as_int(value) for value in values_of(column)], np.int64)
    if pa.types.is_floating(kind):
        real = _numpy(column.cast(pa.float64()), np.nan)
        usable = np.abs(real) < 2.0**63
        return np.where(usable, np.where(usable, real, 0).astype(np.int64), NULL)
    if pa.types.is_uint64(kind):
        wrapped = _numpy(column, 0).view(np.int64)
        return np.asarray(np.where(_numpy(column.is_null(), False), NULL, wrapped), np.int64)
    return np.asarray(_numpy(column.cast(pa.int64()), NULL), np.int64)


def _numpy(column: Any, instead: Any) -> np.ndarray[Any, Any]:
    """A column as a numpy array, `instead` where it is null."""
    return np.asarray(pc.fill_null(column, instead).to_numpy(zero_copy_only=False))


def of_column(batch: Any, name: str) -> list[object]:
    """A column of a batch as Python's objects: the one of payloads as bytes, which are no text, others by `values_of`."""
    column = batch.column(name)
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    is_bytes = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    return [*texts_of(column)] if name == PAYLOAD and is_bytes else values_of(column)


def values_of(column: Any) -> list[object]:
    """A column as Python's objects; text is decoded here, for bytes that are not UTF-8 are an error to pyarrow."""
    if pa.types.is_dictionary(column.type):  # each text is one object, however many rows have it
        texts = [*values_of(column.dictionary), None]
        return [texts[code] for code in _numpy(column.indices.cast(pa.int64()), -1)]
    if is_text(column.type):
        return [None if raw is None else raw.decode("utf-8", "backslashreplace") for raw in texts_of(column)]
    made: list[object] = column.to_pylist()
    return made


def texts_of(column: Any) -> list[bytes | None]:
    """A column of texts as the bytes that it holds; each text of a dictionary is one object, however many rows have it."""
    if pa.types.is_dictionary(column.type):
        texts = [*texts_of(column.dictionary), None]
        return [texts[code] for code in _numpy(column.indices.cast(pa.int64()), -1)]
    large = pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type)
    raw: list[bytes | None] = column.cast(pa.large_binary() if large else pa.binary()).to_pylist()
    return raw


def _first(columns: list[Ints], zero_is_none: bool = False) -> Ints:
    """The first of several columns that is not NULL, row by row."""
    result = np.full(len(columns[0]), NULL)
    for values in columns:
        values = np.where(values == 0, NULL, values) if zero_is_none else values
        result = np.where(result == NULL, values, result)
    return result


def _first_text(columns: list[Any], names: Names) -> Ints:
    """Codes of the first of several text columns that is not null; -1 for none, and for the empty text."""
    result = np.full(len(columns[0]), -1, np.int64)
    open_still = np.ones(len(result), bool)
    for column in columns:
        column = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        codes = np.append(names.codes_of_texts(values_of(column.dictionary)), -1)
        mine = codes[_numpy(column.indices.cast(pa.int64()), -1)]
        result = np.where(open_still, mine, result)
        open_still &= _numpy(column.is_null(), True)
    return result
