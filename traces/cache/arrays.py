"""Whole numbers as parts of an entry: columns of one length, as parquet."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from launchlens.traces.intervals import Ints


def part_of(columns: Mapping[str, Ints]) -> bytes:
    """The part of an entry for some columns."""
    return written(pa.table({name: np.ascontiguousarray(each, np.int64) for name, each in columns.items()}))


def array_of(part: bytes) -> dict[str, Ints]:
    """The columns of a part. Raises ValueError or an ArrowException where it holds something else."""
    table = pq.read_table(io.BytesIO(part))
    if any(field.type != pa.int64() for field in table.schema):
        raise ValueError("a column of other than whole numbers")
    return {name: table.column(name).to_numpy().astype(np.int64, copy=True) for name in table.column_names}


def written(table: pa.Table) -> bytes:
    """A table as parquet."""
    out = io.BytesIO()
    # times are all different: what a dictionary of them would cost, it never brings back
    pq.write_table(table, out, compression="zstd", compression_level=1, use_dictionary=False)
    return out.getvalue()
