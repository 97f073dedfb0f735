"""CUPTI's records as columns of the recording's file: names looked up, numbers that stand for none made null."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from launchlens.profiling.collectors.cupti.demangling import demangled
from launchlens.profiling.collectors.cupti.records import FIELDS, ON_DEVICE, Range, Records
from launchlens.traces.readers.cupti.schema import COLUMNS

#: Columns of the file by name, all of one length; None where a row has no value.
Rows = dict[str, list[Any]]

_KIND = {"CONCURRENT_KERNEL": "kernel", "MEMCPY": "memcpy", "MEMCPY2": "memcpy", "MEMSET": "memset"}
#: A field of a record -> the column that takes it as it is.
_AS_IT_IS = {
    "start": "start_ns",
    "end": "end_ns",
    "thread_id": "thread",
    "device_id": "device",
    "context_id": "context",
    "stream_id": "stream",
    "channel_id": "channel_id",
    "bytes": "bytes",
    "copy_count": "copies",
}
#: The same of fields in which 0 stands for none.
_ZERO_IS_NONE = {
    "correlation_id": "correlation",
    "graph_id": "graph",
    "graph_node_id": "graph_node",
    "queued": "queued_ns",
    "submitted": "submitted_ns",
    "completed": "completed_ns",
}
# CUpti_ActivityMemcpyKind and CUpti_ChannelType; 0 is unknown, and no channel
_COPY_KINDS = dict(enumerate(("HtoD", "DtoH", "HtoA", "AtoH", "AtoA", "AtoD", "DtoA", "DtoD", "HtoH", "PtoP"), start=1))
_CHANNELS = {1: "compute", 2: "async-memcpy", 3: "decompression"}
_MOST = (1 << 63) - 1


def rows_of(records: Records, ranges: Sequence[Range], process: int, cupti: Any) -> Rows:
    """All records and ranges of `process` as rows of the file: ranges, API calls, overhead, then GPU work."""
    rows: Rows = {column.name: [] for column in COLUMNS}
    named = [*ranges, *records.markers()]
    _append(
        rows,
        "range",
        len(named),
        name=[each.name for each in named],
        start_ns=[each.start for each in named],
        end_ns=[each.end for each in named],
        thread=[each.thread for each in named],
        external=[each.number for each in named],
    )
    thread_of: dict[int, int] = {}
    external = _external_ids(records, cupti)
    for kind, layer, domain in (("RUNTIME", "runtime", "RUNTIME_API"), ("DRIVER", "driver", "DRIVER_API")):
        columns = _columns(records, kind)
        names = _names(columns.pop("cbid"), partial(_call_name, cupti, domain))
        count = len(names)
        thread_of |= dict(zip(columns["correlation"], columns["thread"], strict=True))
        by_id = [external.get(number) for number in columns["correlation"]]
        _append(rows, "api", count, name=names, layer=[layer] * count, external=by_id, **columns)
    columns = _columns(records, "OVERHEAD")
    names = _names(columns.pop("overhead_kind"), partial(_overhead_name, cupti))
    # it names no thread that can be read safely, but often the call in which it happened
    threads = [thread_of.get(number) for number in columns["correlation"]]
    _append(rows, "overhead", len(names), name=names, thread=threads, **columns)
    for kind in ON_DEVICE:
        columns = _columns(records, kind)
        count = len(columns["start_ns"])
        columns["channel"] = _names(columns.pop("channel_type"), _CHANNELS.get)
        if kind in ("MEMCPY", "MEMCPY2"):
            columns["copy_kind"] = _names(
                columns["copy_kind"], lambda number: _COPY_KINDS.get(number, f"kind {number}")
            )
            columns["name"] = [f"[CUDA memcpy {each}]" for each in columns["copy_kind"]]
        elif kind == "MEMSET":
            columns["name"] = ["[CUDA memset]"] * count
        else:
            columns["name"] = _names(columns["name"], demangled)
        _append(rows, _KIND[kind], count, **columns)
    rows["process"] = [process] * len(rows["kind"])
    return rows


def _columns(records: Records, kind: str) -> dict[str, list[Any]]:
    """The fields of a kind's records by the column that takes them; those that must be looked up keep their own name."""
    taken = records.of(kind)
    fields = zip(*taken, strict=True) if taken else ((),) * len(FIELDS[kind])
    columns: dict[str, list[Any]] = {}
    for name, values in zip(FIELDS[kind], fields, strict=True):
        if name in _ZERO_IS_NONE:
            columns[_ZERO_IS_NONE[name]] = [value if 0 < value <= _MOST else None for value in values]
        elif name in _AS_IT_IS:
            columns[_AS_IT_IS[name]] = [value if value <= _MOST else None for value in values]
        else:
            columns[name] = list(values)
    return columns


def _append(rows: Rows, kind: str, count: int, **columns: Sequence[Any]) -> None:
    rows["kind"].extend([kind] * count)
    for name, column in rows.items():
        if name != "kind":
            column.extend(columns.get(name, [None] * count))


def _names(values: Sequence[Any], name_of: Callable[[Any], str | None]) -> list[str | None]:
    """The name of each value, looked up once per different value."""
    known: Mapping[Any, str | None] = {value: name_of(value) for value in dict.fromkeys(values)}
    return [known[value] for value in values]


def _external_ids(records: Records, cupti: Any) -> dict[int, int]:
    """The collector's own id that each correlation id was recorded with."""
    ours = int(cupti.ExternalCorrelationKind.CUSTOM0)
    return {number: external for number, external, kind in records.of("EXTERNAL_CORRELATION") if kind == ours}


def _call_name(cupti: Any, domain: str, number: int) -> str | None:
    """The name of an API call; None for one that this CUPTI does not know."""
    try:
        name = cupti.get_callback_name(getattr(cupti.CallbackDomain, domain), number)
    except cupti.cuptiError:
        return None
    return str(name) or None


def _overhead_name(cupti: Any, number: int) -> str:
    try:
        name: str = cupti.ActivityOverheadKind(number).name
    except ValueError:
        return f"kind {number}"
    return name.lower().replace("_", " ")
