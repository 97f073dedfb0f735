"""What the data gate needs to know of the recorded blocks of one side: few numbers, made while the trace is at hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from launchlens.traces.intervals import Ints
from launchlens.traces.slice import Slice


@dataclass(frozen=True)
class RecordFacts:
    """Facts of recorded blocks: launches in each, and of an iteration that was recorded by itself (None without one).

    `caused` are the activities in each that no graph replay caused: of what replays lack, the join knows the time
    (`launchlens.traces.unrecorded`). `silent` launches have no activity, though others of the same call have; graph launches
    left out likewise. `doubled` activities are the same as another one to the ns; `overlapping_ns` is how much of the work on a
    stream began before work there had ended, of `work_ns`, and `lasting_ns` how long one lasts, the median. `late_ns` is how long
    after its block the last work of a block ended, the median over blocks; `early` launches have work that began before the call,
    by `early_ns` in the median. `gpu` is the name of the device, where the trace has it.
    """

    starts_ns: Ints
    launches: Ints
    caused: Ints
    iteration: int | None
    silent: int
    doubled: int
    lasting_ns: float | None
    overlapping_ns: int
    work_ns: int
    work: int
    late_ns: float | None
    early: int
    early_ns: float
    gpu: str | None


#: What tells one piece of GPU work from another.
_OF_WORK = ["device", "stream", "start_ns", "dur_ns", "name", "correlation"]


def facts_of(blocks: Slice, shown: Slice | None) -> RecordFacts:
    """The facts of some blocks, and of the one iteration to look at."""
    joined, mine = blocks.joined, blocks.launches
    of, per_block = joined.launches, blocks.per_window
    rows, _ = blocks.activities
    lasting = joined.events["dur_ns"].to_numpy(np.int64)[rows]
    overlapping = _overlap(joined.events, rows)
    caused = mine[of.caused_work[mine]]
    late = _late(blocks, caused)
    lead = of.start_ns[caused] - of.gpu_start_ns[caused]
    graphs = np.asarray(of.columns["submits"][mine] == "graph")
    called = blocks.window_of_launch[mine[~graphs]]
    caused_each = of.columns["activities"][mine[~graphs]]
    return RecordFacts(
        starts_ns=blocks.start_ns,
        launches=per_block["launches"].to_numpy(np.int64),
        caused=np.bincount(called, weights=caused_each, minlength=len(per_block)).astype(np.int64),
        iteration=None if shown is None else shown.counts["launches"],
        silent=_silent(blocks, mine[~graphs]),
        doubled=_doubled(joined.events, rows),
        lasting_ns=float(np.median(lasting)) if len(rows) else None,
        overlapping_ns=overlapping,
        work_ns=int(lasting.sum()),
        work=len(rows),
        late_ns=float(np.median(late)) if len(late) else None,
        early=int((lead > 0).sum()),
        early_ns=float(np.median(lead[lead > 0])) if (lead > 0).any() else 0.0,
        gpu=None if blocks.device is None else joined.trace.devices.get(blocks.device),
    )


def _silent(blocks: Slice, mine: Ints) -> int:
    """How many of some launches have no activity, of calls of which others have."""
    of = blocks.joined.launches
    calls = of.columns["api"].codes[mine]
    heard = of.caused_work[mine]
    return int((~heard & np.isin(calls, np.unique(calls[heard]))).sum())


def _late(blocks: Slice, caused: Ints) -> Ints:
    """How long after each block the last work of its launches ended, of blocks that have any."""
    of = blocks.joined.launches
    last = np.full(len(blocks.end_ns), np.iinfo(np.int64).min)
    window = blocks.window_of_launch[caused]
    np.maximum.at(last, window, of.gpu_end_ns[caused])
    some = np.unique(window)
    late: Ints = last[some] - blocks.end_ns[some]
    return late


def _doubled(events: pd.DataFrame, rows: Ints) -> int:
    """How much work is the same as other work; only what begins at one moment is held against each other."""
    start = events["start_ns"].to_numpy(np.int64)[rows]
    at_once = np.flatnonzero(np.diff(ordered := np.sort(start)) == 0)
    if not len(at_once):
        return 0
    return int(events[_OF_WORK].iloc[rows[np.isin(start, ordered[at_once])]].duplicated().sum())


def _overlap(events: pd.DataFrame, rows: Ints) -> int:
    """How long work began before earlier work of its stream had ended, ns."""
    start = events["start_ns"].to_numpy(np.int64)[rows]
    end = start + events["dur_ns"].to_numpy(np.int64)[rows]
    absent = np.iinfo(np.int64).min
    device, stream = (
        events[name].array.take(rows).to_numpy(np.int64, na_value=absent) for name in ("device", "stream")
    )
    order = np.lexsort((start, stream, device))
    start, end, device, stream = (each[order] for each in (start, end, device, stream))
    both = (device[1:] == device[:-1]) & (stream[1:] == stream[:-1])
    shared = np.minimum(end[:-1], end[1:]) - start[1:]
    return int(np.maximum(shared, 0)[both].sum())
