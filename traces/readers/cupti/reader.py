"""The reader of the parquet files that `profile --collector cupti` writes (`launchlens.traces.readers.cupti.schema`).

API calls, kernels, copies, memsets, ranges and CUPTI's own overhead become the event table. What can't be used is counted;
a file that is not what it says it is, or says that it holds more than it can, is refused before it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.intervals import Ints
from launchlens.traces.problems import InputError, Problems
from launchlens.traces.readers.cupti.file import NULL, Recording, opened
from launchlens.traces.readers.cupti.ranges import count_disagreement
from launchlens.traces.readers.cupti.schema import Header
from launchlens.traces.readers.nsys.schema import CUDA_OWN_WORK
from launchlens.traces.schema import BY_NAME, GPU_KINDS, HOST_KINDS, KINDS, event_table, within_limits, within_total
from launchlens.traces.trace import Progress, Trace

NO_NAME = "(no name)"
#: No device has a number of more digits.
_DIGITS = 9
_LAYERS = ("runtime", "driver")
#: Whole numbers of which the event table holds none below this.
_LEAST = {"correlation": 1, "queued_ns": 1, "submitted_ns": 1}
_NUMBERS = ("device", "context", "stream", "correlation", "bytes", "graph", "graph_node", "queued_ns", "submitted_ns")
_OF_DEVICE = ("device", "context", "stream", "bytes", "graph", "graph_node", "queued_ns", "submitted_ns")


def read(path: Path, *, partial: bool = False, progress: Progress | None = None) -> Trace:
    """The trace in the recording `path`. Times are ns on CUPTI's clock, the Unix clock as a rule.

    Raises InputError for what is no such recording, is damaged, lacks a column or holds one of another type, or holds no
    events.
    """
    problems = Problems()
    recording = opened(path)
    if progress is not None:
        progress(recording.bytes // 2, recording.bytes)
    header = recording.header
    problems.add("dropped-records", max(header.dropped_records or 0, 0))
    problems.add("buffer-full-while-recording", max(header.buffers_while_recording or 0, 0))
    kind = _kinds(recording)
    numbers = {name: recording.numbers(name) for name in ("start_ns", "end_ns", "external", "copies", *_NUMBERS)}
    numbers["end_ns"] = _closed(kind, numbers, problems)
    keep = _usable(kind, numbers, problems)
    name, names = recording.texts("name")
    own = np.array([bool(CUDA_OWN_WORK.search(text)) for text in names] + [False], bool)[name]
    own &= keep & (kind == KINDS.index("overhead"))
    problems.add("cuda-overhead-left-out", int(own.sum()))
    keep &= ~own
    if not np.any(keep & (kind != KINDS.index("overhead"))):
        raise InputError(path, "holds no events: no CUDA call, no GPU activity, no range", "record it again")
    rows = np.flatnonzero(keep)
    events = _table(recording, rows, kind[rows], {each: values[rows] for each, values in numbers.items()}, problems)
    count_disagreement(events, numbers["external"][rows], problems)
    dur = events["dur_ns"].to_numpy()
    summable = within_total(dur)
    if not summable.all():
        problems.add("event-not-understood", int((~summable).sum()))
        events = events[summable].reset_index(drop=True)
    if progress is not None:
        progress(recording.bytes, recording.bytes)
    return Trace(
        path=path,
        recorded_by="cupti",
        recorded_by_version=_version(header),
        bytes=recording.bytes,
        events=events,
        problems=problems,
        devices=_devices(header.devices or {}),
        python_processes=frozenset(map(str, events["process"].cat.categories)),  # the collector is a Python module
    )


def _kinds(recording: Recording) -> Ints:
    """The position in KINDS of each row's kind, -1 for what is none."""
    code, texts = recording.texts("kind")
    allowed = (*HOST_KINDS, *GPU_KINDS)
    known = np.array([KINDS.index(text) if text in allowed else -1 for text in texts] + [-1], np.int64)
    kinds: Ints = known[code]
    return kinds


def _closed(kind: Ints, numbers: dict[str, Ints], problems: Problems) -> Ints:
    """The ends; of ranges that were open when the recording ended, the end of the last event."""
    start, end = numbers["start_ns"], numbers["end_ns"]
    is_open = (kind == KINDS.index("range")) & (end == NULL) & (start != NULL)
    problems.add("range-left-open", int(is_open.sum()))
    last = int(end.max(initial=NULL))
    return np.where(is_open, np.maximum(start, last), end)


