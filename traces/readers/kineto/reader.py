"""Reads the traces of torch.profiler (Kineto's JSON, plain or gzip) into the event table, a block of events at a time.

Start times are the file's own `ts`, in nanoseconds; `baseTimeNanoseconds`, where the file gives it, is kept apart in
`Trace.meta["base_ns"]`. `Trace.meta` also holds what the file says of the recording (`MADE_WITH`), the names it
gives to processes and threads, and of one rank of a job which it is (`rank`) of how many (`ranks`).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from launchlens.traces.problems import InputError, Problems, shown_name
from launchlens.traces.readers.byte_source import ByteSource
from launchlens.traces.readers.kineto.beginning import REMEDY, check_events
from launchlens.traces.readers.kineto.columns import KinetoColumns
from launchlens.traces.readers.kineto.dialects import Proton
from launchlens.traces.readers.kineto.events import EventDecoder
from launchlens.traces.readers.kineto.json_blocks import TraceDocument
from launchlens.traces.readers.kineto.json_repair import repair
from launchlens.traces.readers.kineto.pairs import Pairs
from launchlens.traces.readers.kineto.ranks import told_apart
from launchlens.traces.schema import KINDS
from launchlens.traces.trace import Progress, Trace

#: The keys around the events that are kept in `Trace.meta` under their own names, when they are numbers or text.
MADE_WITH = (
    "schemaVersion",
    "traceName",
    "trace_id",
    "cupti_version",
    "cuda_runtime_version",
    "cuda_driver_version",
    "record_shapes",
    "profile_memory",
    "with_stack",
)

#: Which kinds of the event table tell of a GPU.
_OF_GPU = np.array([kind not in ("op", "range", "overhead") for kind in KINDS])

#: How many categories a refusal names.
_NAMED = 4


def read(path: Path, *, partial: bool = False, progress: Progress | None = None) -> Trace:
    """Read a Kineto trace: the object that torch.profiler exports, or a bare array of events.

    `partial` keeps the whole events of a file that breaks off (problem `truncated`). Rows are in the order of the
    file. Raises InputError for a file that is not a trace, breaks off, is damaged, or holds no event to account for.
    """
    problems = Problems()
    decoder = EventDecoder(problems)
    columns = KinetoColumns(problems)
    pairs = Pairs(problems)
    with ByteSource(path, partial=partial, progress=progress) as source, _no_cycle_collection():
        document = TraceDocument(source, partial=partial)
        try:
            for block in document.blocks(decoder):
                check_events(document, decoder)
                if columns.dialect is None and Proton.begins(document.head):
                    columns.dialect = Proton()
                columns.add(block)
                if block.halves:
                    columns.add(pairs.of(block.halves))
            pairs.close()
            if columns.dialect is not None:
                columns.dialect.close(problems)
            about = _keys(document.tail, problems) | _keys(document.head, problems)
        except RecursionError:
            raise document.error("nests its JSON too deeply", "no profiler does: record it again") from None
        if document.truncated:
            problems.add("truncated")
        if not columns.rows:
            raise _nothing_kept(path, decoder.seen, columns.categories, problems)
        events, details = columns.table()
        merged = told_apart(path, events, columns.places, columns.processes, problems)
        events = merged.events
    schema, devices = about.get("schemaVersion"), _devices(about)
    for number, (listed, process) in merged.devices.items():
        devices[number] = f"{_devices(about).get(listed, f'GPU {listed}')} of process {process}"
    return Trace(
        path=path,
        recorded_by="kineto" if columns.dialect is None else columns.dialect.recorder,
        recorded_by_version=f"schemaVersion {schema}" if isinstance(schema, int | float) else None,
        bytes=source.size,
        events=events,
        problems=problems,
        devices=devices,
        details=details,
        meta=_meta(about, columns),
        looked_for_gpu=_looked_for_gpu(events, devices),
        # torch.profiler is switched on from Python
        python_processes=frozenset(map(str, events["process"].cat.categories))
        if columns.dialect is None or columns.dialect.runs_python
        else frozenset(),
        python_frames=columns.python_frames(),
    )


def _looked_for_gpu(events: pd.DataFrame, devices: Mapping[int, str]) -> bool | None:
    """False where the machine has GPUs and not one call of a GPU's runtime was recorded: only the CPU's activities were."""
    # a recording of GPU activities ends in a call that waits for them, so that it holds one at least
    return False if devices and not _OF_GPU[events["kind"].array.codes].any() else None


@contextmanager
def _no_cycle_collection() -> Iterator[None]:
    """Switch Python's cycle collector off: it takes half the time of decoding JSON, and finds nothing there."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _nothing_kept(path: Path, seen: int, categories: list[str], problems: Problems) -> InputError:
    remedy = REMEDY
    if not seen:
        return InputError(path, "holds no events" + (" before it breaks off" if problems["truncated"] else ""), remedy)
    if problems["unreadable-json"] == seen:
        return InputError(path, "is not JSON, though it begins like it", remedy)
    what = f"holds {seen:,} events, but no usable range, op, API call or GPU activity among them"
    if categories:
        what += f": they are of other categories ({', '.join(shown_name(each, 30) for each in categories[:_NAMED])})"
    return InputError(path, what, remedy)


def _keys(text: bytes, problems: Problems) -> dict[str, Any]:
    """The keys beside the events that are of use, decoded; what can't be read is counted and left out."""
    replaced = 0
    try:
        raws = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        text.decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        text, replaced = repair(text)
        try:
            raws = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        except (msgspec.DecodeError, UnicodeDecodeError):
            problems.add("unreadable-json")
            return {}
    problems.add("replaced-bad-json", replaced)
    keys: dict[str, Any] = {}
    for name in (*MADE_WITH, "baseTimeNanoseconds", "distributedInfo", "deviceProperties", "computeProperties"):
        if name in raws:
            try:
                keys[name] = msgspec.json.decode(raws[name])
            except (msgspec.DecodeError, UnicodeDecodeError):
                problems.add("unreadable-json")
    return keys


def _devices(about: Mapping[str, Any]) -> dict[int, str]:
    devices: dict[int, str] = {}
    listed = about.get("deviceProperties", about.get("computeProperties"))  # torch 1.9 said computeProperties
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict) and isinstance(each.get("id"), int) and isinstance(each.get("name"), str):
            devices[each["id"]] = each["name"]
    return devices


def _meta(about: Mapping[str, Any], columns: KinetoColumns) -> dict[str, Any]:
    meta = {name: about[name] for name in MADE_WITH if isinstance(about.get(name), int | float | str)}
    base = about.get("baseTimeNanoseconds")
    if isinstance(base, int):
        meta["base_ns"] = base
    spread = about.get("distributedInfo")
    for name, key in (("rank", "rank"), ("world_size", "ranks")):
        number = spread.get(name) if isinstance(spread, dict) else None
        if isinstance(number, int) and number >= 0:
            meta[key] = number
    if columns.processes:
        meta["process_names"] = columns.processes
    if columns.threads:
        meta["thread_names"] = columns.threads
    return meta
