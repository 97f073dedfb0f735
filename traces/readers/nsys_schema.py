"""What the tables of an Nsight Systems export are called, at every age of its schema (2020 to 2026).

Tables and columns come and go with versions, and empty tables are usually left out: everything is looked up, nothing
is taken for granted. Where a value moved between columns, the candidates stand in order of preference.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launchlens.traces.problems import InputError


@dataclass(frozen=True)
class Source:
    """One table that holds events: their kind, and the export's columns for each of ours.

    `names` are columns that hold the name as text or as an id into StringIds; `event_types` limits NVTX_EVENTS to the
    rows that are ranges.
    """

    table: str
    kind: str
    columns: Mapping[str, tuple[str, ...]]
    names: tuple[str, ...] = ()
    layer: str | None = None
    event_types: tuple[int, ...] = ()


_TIMES = {"start": ("start",), "end": ("end",)}
_HOST = _TIMES | {"global": ("globalTid",)}
_CALL = _HOST | {"correlation": ("correlationId",)}
_DEVICE = _TIMES | {
    "global": ("globalPid",),
    "device": ("deviceId",),
    "context": ("contextId",),
    "stream": ("streamId",),
    "correlation": ("correlationId",),
    "graph": ("graphExecId", "graphId"),
    "graph_node": ("graphNodeId",),
}
_KERNEL_NAMES = ("demangledName", "shortName", "mangledName", "name")
_API_NAMES = ("nameId", "name")

SOURCES: tuple[Source, ...] = (
    Source("CUPTI_ACTIVITY_KIND_RUNTIME", "api", _CALL, _API_NAMES, layer="runtime"),
    Source("CUPTI_ACTIVITY_KIND_DRIVER", "api", _CALL, _API_NAMES, layer="driver"),
    Source("CUPTI_ACTIVITY_KIND_KERNEL", "kernel", _DEVICE, _KERNEL_NAMES),
    Source("CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL", "kernel", _DEVICE, _KERNEL_NAMES),
    Source(
        "CUPTI_ACTIVITY_KIND_MEMCPY",
        "memcpy",
        _DEVICE
        | {"bytes": ("bytes",), "copy_kind": ("copyKind",), "cause": ("migrationCause",), "copies": ("copyCount",)},
    ),
    Source("CUPTI_ACTIVITY_KIND_MEMSET", "memset", _DEVICE | {"bytes": ("bytes",)}),
    # one row for a whole replay: no kernel, and no copy either
    Source("CUPTI_ACTIVITY_KIND_GRAPH_TRACE", "graph", _DEVICE),
    # push/pop and start/end ranges, and the same two read from NVTX text files; marks and categories are left out
    Source("NVTX_EVENTS", "range", _HOST, ("text", "textId"), event_types=(59, 60, 70, 71)),
    Source("PROFILER_OVERHEAD", "overhead", _HOST, _API_NAMES),
    Source("CUPTI_ACTIVITY_KIND_OVERHEAD", "overhead", _HOST, _API_NAMES),
)

#: Work of CUDA's own that CUPTI reports among its overheads (CUpti_ActivityOverheadKind 2, 6, 7, 8): what the call
#: around it cost with or without a profiler.
CUDA_OWN_WORK = re.compile(
    r"driver.*compiler|\bJIT\b|module loading|function loading|command buffer full", re.IGNORECASE
)

#: CUpti_ActivityMemcpyKind, and Nsight's own 11 to 13 for managed memory; the same in every ENUM_CUDA_MEMCPY_OPER seen.
_COPY_KINDS = {
    0: "Unknown",
    1: "HtoD",
    2: "DtoH",
    3: "HtoA",
    4: "AtoH",
    5: "AtoA",
    6: "AtoD",
    7: "DtoA",
    8: "DtoD",
    9: "HtoH",
    10: "PtoP",
    11: "UVM HtoD",
    12: "UVM DtoH",
    13: "UVM DtoD",
}
#: Plain copy kind -> what the same direction is called when managed memory migrates.
MIGRATIONS = {1: 11, 2: 12, 8: 13}
_LABEL = re.compile(r"^(Unified )?(Host|Device|Array|Peer)-to-(Host|Device|Array|Peer)$")

_VERSION_TABLES = ("META_DATA_EXPORT", "EXPORT_META_DATA")


def tables(db: sqlite3.Connection) -> dict[str, frozenset[str]]:
    """The columns of each table; views are left out. Raises sqlite3.Error for a damaged file."""
    names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {name: frozenset(row[1] for row in db.execute(f"PRAGMA table_info({quoted(name)})")) for name in names}


def quoted(name: str) -> str:
    """`name` as an SQL identifier (`end` is a keyword)."""
    return '"' + name.replace('"', '""') + '"'


def check_is_export(path: Path, found: Mapping[str, frozenset[str]]) -> None:
    """Raise InputError unless the tables are those of an Nsight Systems export."""
    if "StringTable" in found and "StringIds" not in found:
        raise InputError(path, "is an nvprof database, not an Nsight Systems export", "record again with nsys profile")
    marks = {*_VERSION_TABLES, "StringIds", *(source.table for source in SOURCES)}
    if not any(name in marks or name.startswith(("TARGET_INFO_", "CUPTI_ACTIVITY_KIND_")) for name in found):
        raise InputError(
            path,
            "is a SQLite database, but not an Nsight Systems export",
            "make one with: nsys export --type sqlite REPORT.nsys-rep",
        )


def version(db: sqlite3.Connection, found: Mapping[str, frozenset[str]]) -> str | None:
    """Such as "2024.6.2.0 (schema 3.16.1)", as far as the export says; None for exports of 2020 and 2021."""
    for table in _VERSION_TABLES:
        if not {"name", "value"} <= found.get(table, frozenset()):
            continue
        # only these two rows: others name the user, the host and paths
        rows = db.execute(
            f"SELECT name, value FROM {table} WHERE name IN ('EXPORT_PRODUCT_VERSION', 'EXPORT_SCHEMA_VERSION')"
        )
        said = {name: str(value) for name, value in rows if value}
        product, schema = said.get("EXPORT_PRODUCT_VERSION"), said.get("EXPORT_SCHEMA_VERSION")
        if product or schema:
            return " ".join(filter(None, (product, schema and f"(schema {schema})")))
    return None


def copy_kinds(db: sqlite3.Connection, found: Mapping[str, frozenset[str]]) -> dict[int, str]:
    """Our name for each copy kind: the export's own enumeration where it has one, else CUPTI's numbers.

    A kind that we have no name for keeps its label; one that the export has no label for is left to the caller.
    """
    kinds = dict(_COPY_KINDS)
    if {"id", "label"} <= found.get("ENUM_CUDA_MEMCPY_OPER", frozenset()):
        for number, label in db.execute("SELECT id, label FROM ENUM_CUDA_MEMCPY_OPER"):
            if isinstance(number, int) and isinstance(label, str) and label:
                direction = _LABEL.match(label)
                kinds[number] = (
                    f"{'UVM ' if direction[1] else ''}{direction[2][0]}to{direction[3][0]}" if direction else label
                )
    return kinds


def devices(db: sqlite3.Connection, found: Mapping[str, frozenset[str]]) -> dict[int, str]:
    """Name by the number that GPU rows carry, which is CUDA's own number of the device; empty where none is given.

    TARGET_INFO_GPU also lists GPUs that are not CUDA devices (exports from Windows), and numbers them as the system
    does: its `cuDevice` column, where filled in, is the one to go by. Where processes see different GPUs under one
    number, the name holds both.
    """
    names: dict[int, list[str]] = {}
    for query, needs in _DEVICE_QUERIES:
        if not all(columns <= found.get(table, frozenset()) for table, columns in needs.items()):
            continue
        for number, name in db.execute(query):
            usable = isinstance(number, int) and number >= 0 and isinstance(name, str)
            if usable and name not in names.setdefault(number, []):
                names[number].append(name)
        if names:
            break
    return {number: " / ".join(several) for number, several in sorted(names.items()) if several}


_DEVICE_QUERIES: tuple[tuple[str, dict[str, frozenset[str]]], ...] = (
    (
        "SELECT c.cudaId, g.name FROM TARGET_INFO_CUDA_DEVICE c JOIN TARGET_INFO_GPU g ON g.id = c.gpuId",
        {"TARGET_INFO_CUDA_DEVICE": frozenset({"cudaId", "gpuId"}), "TARGET_INFO_GPU": frozenset({"id", "name"})},
    ),
    (
        "SELECT cuDevice, name FROM TARGET_INFO_GPU WHERE cuDevice IS NOT NULL",
        {"TARGET_INFO_GPU": frozenset({"cuDevice", "name"})},
    ),
    ("SELECT id, name FROM TARGET_INFO_GPU", {"TARGET_INFO_GPU": frozenset({"id", "name"})}),
    ("SELECT deviceId, name FROM TARGET_INFO_CUDA_GPU", {"TARGET_INFO_CUDA_GPU": frozenset({"deviceId", "name"})}),
    ("SELECT id, name FROM TARGET_INFO_CUDA_GPU", {"TARGET_INFO_CUDA_GPU": frozenset({"id", "name"})}),
    # without any number, only a single GPU can be told: device 0
    (
        "SELECT 0, name FROM TARGET_INFO_GPU WHERE (SELECT count(*) FROM TARGET_INFO_GPU) = 1",
        {"TARGET_INFO_GPU": frozenset({"name"})},
    ),
)
