"""The reader of the light recorder's events (`launchlens.traces.readers.light.schema`): ops, API calls, and a range a block.

It sees the host only: the trace holds no event of a device, and nothing is known of one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from launchlens.traces.intervals import Ints
from launchlens.traces.parquet import FAULTS, Limits, opened
from launchlens.traces.problems import InputError, Problems
from launchlens.traces.readers.light.schema import FORMAT, SCHEMA
from launchlens.traces.schema import event_table, within_limits, within_total
from launchlens.traces.trace import Progress, Trace

#: No such file has more events, and its texts take at most so many bytes.
MOST = Limits(20_000_000, 64 << 20)
AGAIN = "record it again with profile"
#: Kinds of events by what the file calls them.
KINDS = {"op": "op", "call": "api", "range": "range"}
_TEXTS = ["kind", "name"]


def read(path: Path, *, partial: bool = False, progress: Progress | None = None) -> Trace:
    """The trace in the file `path`; times are ns since its first block. Raises InputError for what can't be used."""
    try:
        size = path.stat().st_size
        with opened(path, MOST) as file:
            metadata = file.schema.metadata or {}
            said = {key.decode("utf-8", "replace"): value.decode("utf-8", "replace") for key, value in metadata.items()}
            if said.get("format") != FORMAT:
                found = said.get("format", "")[:60]
                raise InputError(
                    path, f"has format {found!r}, not {FORMAT!r}", "read it with the version that wrote it"
                )
            table = file.table(SCHEMA.names)
        if progress is not None:
            progress(size, size)
        return _trace(path, size, table, int(said.get("dropped", "0")))
    except (*FAULTS, KeyError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise InputError(path, f"is damaged or not whole: {lines[0][:200]}", AGAIN) from None


def _whole(column: pa.ChunkedArray) -> Ints:
    """A column of whole numbers. Raises ArrowInvalid for one that holds others, or nulls."""
    if column.null_count:
        raise pa.ArrowInvalid("a time or a thread is null")
    whole: Ints = column.cast(pa.int64()).to_numpy()
    return whole


def _trace(path: Path, size: int, table: pa.Table, dropped: int) -> Trace:
    problems = Problems()
    problems.add("dropped-records", max(dropped, 0))
    start, length, thread = (_whole(table.column(name)) for name in ("start_ns", "dur_ns", "thread"))
    kind, name = (table.column(each).to_pandas().astype("category") for each in _TEXTS)
    known = kind.isin(list(KINDS)).to_numpy()
    usable = within_limits(start, length) & (length >= 0) & known
    problems.add("event-not-understood", int((~usable).sum()))
    usable[usable] = within_total(length[usable])
    if not usable.any():
        raise InputError(path, "holds no events", AGAIN)
    kinds = kind[usable].astype(object).map(KINDS)
    names = name[usable].astype(object)
    is_call = (kinds == "api").to_numpy()
    runtime = names.astype(str).str.startswith("cuda").to_numpy(bool)
    layer = pd.Series(np.where(runtime, "runtime", "driver")).where(is_call)
    count = int(usable.sum())
    events = event_table(
        {
            "kind": pd.Categorical(kinds),
            "name": pd.Categorical(names.where(names != "", "(no name)")),
            "start_ns": start[usable],
            "dur_ns": length[usable],
            "process": pd.Categorical(["0"] * count),
            "thread": pd.Categorical(thread[usable].astype(str)),
            "layer": pd.Categorical(layer),
        },
        count,
        problems,
    )
    python = frozenset({"0"})  # the process that is profiled, which is ours
    return Trace(path, "light", None, size, events, problems, looked_for_gpu=False, python_processes=python)
