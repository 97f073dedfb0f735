"""Event tables made by hand, for tests: a row is what a test says of it, everything else is null."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from launchlens.traces.joined import JoinedTrace, join
from launchlens.traces.problems import Problems
from launchlens.traces.schema import BY_NAME, event_table
from launchlens.traces.slice import Slice
from launchlens.traces.trace import Trace


def events(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """An event table; `end` may stand for `dur_ns`, and host events default to process 1, thread 1."""
    full = []
    for given in rows:
        row = dict(given)
        if "end" in row:
            row["dur_ns"] = row.pop("end") - row["start_ns"]
        if row["kind"] in {"range", "op", "api", "overhead"}:
            row = {"process": "1", "thread": "1"} | row
        elif row["kind"] in {"kernel", "memcpy", "memset", "graph"}:
            row = {"device": 0, "stream": 7} | row
        if row["kind"] == "api":
            row = {"layer": "runtime"} | row
        full.append(row)
    columns: dict[str, Any] = {}
    for name, column in BY_NAME.items():
        values = [row.get(name) for row in full]
        if any(value is not None for value in values) or not column.nullable:
            columns[name] = _coded(values) if column.dtype == "category" else values
    return event_table(columns, len(full), Problems())


def _coded(values: Sequence[Any]) -> pd.Categorical:
    """Texts as categories in order, which are Python's own, as readers make them: to have pandas look for them takes longest."""
    labels = sorted({value for value in values if value is not None})
    number = {None: -1} | {label: at for at, label in enumerate(labels)}
    return pd.Categorical.from_codes([number[value] for value in values], pd.Index(labels, dtype=object))


def trace(rows: Iterable[dict[str, Any]]) -> Trace:
    return of_python(events(rows))


def of_python(frame: pd.DataFrame) -> Trace:
    """An event table as if a file of Python processes had held it."""
    python = frozenset(map(str, frame["process"].cat.categories))
    return Trace(Path("made.json"), "kineto", None, 0, frame, Problems(), python_processes=python)


def joined(frame: pd.DataFrame) -> JoinedTrace:
    """An event table joined, as if a file had held it."""
    return join(of_python(frame))


def windows(frame: pd.DataFrame, start: Sequence[int], end: Sequence[int], *, device: int | None = 0) -> Slice:
    """Some windows of an event table, on its first process and thread, which is known to run the caller's code."""
    low, high = np.array(start, np.int64), np.array(end, np.int64)
    return Slice(joined(frame), 0, 0, device, low, high, "made", Problems(), known_caller=True)


def host(kind: str, name: str, start: int, end: int, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "name": name, "start_ns": start, "end": end} | more


def gpu(kind: str, start: int, end: int, correlation: int | None = None, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "name": kind, "start_ns": start, "end": end, "correlation": correlation} | more
