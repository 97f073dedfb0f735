"""Which work belongs to which range: a range owns the launches whose API call lies inside it on its own thread.

That is Nsight Systems' rule for its `nvtx_gpu_proj_*` tables. Work of nested ranges belongs to the outer ones as well.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.intervals import Ints
from launchlens.traces.launches.join import Launches


def range_instances(events: pd.DataFrame, launches: Launches) -> pd.DataFrame:
    """One row per range instance, in order of start, with the work launched inside it.

    Columns: name (category), process and thread (codes of the event table), start_ns, end_ns, host_ns (their
    difference), launches, kernels, memcpys, memsets (counts), gpu_ns (sum of GPU durations), gpu_start_ns and gpu_end_ns
    (int64 ns, meaningless where `activities` is 0), gpu_projection_ns (last GPU end - first GPU start; 0 without work).
    """
    rows = np.flatnonzero((events["kind"] == "range").to_numpy())
    start = events["start_ns"].to_numpy()[rows]
    rows = rows[np.argsort(start, kind="stable")]
    start = events["start_ns"].to_numpy()[rows]
    end = start + events["dur_ns"].to_numpy()[rows]
    process = events["process"].cat.codes.to_numpy().astype(np.int64)[rows]
    thread = events["thread"].cat.codes.to_numpy().astype(np.int64)[rows]
    table = launches.table

    order, low, high = _launches_inside(table, process, thread, start, end)
    sums = {}
    for column in ("kernels", "memcpys", "memsets", "activities", "gpu_ns"):
        running = np.concatenate(([0], np.cumsum(table[column].to_numpy(np.int64)[order])))
        sums[column] = running[high] - running[low]
    with_work = table["activities"].to_numpy()[order] > 0
    first = np.where(with_work, table["gpu_start_ns"].to_numpy()[order], np.iinfo(np.int64).max)
    last = np.where(with_work, table["gpu_end_ns"].to_numpy()[order], np.iinfo(np.int64).min)
    gpu_start = _reduce(np.minimum, first, low, high, np.iinfo(np.int64).max)
    gpu_end = _reduce(np.maximum, last, low, high, np.iinfo(np.int64).min)
    has_work = sums["activities"] > 0
    projection = np.zeros(len(rows), np.int64)
    projection[has_work] = gpu_end[has_work] - gpu_start[has_work]
    return pd.DataFrame(
        {
            "name": events["name"].iloc[rows].reset_index(drop=True),
            "process": process,
            "thread": thread,
            "start_ns": start,
            "end_ns": end,
            "host_ns": end - start,
            "launches": high - low,
            **sums,
            "gpu_start_ns": gpu_start,
            "gpu_end_ns": gpu_end,
            "gpu_projection_ns": projection,
        }
    )


def range_totals(instances: pd.DataFrame) -> pd.DataFrame:
    """One row per range name, longest host time first: instances and the sums of `range_instances`' columns."""
    columns = ["host_ns", "gpu_projection_ns", "launches", "kernels", "memcpys", "memsets", "gpu_ns"]
    grouped = instances.groupby("name", observed=True, sort=False)
    totals = grouped[columns].sum()
    totals.insert(0, "instances", grouped.size())
    return totals.reset_index().sort_values(["host_ns"], ascending=False, kind="stable", ignore_index=True)


def _launches_inside(
    table: pd.DataFrame, process: Ints, thread: Ints, start: Ints, end: Ints
) -> tuple[Ints, Ints, Ints]:
    """An order of the launches and, per range, the slice of it that lies inside: [low, high).

    Launches are ordered by thread and start, so that those of one range are neighbours. A call that starts inside and
    ends outside would not lie inside; on one thread calls and ranges nest, so the start decides.
    """
    threads = int(max(table["thread"].max() if len(table) else 0, thread.max() if len(thread) else 0)) + 2
    lane = table["process"].to_numpy(np.int64) * threads + table["thread"].to_numpy(np.int64)
    launch_start = table["start_ns"].to_numpy()
    order = np.lexsort((launch_start, lane))
    # one search over (lane, start) by ranking both sides together: int64 has no room for a combined key
    _, dense = np.unique(np.concatenate((launch_start, start, end)), return_inverse=True)
    moments = int(dense.max()) + 1 if len(dense) else 1
    count = len(table)
    lanes, lane_of = np.unique(np.concatenate((lane, process * threads + thread)), return_inverse=True)
    del lanes
    key = lane_of[:count].astype(np.int64) * moments + dense[:count]
    low_key = lane_of[count:].astype(np.int64) * moments + dense[count : count + len(start)]
    high_key = lane_of[count:].astype(np.int64) * moments + dense[count + len(start) :]
    sorted_key = key[order]
    low = np.searchsorted(sorted_key, low_key, side="left")
    high = np.searchsorted(sorted_key, high_key, side="left")
    return order, low, np.maximum(low, high)


def _reduce(function: np.ufunc, values: npt.NDArray[np.int64], low: Ints, high: Ints, nothing: int) -> Ints:
    """`function` over values[low:high] per pair; `nothing` where the slice is empty."""
    if not len(low):
        return np.empty(0, np.int64)
    padded = np.append(values, nothing)
    pairs = np.stack((low, high), axis=1).ravel()
    reduced = function.reduceat(padded, pairs)[::2]
    result: Ints = np.where(high > low, reduced, nothing)
    return result
