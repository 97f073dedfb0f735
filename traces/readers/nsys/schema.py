"""What the tables of an Nsight Systems export are called, at every age of its schema (2020 to 2026).

Tables and columns come and go with versions, and empty tables are usually left out: everything is looked up, nothing
is taken for granted. Where a value moved between columns, the candidates stand in order of preference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from launchlens.traces.problems import InputError

if TYPE_CHECKING:
    from launchlens.traces.readers.nsys.export import Export


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
    Source(
        "NVTX_EVENTS", "range", _HOST | {"event_type": ("eventType",)}, ("text", "textId"), event_types=(59, 60, 70, 71)
    ),
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
#: NVTX start/end ranges, and the same read from NVTX text files: a process's, not a thread's.
OF_PROCESS = (60, 71)
#: Plain copy kind -> what the same direction is called when managed memory migrates.
MIGRATIONS = {1: 11, 2: 12, 8: 13}
_LABEL = re.compile(r"^(Unified )?(Host|Device|Array|Peer)-to-(Host|Device|Array|Peer)$")

#: What Nsight Systems says of a recording of its own, and how bad it is (ENUM_DIAGNOSTIC_SEVERITY_LEVEL: 2 warning, 3 error).
DIAGNOSTICS = "DIAGNOSTIC_EVENT"
_WARNINGS = (2, 3)
#: Those of its sentences that say that GPU events may be missing. Whole sentences: they name nobody and no place.
_LOST_EVENTS = re.compile(
    r"Not all (?:CUDA|CUPTI)(?: \w+){0,3} events might have been collected"
    r"|CUDA profiling might (?:not have|have not) been (?:started|stopped) correctly"
    r"|(?:[\d,]+ )?(?:CUDA|CUPTI)(?: \w+){0,3} (?:were|was|have been|has been|might have been) (?:dropped|lost)",
    re.IGNORECASE,
)
_VERSION_TABLES = ("META_DATA_EXPORT", "EXPORT_META_DATA")
COPY_KIND_LABELS = "ENUM_CUDA_MEMCPY_OPER"


#: The processes that ran meanwhile, with the executable of each as it was called: exports of 2023 and later have it.
PROCESSES = "PROCESSES"
_PYTHON = re.compile(r"python(\d+(\.\d+)*t?)?", re.IGNORECASE)

#: Every table that the reader looks into.
READ = frozenset(
    (
        *(source.table for source in SOURCES),
        *_VERSION_TABLES,
        DIAGNOSTICS,
        PROCESSES,
        "NVTX_PAYLOAD_SCHEMA_ENTRIES",
        *("StringIds", COPY_KIND_LABELS, "TARGET_INFO_GPU", "TARGET_INFO_CUDA_GPU", "TARGET_INFO_CUDA_DEVICE"),
    )
)


def is_mark(table: str) -> bool:
    """Whether a table of this name makes a database, or a folder of tables, an Nsight Systems export."""
    # many a database has a table of processes
    return table in READ - {PROCESSES} or table.startswith(("TARGET_INFO_", "CUPTI_ACTIVITY_KIND_"))


def check_is_export(path: Path, found: Iterable[str]) -> None:
    """Raise InputError unless the tables `found` in a database are those of an Nsight Systems export."""
    found = set(found)
    if "StringTable" in found and "StringIds" not in found:
        raise InputError(path, "is an nvprof database, not an Nsight Systems export", "record again with nsys profile")
    if not any(map(is_mark, found)):
        raise InputError(
            path,
            "is a SQLite database, but not an Nsight Systems export",
            "make one with: nsys export --type sqlite REPORT.nsys-rep",
        )


def version(export: Export) -> str | None:
    """Such as "2024.6.2.0 (schema 3.16.1)", as far as the export says; None for exports of 2020 and 2021."""
    for table in _VERSION_TABLES:
        if not {"name", "value"} <= export.columns.get(table, frozenset()):
            continue
        # only these two rows: others name the user, the host and paths
        wanted = ("EXPORT_PRODUCT_VERSION", "EXPORT_SCHEMA_VERSION")
        said = {name: str(value) for name, value in export.rows(table, ("name", "value")) if name in wanted and value}
        product, schema = map(said.get, wanted)
        if product or schema:
            return " ".join(filter(None, (product, schema and f"(schema {schema})")))
    return None


def says_of_lost_events(severity: object, text: object) -> str | None:
    """The sentence of a row of `DIAGNOSTICS`, without its full stop, where it says that GPU events may be missing."""
    if severity not in _WARNINGS or not isinstance(text, str):
        return None
    said = text.strip().rstrip(".")
    return said if _LOST_EVENTS.fullmatch(said) else None


def lost_events(export: Export) -> list[str]:
    """What the recorder says of GPU events that it may not have collected, a sentence each, as often as it says so."""
    if not {"severity", "text"} <= export.columns.get(DIAGNOSTICS, frozenset()):
        return []
    found = (says_of_lost_events(severity, text) for severity, text in export.rows(DIAGNOSTICS, ("severity", "text")))
    return [said for said in found if said is not None]


def python_name(executable: object) -> str | None:
    """What Python's interpreter is called, without its folder, where an executable is one; None for any other.

    >>> python_name("/home/ada/env/bin/python3.11"), python_name("./train"), python_name("python-config")
    ('python3.11', None, None)
    """
    if not isinstance(executable, str):
        return None
    name = re.split(r"[\\/]", executable)[-1].removesuffix(".exe")
    return name if _PYTHON.fullmatch(name) else None


def python_processes(export: Export) -> frozenset[int]:
    """The processes whose executable is Python's interpreter, as the export serializes their ids."""
    if not {"globalPid", "name"} <= export.columns.get(PROCESSES, frozenset()):
        return frozenset()
    rows = export.rows(PROCESSES, ("globalPid", "name"))
    return frozenset(number for number, name in rows if isinstance(number, int) and python_name(name) is not None)


