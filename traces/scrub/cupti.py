"""Copies a recording of CUPTI with what is declared alone."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from launchlens.traces.documents.structure import as_plain
from launchlens.traces.parquet import compact, source
from launchlens.traces.readers.cupti.file import opened
from launchlens.traces.readers.cupti.schema import METADATA_KEY
from launchlens.traces.scrub.text import Removed, without_paths
from launchlens.traces.trace import Progress


def copy(path: Path, output: Path, removed: Removed, *, progress: Progress | None = None) -> None:
    """Write the recording `path` to `output` less other columns and metadata; count these in `removed`.

    Process and thread ids stay: they tell a reader which calls are of one thread, and name nobody. Raises InputError for
    what is no recording, OSError when `output` can't be written.
    """
    recording = opened(path)
    schema = pq.read_schema(source(path))
    said = json.loads(schema.metadata[METADATA_KEY])
    kept = {name: _plain(value) for name, value in as_plain(recording.header).items()}
    removed["entries of metadata"] += len(set(schema.metadata) - {METADATA_KEY, b"ARROW:schema"})
    removed["facts of the header"] += sum(kept.get(name) != value for name, value in said.items())
    for name in schema.names:
        if name not in recording.table.column_names:
            removed[f"column {name!r}"] += 1
    # dictionaries are made anew: one may hold texts that no row refers to
    columns = [compact(each) if pa.types.is_dictionary(each.type) else each for each in recording.table.columns]
    for name, each in zip(recording.table.column_names, columns, strict=True):
        if pa.types.is_dictionary(each.type):
            removed.kept[f"column {name!r}"] += len(each) - each.null_count
    texts = [each for value in kept.values() for each in (value.values() if isinstance(value, dict) else [value])]
    removed.kept["facts of the header"] += sum(isinstance(each, str) for each in texts)
    metadata = {METADATA_KEY: json.dumps(kept, sort_keys=True).encode()}
    kept_table = pa.table(columns, names=recording.table.column_names, metadata=metadata)
    with output.open("wb") as file:
        pq.write_table(kept_table, file, compression="zstd")


def _plain(value: object) -> object:
    """A value of the header without paths; of an object only what a table of devices holds, numbers and names."""
    if isinstance(value, dict):
        return {key: _plain(name) for key, name in value.items() if key.isdecimal() and isinstance(name, str)}
    return without_paths(value)[0] if isinstance(value, str) else value
