"""Tiny Nsight Systems exports made by hand, in the shape of each age of the schema.

A table gets exactly the columns of its age, so that a reader which takes a later column for granted fails. Rows are
written as dicts; what a row does not say is NULL. Names are given as text and stored as the age stores them.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

PID, TID = 4711, 4712
MACHINE = 1 << 48  # one VM, as in every export of a plain machine: 0x0001 above the process id


def global_pid(pid: int = PID, machine: int = MACHINE) -> int:
    return machine | pid << 24


def global_tid(tid: int = TID, pid: int = PID, machine: int = MACHINE) -> int:
    return global_pid(pid, machine) | tid


_GPU = ["start", "end", "deviceId", "contextId", "streamId", "correlationId"]
_API = ["start", "end", "eventClass", "globalTid", "correlationId", "nameId", "returnValue"]
_NVTX = ["start", "end", "eventType", "rangeId", "text", "globalTid", "endGlobalTid", "textId", "domainId"]
_GPU_TABLE = ["vmId", "id", "name", "cuDevice"]

#: Columns by table at each age. "2020" is older than any file we have: names inline, GPU rows without a process.
AGES: dict[str, dict[str, list[str]]] = {
    "2020": {
        "CUPTI_ACTIVITY_KIND_RUNTIME": [*_API[:-2], "nameId"],
        "CUPTI_ACTIVITY_KIND_KERNEL": [*_GPU, "name"],
        "CUPTI_ACTIVITY_KIND_MEMCPY": [*_GPU, "bytes", "copyKind"],
        "CUPTI_ACTIVITY_KIND_MEMSET": [*_GPU, "bytes"],
        "NVTX_EVENTS": ["start", "end", "eventType", "text", "globalTid"],
        "TARGET_INFO_CUDA_GPU": ["deviceId", "name"],
    },
    "2021": {
        "CUPTI_ACTIVITY_KIND_RUNTIME": _API,
        "CUPTI_ACTIVITY_KIND_KERNEL": [*_GPU, "globalPid", "demangledName", "shortName", "graphNodeId"],
        "CUPTI_ACTIVITY_KIND_MEMCPY": [*_GPU, "globalPid", "bytes", "copyKind", "migrationCause", "graphNodeId"],
        "CUPTI_ACTIVITY_KIND_MEMSET": [*_GPU, "globalPid", "bytes", "graphNodeId"],
        "NVTX_EVENTS": _NVTX,
        "TARGET_INFO_GPU": _GPU_TABLE,
    },
    "2022": {"EXPORT_META_DATA": ["name", "value"]},
    "2023": {
        "META_DATA_EXPORT": ["name", "value"],
        "ENUM_CUDA_MEMCPY_OPER": ["id", "name", "label"],
        "PROFILER_OVERHEAD": ["start", "end", "globalTid", "nameId", "returnValue"],
    },
    "2026": {
        "CUPTI_ACTIVITY_KIND_KERNEL": [
            *_GPU,
            "greenContextId",
            "globalPid",
            "demangledName",
            "shortName",
            "mangledName",
            "graphNodeId",
            "graphId",
        ],
        "CUPTI_ACTIVITY_KIND_MEMCPY": [
            *_GPU,
            "globalPid",
            "bytes",
            "copyKind",
            "migrationCause",
            "graphNodeId",
            "copyCount",
        ],
        "CUPTI_ACTIVITY_KIND_GRAPH_TRACE": [*_GPU, "greenContextId", "globalPid", "graphId", "graphExecId"],
        "CUPTI_ACTIVITY_KIND_OVERHEAD": ["start", "end", "globalTid", "correlationId", "nameId", "overheadType"],
        "TARGET_INFO_CUDA_DEVICE": ["gpuId", "cudaId", "pid"],
    },
}
_ORDER = list(AGES)


def columns_of(age: str) -> dict[str, list[str]]:
    """The columns of every table at `age`: later ages keep the tables of 2021 and add or replace some."""
    if age == "2020":
        return AGES["2020"]
    found: dict[str, list[str]] = {}
    for each in _ORDER[1 : _ORDER.index(age) + 1]:
        found |= AGES[each]
    if age >= "2023":
        del found["EXPORT_META_DATA"]
    return found


def export(path: Path, age: str = "2026", /, **tables: Iterable[dict[str, Any]]) -> Path:
    """Write an export of `age` that holds `tables` and, as real ones do, no table without rows.

    Short table names stand for the long ones: runtime, kernel, memcpy, memset, graph_trace, overhead, driver. Text in
    a name column (nameId, demangledName, shortName, mangledName, and textId) goes into StringIds. Raises KeyError for
    a column that the age does not have.
    """
    known = columns_of(age) | {"CUPTI_ACTIVITY_KIND_DRIVER": _API}
    strings: dict[str, int] = {}
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA synchronous = OFF")  # nobody needs it after a loss of power
        db.execute("BEGIN")
        for short, rows in tables.items():
            cupti = f"CUPTI_ACTIVITY_KIND_{short.upper()}"
            table = cupti if cupti in known else short
            columns = known[table]
            db.execute(f"CREATE TABLE {table} ({', '.join(_declared(name) for name in columns)})")
            for row in rows:
                if set(row) - set(columns):
                    raise KeyError(f"{table} of {age} has no {sorted(set(row) - set(columns))}")
                values = [_stored(name, row.get(name), strings) for name in columns]
                db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", values)
        db.execute("CREATE TABLE StringIds (id INTEGER NOT NULL PRIMARY KEY, value TEXT NOT NULL)")
        db.executemany("INSERT INTO StringIds VALUES (?, ?)", [(number, text) for text, number in strings.items()])
    db.close()
    return path


def _declared(name: str) -> str:
    text = {"name", "text", "label", "value"}
    return f'"{name}" {"TEXT" if name in text else "INTEGER"}'


def _stored(column: str, value: Any, strings: dict[str, int]) -> Any:
    if isinstance(value, str) and column in {"nameId", "demangledName", "shortName", "mangledName", "textId"}:
        return strings.setdefault(value, len(strings))
    return value


#: Columns of whole numbers by the type that Nsight Systems 2025.3 gives them in parquet; int64 where none is named.
_TYPES = {
    "uint64": [
        *("globalTid", "globalPid", "nameId", "demangledName", "shortName", "mangledName", "contextId", "streamId"),
        *("bytes", "copyKind", "graphNodeId", "copyCount", "rangeId", "endGlobalTid", "domainId"),
    ],
    "uint32": ["eventClass", "correlationId", "returnValue", "deviceId", "eventType", "textId", "migrationCause"],
    "int32": ["id", "cuDevice"],
}


def as_parquet(path: Path, folder: Path, types: dict[str, str] | None = None) -> Path:
    """Write the tables of the export `path` into `folder` as `nsys export --type parquetdir` does: no empty ones.

    `types` are Arrow's names of types for some columns, by their name, in place of those that Nsight Systems writes.
    """
    known = {name: kind for kind, names in _TYPES.items() for name in names} | (types or {})
    folder.mkdir(parents=True)
    db = sqlite3.connect(path)
    db.text_factory = lambda raw: raw.decode("utf-8", "backslashreplace")
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        columns = db.execute(f"PRAGMA table_info({table})").fetchall()
        rows = db.execute(f"SELECT * FROM {table}").fetchall()
        fields = []
        for at, (_, name, declared, *_) in enumerate(columns):
            held = {type(row[at]) for row in rows if row[at] is not None}
            is_text = declared == "TEXT" and str in held
            kind = pa.large_string() if is_text else pa.type_for_alias(known.get(name, "int64"))
            kind = pa.binary() if bytes in held else kind
            fields.append(pa.array([row[at] for row in rows], kind))
        made = pa.table(fields, names=[column[1] for column in columns], metadata={"table_name": table})
        if rows:
            pq.write_table(made, folder / f"{table}.parquet")
    db.close()
    return folder


def call(name: str, start: Any, end: Any, correlation: int | None, **more: Any) -> dict[str, Any]:
    return {"nameId": name, "start": start, "end": end, "correlationId": correlation, "globalTid": global_tid()} | more


def on_gpu(start: int, end: int, correlation: int | None, **more: Any) -> dict[str, Any]:
    """A row of a GPU table of 2021 or later."""
    return {
        "start": start,
        "end": end,
        "correlationId": correlation,
        "deviceId": 0,
        "contextId": 1,
        "streamId": 7,
        "globalPid": global_pid(),
    } | more
