"""Tiny recordings of CUPTI made by hand, as the collector writes them: a row is what a test says of it, the rest is null."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from launchlens.traces.readers.cupti.schema import COLUMNS, FORMAT, METADATA_KEY

PID, TID = 4711, 313262400
HEADER = {
    "format": FORMAT,
    "cupti_python": "13.0.1",
    "devices": {"0": "Made-up GPU"},
    "dropped_records": 0,
    "buffers_while_recording": 0,
    "markers": True,
}


def row(kind: str, name: str | None, start: int | None, end: int | None, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "name": name, "start_ns": start, "end_ns": end, "process": PID} | more


def call(name: str | None, start: int, end: int, correlation: int | None, **more: Any) -> dict[str, Any]:
    return row("api", name, start, end, correlation=correlation, **{"layer": "runtime", "thread": TID} | more)


def named(name: str, start: int, end: int | None, number: int | None = None, **more: Any) -> dict[str, Any]:
    """A range; the collector's own have a number."""
    return row("range", name, start, end, external=number, **{"thread": TID} | more)


def on_gpu(kind: str, start: int, end: int, correlation: int | None, **more: Any) -> dict[str, Any]:
    where = {"device": 0, "context": 1, "stream": 7, "channel": "compute", "channel_id": 3}
    if kind == "memcpy":
        more = {"name": "[CUDA memcpy DtoD]", "copy_kind": "DtoD", "bytes": 128, "copies": 1} | more
    name = more.pop("name", kind)
    return row(kind, name, start, end, correlation=correlation, **where | more)


def recording(
    path: Path,
    rows: Iterable[Mapping[str, Any]],
    *,
    header: Mapping[str, Any] | None = None,
    types: Mapping[str, pa.DataType] | None = None,
    without: Iterable[str] = (),
    metadata: Mapping[bytes, bytes] | None = None,
) -> Path:
    """Write a recording; `types` gives columns another Arrow type, `without` leaves some out, `metadata` is more of it."""
    rows = list(rows)
    arrays, names = [], []
    for column in COLUMNS:
        if column.name in set(without):
            continue
        values = [each.get(column.name) for each in rows]
        plain = pa.string() if column.type == "text" else pa.int64()
        array = pa.array(values, (types or {}).get(column.name, plain))
        arrays.append(array.dictionary_encode() if column.type == "text" and not types else array)
        names.append(column.name)
    said = json.dumps(HEADER | dict(header or {})).encode()
    pq.write_table(pa.table(arrays, names=names, metadata={METADATA_KEY: said} | dict(metadata or {})), path)
    return path
