"""Parquet files that anybody may have made: judged by what they say of themselves before anything is decoded.

A file may say in few bytes that a million rows hold the same long text. Texts are therefore read as dictionaries, in which
each stands once; where every row is to have its own, that is counted first. Encodings that spell a text by the one before
it, of which the same is true, Arrow does not read as dictionaries, and refuses.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from launchlens.traces.parquet_pages import unpacked_bytes

#: What pyarrow raises for a damaged file, its own errors among them; what is judged here is a ValueError.
FAULTS = (OSError, ValueError, ArithmeticError, MemoryError, pa.ArrowException)
#: A row takes several bytes however well it packs, for no two have the same times: a file with more than FEW_ROWS that says
#: it has ROWS_A_BYTE times as many rows as bytes would only fill the memory.
FEW_ROWS, ROWS_A_BYTE = 100_000, 2
#: Rows decoded at a time, and where all are kept; each time has a dictionary of its own.
CHUNK, _AT_ONCE = 65_536, 1 << 20
#: What a number takes at most with its levels, bytes.
_MOST_A_NUMBER = 16
_THRIFT = {"thrift_string_size_limit": 64 << 20, "thrift_container_size_limit": 10_000_000}


@dataclass(frozen=True)
class Limits:
    """The most that a file may hold: `rows`, and `text`, which is the bytes of its texts unpacked; numbers go by the rows."""

    rows: int
    text: int


@dataclass(frozen=True)
class Opened:
    """A file that may be read: `file` gives texts as dictionaries, `schema` is what it says itself."""

    file: pq.ParquetFile
    schema: pa.Schema
    limits: Limits

    def batches(self, columns: Sequence[str] | None = None, rows: int = CHUNK) -> Iterator[pa.RecordBatch]:
        """Some columns, or all, some rows at a time. Raises FAULTS for what turns out to be damaged, or larger than it said."""
        chosen = list(self.schema.names if columns is None else columns)
        self._check_kinds(chosen)
        for batch in self.file.iter_batches(batch_size=rows, columns=chosen, use_threads=False):
            for column in batch.columns:
                check_codes(column)
            self._check_unpacked(batch)
            yield batch

    def table(self, columns: Sequence[str]) -> pa.Table:
        """Those of `columns` that it has, in that order, texts as dictionaries. Raises as `batches` does."""
        held = [name for name in columns if name in self.schema.names]
        read = []
        for batch in self.batches(held, _AT_ONCE) if held else ():
            read.append(batch.select(held))
            self._check_unpacked(*read)
        return pa.Table.from_batches(read, pa.schema([self.file.schema_arrow.field(name) for name in held]))

    def _check_kinds(self, columns: Sequence[str]) -> None:
        """Raise ValueError for a column of which a row can take any number of bytes and is no text: lists, and values as wide as it says."""
        for field in map(self.schema.field, columns):
            if not is_flat(field.type):
                raise ValueError(f"column {field.name[:60]} holds {str(field.type)[:60]}, neither text nor numbers")

    def _check_unpacked(self, *batches: pa.RecordBatch) -> None:
        """Raise ValueError where the dictionaries of some batches hold more text than may be."""
        columns = [column for batch in batches for column in batch.columns if pa.types.is_dictionary(column.type)]
        if sum(column.dictionary.nbytes for column in columns) > self.limits.text:
            raise ValueError(f"its texts take over {self.limits.text:,} bytes unpacked")

    def plain(self, columns: Sequence[str]) -> pa.Table:
        """The same with texts as the file has them, which may be for every row its own."""
        table = self.table(columns)
        for at, name in enumerate(table.column_names):
            of_file = self.schema.field(name).type
            if is_text(of_file) and not pa.types.is_dictionary(of_file):
                most = self.limits.text
                if (text := unfolded_bytes(table.column(name))) > most:
                    raise ValueError(f"column {name[:60]} holds {text:,} bytes of text, and {most:,} are the most")
                table = table.set_column(at, self.schema.field(name), table.column(name).cast(of_file))
        return table.replace_schema_metadata(self.schema.metadata)


def source(path: Path) -> pa.NativeFile:
    """What pyarrow reads the file `path` from. Of paths it takes only such as are UTF-8, and older folders are named otherwise.

    Raises OSError where the file can't be opened.
    """
    return pa.OSFile(os.fsencode(path))


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[Opened]:
    """A parquet file, judged. Raises FAULTS for what is no whole one, or says that it holds more than it can or may."""
    size = path.stat().st_size
    with pq.ParquetFile(source(path), **_THRIFT) as first:
        metadata, schema = first.metadata, first.schema_arrow
    rows = metadata.num_rows
    if rows < 0 or (rows > FEW_ROWS and rows > ROWS_A_BYTE * size):
        raise ValueError(f"its {size:,} bytes can't hold the {rows:,} rows that it says it has")
    if rows > limits.rows:
        raise ValueError(f"it has {rows:,} rows, and no such file has over {limits.rows:,}")
    if (text := most_text(metadata, unpacked_bytes(path))) > limits.text:
        raise ValueError(f"its texts take {text:,} bytes unpacked, and no such file's take over {limits.text:,}")
    several = next((name for name in schema.names if schema.names.count(name) > 1), None)
    if several is not None:
        raise ValueError(f"it has several columns {several[:60]!r}")
    texts = [field.name for field in schema if is_text(field.type)]
    with pq.ParquetFile(source(path), read_dictionary=texts, **_THRIFT) as file:
        yield Opened(file, schema, limits)


def metadata_of(path: Path) -> dict[bytes, bytes] | None:
    """What a parquet file says of itself as a whole; None where it can't be read."""
    try:
        with pq.ParquetFile(source(path), **_THRIFT) as file:
            return dict(file.schema_arrow.metadata or {})
    except FAULTS:
        return None


