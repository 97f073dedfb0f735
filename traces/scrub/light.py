"""Copies a recording of the light recorder with what its schema declares alone, and ops' names without paths."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from launchlens.traces.parquet import FAULTS, opened
from launchlens.traces.problems import InputError
from launchlens.traces.readers.light.reader import AGAIN, KINDS, MOST
from launchlens.traces.readers.light.schema import SCHEMA
from launchlens.traces.scrub.text import Removed, without_paths
from launchlens.traces.trace import Progress

#: What it says of itself: the version of its format, its clock, and how many events had no room.
_SAID = (b"format", b"clock", b"dropped")


def copy(path: Path, output: Path, removed: Removed, *, progress: Progress | None = None) -> None:
    """Write the recording `path` to `output` less other columns and metadata; count these, and paths, in `removed`.

    Ranges and calls keep their names, by which analyses tell them. Raises InputError for what can't be read, OSError when
    `output` can't be written.
    """
    try:
        with opened(path, MOST) as file:
            names, said = list(file.schema.names), dict(file.schema.metadata or {})
            table = file.table(SCHEMA.names)
            numbers = {
                field.name: _whole(table.column(field.name), field.type)
                for field in SCHEMA
                if pa.types.is_integer(field.type)
            }
    except (*FAULTS, KeyError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise InputError(path, f"is damaged or not whole: {lines[0][:200]}", AGAIN) from None
    removed["entries of metadata"] += len(set(said) - {*_SAID, b"ARROW:schema"})
    for name in names:
        if name not in SCHEMA.names:
            removed[f"column {name!r}"] += 1
    for name, column in numbers.items():
        table = table.set_column(table.column_names.index(name), name, column)
    frame = table.to_pandas().astype({"kind": object, "name": object})
    is_op = (frame["kind"] == "op").to_numpy(bool)
    plain = {name: without_paths(str(name)) for name in frame["name"][is_op].unique()}
    removed["paths in the names of ops"] += sum(count for _, count in plain.values())
    frame["name"] = frame["name"].where(~is_op, frame["name"].map({name: text for name, (text, _) in plain.items()}))
    # of a kind that no reader knows there is nothing to say but that there was one
    known = frame["kind"].isin(KINDS)
    removed["kinds that are none"] += int((~known & frame["kind"].notna()).sum())
    frame["kind"] = frame["kind"].where(known, None)
    for name in ("kind", "name"):
        removed.kept[f"column {name!r}"] += int(frame[name].notna().sum())
    schema = pa.schema([field.with_nullable(bool(frame[field.name].isna().any())) for field in SCHEMA])
    kept = pa.Table.from_pandas(frame[SCHEMA.names], schema, preserve_index=False)
    with output.open("wb") as file:
        pq.write_table(
            kept.replace_schema_metadata({key: said[key] for key in _SAID if key in said}), file, compression="zstd"
        )


def _whole(column: pa.ChunkedArray, of_type: pa.DataType) -> pa.ChunkedArray:
    """A column of whole numbers, which may be written as texts. Raises an error of Arrow's for any other."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(of_type)
