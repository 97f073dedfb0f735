"""The reader of Nsight Systems exports of 2020 to 2026 (`nsys export --type sqlite`, or parquetdir).

CUDA API calls, kernels, copies, memsets, whole graph replays, NVTX ranges and the profiler's own overhead become the
event table. What an export of its age does not hold stays absent; what can't be used is counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from launchlens.traces.intervals import Ints
from launchlens.traces.problems import InputError, Problems
from launchlens.traces.readers.nsys import payloads
from launchlens.traces.readers.nsys import schema as nsys_schema
from launchlens.traces.readers.nsys.export import NULL, Export, Names
from launchlens.traces.readers.nsys.schema import CUDA_OWN_WORK, MIGRATIONS, OF_PROCESS, SOURCES, Source
from launchlens.traces.readers.nsys.sqlite import opened_sqlite
from launchlens.traces.readers.nsys.table import PID_BITS, TableRows, assemble, process_keys, process_names, take
from launchlens.traces.schema import GPU_KINDS, within_limits
from launchlens.traces.trace import Progress, Trace

#: What CUPTI writes as device and context of a graph whose first node runs on the host.
_ON_THE_HOST = 2**31 - 1
_DRIVER_CALL = re.compile(r"^cu[A-Z]")
_RUNTIME_CALL = re.compile(r"^cuda[A-Z]")


def read(path: Path, *, partial: bool = False, progress: Progress | None = None) -> Trace:
    """The trace in the export `path`, a database or a folder of parquet tables, which is left as it is.

    Times are ns on the session's clock as exported. Devices are numbered as CUDA numbers them in their process. A
    graph that was recorded whole (nsys's default) is a `graph` named `Graph Exec N`, and a problem.
    Raises InputError for what is no Nsight Systems export, is damaged or still being written, or holds no events.
    """
    with _opened(path) as export:
        trace = _read(path, export, progress)
    if progress is not None:
        progress(trace.bytes, trace.bytes)
    return trace


def _opened(path: Path) -> AbstractContextManager[Export]:
    if path.is_dir():
        from launchlens.traces.readers.nsys.parquet import opened_folder

        return opened_folder(path)
    return opened_sqlite(path)


def _read(path: Path, export: Export, progress: Progress | None) -> Trace:
    problems = Problems()
    found, size = export.columns, export.bytes
    nsys_schema.check_is_export(path, found)
    names = Names(export.texts)
    kinds = nsys_schema.copy_kinds(export)
    usable = [source for source in SOURCES if source.table in found]
    done, rows = 0, sum(export.rows_of(source.table) for source in usable)

    def after_chunk(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(size * min(done, rows) // max(rows, 1), size)

    parts = []
    for source in usable:
        if not {"start", "end"} <= found[source.table]:
            problems.add("missing-table")
            continue
        parts.append(_part(source, export.events(source, names, after_chunk), names, kinds, problems))
    _close_open_ranges(parts, problems)
    devices = nsys_schema.devices(export)
    _place_graphs(parts, devices)
    if not any(len(part) for part in parts if part.kind != "overhead"):
        raise InputError(
            path, "holds no events: no CUDA call, no GPU activity, no NVTX range", "record with --trace=cuda,nvtx"
        )
    _count_what_is_missing(parts, found, problems)
    of_python = {number >> PID_BITS for number in nsys_schema.python_processes(export)}
    processes = process_names(process_keys(parts))
    lost = nsys_schema.lost_events(export)
    for said in dict.fromkeys(lost):
        problems.add("recorder-lost-events", lost.count(said), detail=said)
    events = assemble(parts, names.known, kinds, problems)
    return Trace(
        path=path,
        recorded_by="nsys",
        recorded_by_version=nsys_schema.version(export),
        bytes=size,
        events=events,
        details=payloads.collectives(export, events, problems),
        problems=problems,
        devices=devices,
        memory_bandwidths=nsys_schema.memory_bandwidths(export),
        looked_for_gpu=False if lost else None,
        python_processes=frozenset(name for key, name in processes.items() if key in of_python),
    )


def _part(
    source: Source, columns: dict[str, Ints], names: Names, kinds: dict[int, str], problems: Problems
) -> TableRows:
    """The usable rows of one table, named and with their oddities settled; the others are counted."""
    columns = _usable(source, columns, problems)
    count = len(columns["start"])
    if source.kind in GPU_KINDS:
        _settle_device_rows(source, columns, kinds, problems)
    if source.kind == "memcpy":
        columns["name"] = _named_by(columns["copy_kind"], lambda number: f"[CUDA memcpy {kinds[number]}]", names)
    elif source.kind == "memset":
        columns["name"] = np.full(count, names.code("[CUDA memset]"), np.int64)
    elif source.kind == "graph":
        columns["name"] = _named_by(
            columns.get("graph", np.full(count, NULL)), lambda number: f"Graph Exec {number}", names
        )
        problems.add("graph-recorded-whole", count)
    name = columns.setdefault("name", np.full(count, -1, np.int64))
    if source.kind == "overhead":
        own = np.array([bool(CUDA_OWN_WORK.search(text)) for text in names.known] + [False], bool)[name]
        problems.add("cuda-overhead-left-out", int(own.sum()))
        columns = take(columns, ~own)
        name = columns["name"]
    problems.add("name-missing", int((name < 0).sum()))
    columns["name"] = np.where(name < 0, names.code(Names.NONE), name)
    if source.kind == "range" and "event_type" in columns:
        columns["scope"] = np.where(np.isin(columns.pop("event_type"), OF_PROCESS), 0, NULL)
    if source.layer is not None:
        columns["layer"] = _layers(source.layer, columns["name"], names.known)
    return TableRows(source.kind, columns)


def _usable(source: Source, columns: dict[str, Ints], problems: Problems) -> dict[str, Ints]:
    """The rows with a start, an end and a length; an NVTX range may lack its end for now."""
    start, end = columns["start"], columns["end"]
    is_open = (end == NULL) if source.kind == "range" else np.zeros(len(end), bool)
    timed = (start != NULL) & ((end != NULL) | is_open)
    backwards = timed & ~is_open & (end < start)
    with np.errstate(over="ignore"):
        # times so far apart that their difference has no int64 are no times
        length = np.where(is_open, 0, end - start)
    timed &= backwards | ((length >= 0) & within_limits(start, length))
    if source.kind in GPU_KINDS:
        # CUPTI writes 0 for both where it could not take the times
        not_taken = (start == 0) & (end == 0)
        problems.add("time-not-taken", int(not_taken.sum()))
        columns, timed, backwards = take(columns, ~not_taken), timed[~not_taken], backwards[~not_taken]
    problems.add("event-not-understood", int((~timed).sum()))
    problems.add("negative-duration", int((timed & backwards).sum()))
    return take(columns, timed & ~backwards)


def _settle_device_rows(source: Source, columns: dict[str, Ints], kinds: dict[int, str], problems: Problems) -> None:
    """Fill in copy kinds, void numbers that stand for none, and count what has no correlation id."""
    absent = np.full(len(columns["start"]), NULL)
    correlation = columns.get("correlation", absent)
    device, context = columns.get("device", absent), columns.get("context", absent)
    columns["device"] = np.where((device < np.iinfo(np.int32).min) | (device >= _ON_THE_HOST), NULL, device)
    columns["context"] = np.where(context == _ON_THE_HOST, NULL, context)
    migrated = np.zeros(len(absent), bool)
    if source.kind == "memcpy":
        cause, kind = columns.pop("cause", absent), columns.get("copy_kind", absent)
        for plain, managed in MIGRATIONS.items():
            kind = np.where((cause > 0) & (kind == plain), managed, kind)
        kind = np.where(kind == NULL, 0, kind)
        for number in np.unique(kind):
            kinds.setdefault(int(number), f"kind {number}")
        columns["copy_kind"] = kind
        managed_kinds = [number for number, name in kinds.items() if name.startswith("UVM ")]
        migrated = np.isin(kind, managed_kinds) & (correlation == NULL)
        problems.add("managed-memory-migration", int(migrated.sum()))
        problems.add("copies-in-one-record", int((columns.pop("copies", absent) > 1).sum()))
    problems.add("missing-correlation", int(((correlation == NULL) & ~migrated).sum()))


def _named_by(numbers: Ints, label: Callable[[int], str], names: Names) -> Ints:
    """Name codes for rows that are named after a number; -1 where the number is absent."""
    unique, which = np.unique(numbers, return_inverse=True)
    return np.array([-1 if number == NULL else names.code(label(int(number))) for number in unique], np.int64)[which]


def _layers(of_table: str, name: Ints, known: list[str]) -> Ints:
    """0 for runtime calls, 1 for driver calls: by name, else by the table (most exports keep both in one)."""
    otherwise = int(of_table == "driver")
    layers = [1 if _DRIVER_CALL.match(text) else 0 if _RUNTIME_CALL.match(text) else otherwise for text in known]
    return np.array(layers or [otherwise], np.int64)[name]


def _close_open_ranges(parts: list[TableRows], problems: Problems) -> None:
    """Let ranges that were open when the recording ended reach to the end of the last event."""
    last = max((int(part.columns["end"].max()) for part in parts if len(part)), default=0)
    for part in parts:
        if part.kind == "range":
            end = part.columns["end"]
            is_open = end == NULL
            problems.add("range-left-open", int(is_open.sum()))
            # nothing may have ended after the range began
            part.columns["end"] = np.where(is_open, np.maximum(last, part.columns["start"]), end)


def _place_graphs(parts: list[TableRows], named: Mapping[int, str]) -> None:
    """Put graphs that name no device (their first node runs on the host) on the only device there is, if just one is."""
    seen = {int(number) for part in parts if "device" in part.columns for number in np.unique(part.columns["device"])}
    known = seen - {NULL} or set(named)
    if len(known) == 1:
        (only,) = known
        for part in parts:
            if part.kind == "graph":
                device = part.columns["device"]
                part.columns["device"] = np.where(device == NULL, only, device)


def _count_what_is_missing(parts: list[TableRows], found: Mapping[str, frozenset[str]], problems: Problems) -> None:
    """Count tables whose absence leaves a hole: empty tables are left out of exports as a rule."""
    held = {part.kind for part in parts if len(part)}
    if held & set(GPU_KINDS) and "api" not in held:
        problems.add("missing-table")
    if "StringIds" not in found and problems["name-missing"]:
        problems.add("missing-table")
