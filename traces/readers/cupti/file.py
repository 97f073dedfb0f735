"""Opens a recording's parquet file: is it ours, is it whole, can it be as large as it says; columns as arrays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from launchlens.traces import parquet
from launchlens.traces.intervals import Ints
from launchlens.traces.parquet import FAULTS, Limits, check_codes
from launchlens.traces.problems import InputError
from launchlens.traces.readers.cupti.schema import COLUMNS, FORMAT, METADATA_KEY, Header, header

#: Stands for null in this reader's int64 arrays; the event table turns it into real nulls.
NULL = np.iinfo(np.int64).min
#: No recording has more rows, nor more text, unpacked, bytes.
MOST_ROWS, MOST_TEXT = 50_000_000, 1 << 30
_AGAIN = "record it again with profile --collector cupti"


@dataclass(frozen=True)
class Recording:
    """A recording's columns as they lie in the file, and what it says of itself (`launchlens.traces.readers.cupti.schema.Header`)."""

    path: Path
    bytes: int
    header: Header
    table: pa.Table

    def numbers(self, name: str) -> Ints:
        """A column of whole numbers, NULL where it has none."""
        column = self.table.column(name)
        try:
            return np.asarray(pc.fill_null(column.cast(pa.int64()), NULL).to_numpy(), np.int64)
        except pa.ArrowInvalid as error:  # an unsigned number beyond int64
            raise _damaged(self.path, error, f"column {name}") from None

    def texts(self, name: str) -> tuple[Ints, list[str]]:
        """A column of text as codes, -1 where it has none, and the text of each code."""
        column = self.table.column(name).combine_chunks()
        if isinstance(column, pa.ChunkedArray):  # combined chunks of nothing are none
            column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
        try:
            column = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
            check_codes(column)
            texts = column.dictionary.to_pylist()
            codes = np.asarray(pc.fill_null(column.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False))
        except (pa.ArrowException, ValueError) as error:  # text that is not UTF-8 among them
            raise _damaged(self.path, error, f"column {name}") from None
        # a dictionary may hold null as well; the empty text says nothing either
        known = np.array([code if text else -1 for code, text in enumerate(texts)] + [-1], np.int64)
        return known[codes], [text or "" for text in texts]


def opened(path: Path) -> Recording:
    """Read a recording. Raises InputError with one line for whatever is no whole recording of a version known here."""
    try:
        size = path.stat().st_size
        with parquet.opened(path, Limits(MOST_ROWS, MOST_TEXT)) as file:
            said = _header(path, file.schema.metadata or {})
            _check_types(path, file.schema)
            table = file.table([column.name for column in COLUMNS])
    except FAULTS as error:
        raise _damaged(path, error) from None
    return Recording(path, size, said, table)


def check_is_recording(path: Path, metadata: Mapping[bytes, bytes]) -> None:
    """Raise InputError for a parquet file that does not say that it is a recording, of whatever version."""
    if METADATA_KEY not in metadata:
        what = "is a parquet file, but not a recording of CUPTI by launchlens"
        raise InputError(path, what, "give one that profile --collector cupti wrote, or another trace")


def _header(path: Path, metadata: dict[bytes, bytes]) -> Header:
    """What the file says of itself; InputError unless that is a version of the format that is known here."""
    check_is_recording(path, metadata)
    try:
        values = json.loads(metadata[METADATA_KEY])
    except (ValueError, RecursionError):
        values = None
    found = values.get("format") if isinstance(values, dict) else None
    if found != FORMAT:
        raise InputError(
            path, f"has format {str(found)[:60]!r}, not {FORMAT!r}", "read it with the version that wrote it"
        )
    return header(values)


def _check_types(path: Path, schema: pa.Schema) -> None:
    """Raise InputError, naming the column, unless all columns are there and of whole numbers or of text as declared."""
    for column in COLUMNS:
        places = schema.get_all_field_indices(column.name)
        if len(places) != 1:
            what = f"has no column {column.name!r}" if not places else f"has several columns {column.name!r}"
            raise InputError(path, what, _AGAIN)
        of_type = schema.field(places[0]).type
        value = of_type.value_type if pa.types.is_dictionary(of_type) else of_type
        is_text = pa.types.is_string(value) or pa.types.is_large_string(value)
        right = is_text if column.type == "text" else pa.types.is_integer(of_type)
        if not (right or pa.types.is_null(of_type)):
            wanted = "text" if column.type == "text" else "whole numbers"
            raise InputError(path, f"column {column.name!r} holds {of_type}, not {wanted}", _AGAIN)


def _damaged(path: Path, error: BaseException, place: str = "") -> InputError:
    lines = str(error).splitlines() or [type(error).__name__]
    return InputError(path, f"is damaged or not whole: {lines[0][:200]}", _AGAIN, place=place)