def most_text(metadata: Any, pages: int) -> int:
    """How many bytes the texts of a file can take unpacked, by what it says of its row groups, and what its `pages` say.

    Of a single column pyarrow must not be asked: where a damaged file contradicts itself there, it ends the process.
    """
    unpacked = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    return max(0, max(int(unpacked), pages) - _MOST_A_NUMBER * int(metadata.num_rows) * int(metadata.num_columns))


def unfolded_bytes(column: pa.ChunkedArray) -> int:
    """How many bytes the texts of a column of dictionaries take where every row has its own."""
    total = 0
    for chunk in column.chunks:
        length = pc.binary_length(chunk.dictionary.cast(_binary(chunk.dictionary.type))).fill_null(0).to_numpy()
        total += int(length.astype(np.int64)[chunk.indices.drop_null().to_numpy()].sum())
    return total


def _binary(kind: pa.DataType) -> pa.DataType:
    # as bytes: what is not UTF-8 has a length as well
    return pa.large_binary() if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind) else pa.binary()


def compact(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """A column of texts as a dictionary of those that its rows refer to, and of no others."""
    whole = column.combine_chunks()
    whole = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
    used = pc.unique(whole.indices).drop_null()
    indices = pc.index_in(whole.indices, value_set=used).cast(pa.int32())
    return pa.DictionaryArray.from_arrays(indices, whole.dictionary.take(used))


def check_codes(column: Any) -> None:
    """Raise ValueError where a column refers to entries that its dictionary does not have: pyarrow looks at none of that."""
    if pa.types.is_dictionary(column.type) and len(column):
        low, high = (bound.as_py() for bound in pc.min_max(column.indices).values())
        if low is not None and (low < 0 or high >= len(column.dictionary)):
            raise ValueError("it refers to texts that it does not hold")


def is_text(kind: Any) -> bool:
    """Whether columns of this Arrow type hold text, coded or plain."""
    types = pa.types
    if types.is_dictionary(kind):
        return is_text(kind.value_type)
    return bool(
        types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind)
    )


def is_number(kind: Any) -> bool:
    """Whether columns of this Arrow type hold numbers."""
    types = pa.types
    return bool(types.is_integer(kind) or types.is_boolean(kind) or types.is_float32(kind) or types.is_float64(kind))


def is_flat(kind: Any) -> bool:
    """Whether a row of this Arrow type is a text, whose bytes are counted, or takes no more bytes than a time or a long number does."""
    types = pa.types
    return is_text(kind) or types.is_primitive(kind) or types.is_null(kind) or types.is_decimal(kind)