def copy_kinds(export: Export) -> dict[int, str]:
    """Our name for each copy kind: the export's own enumeration where it has one, else CUPTI's numbers.

    A kind that we have no name for keeps its label; one that the export has no label for is left to the caller.
    """
    kinds = dict(_COPY_KINDS)
    if {"id", "label"} <= export.columns.get(COPY_KIND_LABELS, frozenset()):
        for number, label in export.rows(COPY_KIND_LABELS, ("id", "label")):
            if isinstance(number, int) and isinstance(label, str) and label:
                direction = _LABEL.match(label)
                kinds[number] = (
                    f"{'UVM ' if direction[1] else ''}{direction[2][0]}to{direction[3][0]}" if direction else label
                )
    return kinds


def devices(export: Export) -> dict[int, str]:
    """Name by the number that GPU rows carry, which is CUDA's own number of the device; empty where none is given.

    TARGET_INFO_GPU also lists GPUs that are not CUDA devices (exports from Windows), and numbers them as the system
    does: its `cuDevice` column, where filled in, is the one to go by. Where processes see different GPUs under one
    number, the name holds both.
    """
    for pairs in _numbered(export, "name"):
        names: dict[int, list[str]] = {}
        for number, name in pairs:
            usable = isinstance(number, int) and number >= 0 and isinstance(name, str)
            if usable and name not in names.setdefault(number, []):
                names[number].append(name)
        if any(names.values()):
            return {number: " / ".join(several) for number, several in sorted(names.items()) if several}
    return {}


def memory_bandwidths(export: Export) -> dict[int, int]:
    """What the memory of each device can read or write at most, in bytes a second, by its number; empty where it is not told."""
    for pairs in _numbered(export, "memoryBandwidth"):
        told: dict[int, set[int]] = {}
        for number, rate in pairs:
            if isinstance(number, int) and number >= 0 and isinstance(rate, int) and rate > 0:
                told.setdefault(number, set()).add(rate)
        if told:
            return {number: rates.pop() for number, rates in sorted(told.items()) if len(rates) == 1}
    return {}


def _numbered(export: Export, of_gpu: str) -> Iterator[Iterable[tuple[Any, Any]]]:
    """Pairs of a device's number and what a column of GPUs says of it, from each place that may hold them, the best first."""

    def pairs(table: str, number: str, name: str = of_gpu) -> list[tuple[Any, Any]]:
        if not {number, name} <= export.columns.get(table, frozenset()):
            return []
        return [(row[0], row[1]) for row in export.rows(table, (number, name)) if row[0] is not None]

    by_gpu = pairs("TARGET_INFO_GPU", "id")
    named: dict[Any, list[Any]] = {}
    for gpu, name in dict.fromkeys(by_gpu):
        named.setdefault(gpu, []).append(name)
    cuda = dict.fromkeys(pairs("TARGET_INFO_CUDA_DEVICE", "cudaId", "gpuId"))
    yield [(number, name) for number, gpu in cuda for name in named.get(gpu, ())]
    yield pairs("TARGET_INFO_GPU", "cuDevice")
    yield by_gpu
    yield pairs("TARGET_INFO_CUDA_GPU", "deviceId")
    yield pairs("TARGET_INFO_CUDA_GPU", "id")
    # without any number, only a single GPU can be told: device 0
    if of_gpu in export.columns.get("TARGET_INFO_GPU", frozenset()):
        gpus = list(export.rows("TARGET_INFO_GPU", (of_gpu,)))
        yield [(0, gpus[0][0])] if len(gpus) == 1 else []
