"""Writes the rows of a CUPTI recording to their parquet file (`launchlens.traces.readers.cupti.schema`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from launchlens.profiling.collectors.cupti.rows import Rows
from launchlens.traces.readers.cupti.schema import COLUMNS, METADATA_KEY


def write(path: Path, rows: Rows, header: Mapping[str, Any]) -> None:
    """Write `rows`, in order of their start, with `header` as the schema's metadata. Raises OSError when it can't."""
    arrays = []
    for column in COLUMNS:
        if column.type == "text":
            arrays.append(pa.array(rows[column.name], pa.string()).dictionary_encode())
        else:
            arrays.append(pa.array(rows[column.name], pa.int64()))
    metadata = {METADATA_KEY: json.dumps(header, sort_keys=True).encode()}
    table = pa.table(arrays, names=[column.name for column in COLUMNS], metadata=metadata)
    # as it is, it goes by kind: in order of time a reader of the raw file sees what happened, and it packs as well
    pq.write_table(table.sort_by("start_ns"), path, compression="zstd")
