"""A table as parquet: typed columns, each with its unit and meaning in the file's own metadata."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from launchlens.reports.writers.cells import spelled
from launchlens.traces.tables.table import FEW, Table

_TYPES = {"object": pa.string(), "boolean": pa.bool_(), "Int64": pa.int64(), "Float64": pa.float64()}


def parquet(table: Table) -> bytes:
    """The table as a parquet file: fields are called as in CSV, and carry `unit` and `meaning`."""
    arrays, fields = [], []
    for column in table.columns:
        for part in column.parts:
            kind = _TYPES[column.dtype]
            values: Any = table.cells(part) if kind == pa.string() or len(table) <= FEW else table.frame[part]
            if kind == pa.string():
                values = [None if value is None else spelled(value) for value in values]
            arrays.append(pa.array(values, type=kind, from_pandas=True))
            said = {"meaning": column.meaning, **({"unit": column.unit} if column.unit else {})}
            fields.append(pa.field(part, kind, metadata=said))
    schema = pa.schema(fields, metadata={"table": table.name, "title": spelled(table.title)})
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), out, compression="zstd")
    return out.getvalue()