def _usable(kind: Ints, numbers: dict[str, Ints], problems: Problems) -> npt.NDArray[np.bool_]:
    """Which rows are of a known kind and have a start, an end and a length that the event table can hold."""
    start, end = numbers["start_ns"], numbers["end_ns"]
    timed = (start != NULL) & (end != NULL)
    backwards = timed & (end < start)
    with np.errstate(over="ignore"):
        # times so far apart that their difference has no int64 are no times
        length = np.where(timed, end - start, 0)
    timed &= backwards | ((length >= 0) & within_limits(start, length))
    on_device = np.isin(kind, [KINDS.index(each) for each in GPU_KINDS])
    # CUPTI writes 0 for both where it could not take the times
    not_taken = on_device & (start == 0) & (end == 0)
    problems.add("time-not-taken", int(not_taken.sum()))
    problems.add("unknown-category", int((kind < 0).sum()))
    problems.add("event-not-understood", int((~timed & ~not_taken & (kind >= 0)).sum()))
    problems.add("negative-duration", int((timed & backwards & (kind >= 0)).sum()))
    keep: npt.NDArray[np.bool_] = (kind >= 0) & timed & ~backwards & ~not_taken
    return keep


def _table(recording: Recording, rows: Ints, kind: Ints, numbers: dict[str, Ints], problems: Problems) -> pd.DataFrame:
    """The event table of the kept rows; what is no number of its kind (a device of -1) is null."""
    is_memcpy = kind == KINDS.index("memcpy")
    on_device = np.isin(kind, [KINDS.index(each) for each in GPU_KINDS])
    columns: dict[str, Any] = {
        "kind": pd.Categorical.from_codes(kind, categories=pd.Index(KINDS, dtype=object)),
        "start_ns": numbers["start_ns"],
        "dur_ns": numbers["end_ns"] - numbers["start_ns"],
    }
    name, names = recording.texts("name")
    name = name[rows]
    problems.add("name-missing", int((name < 0).sum()))
    columns["name"] = _categorical(np.where(name < 0, len(names), name), [*names, NO_NAME])
    problems.add("copies-in-one-record", int((is_memcpy & (numbers["copies"] > 1)).sum()))
    problems.add("missing-correlation", int((on_device & (numbers["correlation"] < 1)).sum()))
    # all replays of a graph carry one moment there, that of an earlier launch (seen with CUPTI 13.0)
    of_graph = numbers["graph_node"] >= 0
    for each in ("queued_ns", "submitted_ns"):
        numbers[each] = np.where(of_graph, NULL, numbers[each])
    for each in _NUMBERS:
        values = numbers[each]
        dtype = np.dtype(BY_NAME[each].dtype.lower())
        absent = (values < _LEAST.get(each, 0)) | (values > np.iinfo(dtype).max)
        if each in _OF_DEVICE:
            absent |= ~on_device
        columns[each] = pd.arrays.IntegerArray(np.where(absent, 0, values).astype(dtype), absent)
    for each, of_these in (("layer", kind == KINDS.index("api")), ("copy_kind", is_memcpy), ("channel", on_device)):
        code, texts = recording.texts(each)
        if each == "layer":
            code = np.array([number if text in _LAYERS else -1 for number, text in enumerate(texts)] + [-1])[code]
        columns[each] = _categorical(np.where(of_these, code[rows], -1), texts)
    columns["process"] = _ids(recording.numbers("process")[rows], np.ones(len(rows), bool))
    columns["thread"] = _ids(recording.numbers("thread")[rows], ~on_device)
    return event_table(columns, len(rows), problems)


def _categorical(codes: Ints, texts: list[str]) -> pd.Categorical:
    """A categorical of the texts that occur, each once; -1 is null."""
    used = np.zeros(len(texts) + 1, bool)
    used[codes] = True  # -1 marks the last, which stands for null
    labels, number_of = pd.factorize(np.array(texts, object)[used[:-1]])
    number = np.full(len(texts) + 1, -1, np.int64)
    number[:-1][used[:-1]] = labels
    return pd.Categorical.from_codes(number[codes], categories=pd.Index(number_of, dtype=object))


def _ids(values: Ints, of_these: npt.NDArray[np.bool_]) -> pd.Categorical:
    """Process or thread ids as text; null for rows that have none."""
    codes, unique = pd.factorize(np.where(of_these & (values >= 0), values, NULL))
    return _categorical(np.where(unique[codes] == NULL, -1, codes), [str(value) for value in unique])


def _version(header: Header) -> str | None:
    """Such as "cupti-python 13.0.1 (CUPTI 130000)", as far as the file says."""
    package, api = header.cupti_python, header.cupti
    said = [f"cupti-python {package}" if package else "", f"(CUPTI {api})" if api else ""]
    return " ".join(filter(None, said)) or None


def _devices(given: Mapping[str, object]) -> dict[int, str]:
    """Names by number, in order of the numbers; what is not that is left out."""
    names = {
        int(number): name
        for number, name in given.items()
        if len(number) <= _DIGITS and number.isdecimal() and isinstance(name, str)
    }
    return dict(sorted(names.items()))
