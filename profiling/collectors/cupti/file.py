"""Writes the rows of a CUPTI recording to their parquet file (`launchlens.traces.readers.cupti.schema`)."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from launchlens.profiling.collectors.cupti.rows import Rows
from launchlens.traces.readers.cupti.schema import COLUMNS, Header


def write(path: Path, rows: Rows, header: Header) -> None:
    """Write `rows`, in order of their start, with `header` as the schema's metadata. Raises OSError when it can't."""
    arrays = []
    for column in COLUMNS:
        if column.type == "text":
            arrays.append(pa.array(rows[column.name], pa.string()).dictionary_encode())
        else:
            arrays.append(pa.array(rows[column.name], pa.int64()))
    table = pa.table(arrays, names=[column.name for column in COLUMNS], metadata=header.as_metadata())
    # as it is, it goes by kind: in order of time a reader of the raw file sees what happened, and it packs as well
    with path.open("wb") as file:
        pq.write_table(table.sort_by("start_ns"), file, compression="zstd")
