"""Leaves out records whose times can't be so, whoever wrote them, and counts them: one such record spoils every sum and every window.

    host     |launch|launch|launch|                                        what began
    stream         | k1 || k2 || k3 |                    | k4 |            k4: long after all else, with nothing to wait for
                   |.......... k0 ..........|                              k0: over others of its stream, which waited for it
    0 || k5                                                                k5: no time was taken of it

What they were is known to have run, and when is not: their launches have no record then, and the device's state is unknown until
they must have ended, as after any launch whose work was not recorded.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.grouping import by_keys
from launchlens.traces.intervals import Ints
from launchlens.traces.problems import Problems, shown_name
from launchlens.traces.schema import GPU_KINDS, HOST_KINDS
from launchlens.traces.thresholds import THRESHOLDS
from launchlens.traces.trace import Trace

Bools = npt.NDArray[np.bool_]


def with_possible_times(trace: Trace) -> Trace:
    """The trace without records whose times can't be so; these are counted in its problems."""
    events = trace.events
    if not len(events):
        return trace
    rows = _Rows(events)
    problems = trace.problems.copy()
    keep = ~_not_taken(rows, problems)
    keep &= ~_far_away(rows, keep, problems)
    keep &= ~_over_others(rows, keep, problems)
    if keep.all() or not keep.any():
        return trace
    table = events[keep].reset_index(drop=True)
    return replace(trace, events=table, details=trace.details.of_rows(keep), problems=problems)


class _Rows:
    """The columns that matter here, as plain arrays."""

    def __init__(self, events: pd.DataFrame) -> None:
        self.events = events
        self.start = events["start_ns"].to_numpy()
        self.dur = events["dur_ns"].to_numpy()
        self.end = self.start + self.dur
        kinds = [str(kind) for kind in events["kind"].cat.categories]
        code = events["kind"].array.codes
        self.on_gpu: Bools = np.array([kind in GPU_KINDS for kind in kinds])[code]
        self.on_host: Bools = np.array([kind in HOST_KINDS for kind in kinds])[code]
        self.calls: Bools = np.array([kind == "api" for kind in kinds])[code]

    def named(self, row: int) -> str:
        """A record's name, and how long it says it took."""
        return f"{shown_name(str(self.events['name'].iloc[row]))}, {int(self.dur[row]):,} ns"


def _not_taken(rows: _Rows, problems: Problems) -> Bools:
    """Which records have no time: recorders write 0 where they could not take it (CUPTI does for start and end)."""
    at_zero: Bools = rows.start == 0
    if not at_zero.any():
        return at_zero
    others = rows.start[~at_zero]
    clock_is_elsewhere = len(others) > 0 and others.min() >= THRESHOLDS.far_from_zero_ns
    found: Bools = at_zero & (clock_is_elsewhere | (rows.on_gpu & (rows.dur == 0)))
    problems.add("time-not-taken", int(found.sum()))
    return found


def _far_away(rows: _Rows, keep: Bools, problems: Problems) -> Bools:
    """Which GPU work lies apart from all else in time though its launch is there: a few records of many, at either end."""
    far = np.zeros(len(keep), bool)
    on_host = keep & rows.on_host
    work = np.flatnonzero(keep & rows.on_gpu)
    if not on_host.any() or len(work) < 2:
        return far
    first, last = rows.start[on_host].min(), rows.end[on_host].max()
    apart = THRESHOLDS.far_apart_ns
    if rows.end[work].max() < last + apart and rows.start[work].min() > first - apart:
        return far  # as in nearly every trace
    work = work[np.argsort(rows.start[work], kind="stable")]
    reach = np.maximum.accumulate(rows.end[work])
    after = np.flatnonzero(rows.start[work][1:] - np.maximum(reach[:-1], last) >= apart)
    before = np.flatnonzero(np.minimum(rows.start[work][1:], first) - reach[:-1] >= apart)
    if len(after):
        far[work[after[0] + 1 :]] = True
    if len(before):
        far[work[: before[-1] + 1]] = True
    ids = rows.events["correlation"]
    launched = ids.isin(ids[rows.calls & ids.notna().to_numpy()].unique()).to_numpy()
    far &= launched
    if 2 * far.sum() >= len(work):
        return np.zeros(len(keep), bool)  # then the two clocks differ, and nothing tells which of them is right
    _add(rows, "time-far-away", far, keep, problems)
    return far


def _over_others(rows: _Rows, keep: Bools, problems: Problems) -> Bools:
    """Which GPU work goes on while others of its stream run, one after the other: a stream runs in order.

    Parts of graphs are left alone, for their branches do run at once; and so is HIP's, whose streams share queues.
    """
    over = np.zeros(len(keep), bool)
    events = rows.events
    alone = keep & rows.on_gpu & (rows.dur >= THRESHOLDS.over_stream_ns)
    if not alone.any():
        return over
    if any(str(name).startswith("hip") for name in events["name"][rows.calls].unique()):
        return over
    in_graph = (events["graph"].notna() | events["graph_node"].notna() | events["stream"].isna()).to_numpy()
    work = np.flatnonzero(keep & rows.on_gpu & ~in_graph)
    process = events["process"].array.codes.astype(np.int64)
    where = [events[each].fillna(-1).to_numpy(np.int64) for each in ("device", "context", "stream")]
    for mine in by_keys(work, *(each[work] for each in (process, *where))).values():
        found = _over_in_stream(rows.start[mine], rows.end[mine])
        if 0 < 10 * found.sum() <= len(mine):
            over[mine[found]] = True
    _add(rows, "over-others-of-its-stream", over, keep, problems)
    return over


def _over_in_stream(start: Ints, end: Ints) -> Bools:
    """Which records of one stream last on over two later ones at least, for long and for most of their own length."""
    order = np.argsort(start, kind="stable")
    start, end = start[order], end[order]
    later = np.searchsorted(start, end, side="left") - 1 - np.arange(len(start))
    next_start = np.append(start[1:], end[-1:])
    overlap = np.where(later > 0, end - next_start, 0)
    found = np.zeros(len(start), bool)
    found[order] = (later >= 2) & (overlap >= THRESHOLDS.over_stream_ns) & (2 * overlap >= end - start)
    return found


def _add(rows: _Rows, code: str, which: Bools, keep: Bools, problems: Problems) -> None:
    """Count some records; of the longest its name, and of all the share of the GPU time that they would have."""
    if not which.any():
        return
    found = np.flatnonzero(which)
    total, theirs = int(rows.dur[keep & rows.on_gpu].sum()), int(rows.dur[found].sum())
    share = f", {theirs / total:.2%} of the GPU time recorded" if total else ""
    problems.add(code, len(found), ns=theirs, detail=f"{rows.named(int(found[rows.dur[found].argmax()]))}{share}")
