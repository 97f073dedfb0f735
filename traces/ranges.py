"""Which work belongs to which range: a range owns the launches whose API call lies inside it on its own thread.

That is Nsight Systems' rule for its `nvtx_gpu_proj_*` tables. Work of nested ranges belongs to the outer ones as well.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.intervals import Ints
from launchlens.traces.launches.table import Launches
from launchlens.traces.schema import MAX_TOTAL_NS, Column

#: A row per range instance, in order of start.
INSTANCE_COLUMNS: tuple[Column, ...] = (
    Column("name", "category", "", False, "the range's text"),
    Column("process", "category", "", True, "as in the event table, with its categories"),
    Column("thread", "category", "", True, "as in the event table, with its categories"),
    Column("start_ns", "int64", "ns", False, "start on the recorder's clock"),
    Column("end_ns", "int64", "ns", False, "end on the recorder's clock"),
    Column("host_ns", "int64", "ns", False, "end - start"),
    Column("launches", "int64", "", False, "launches made inside on the range's own thread, nested ranges included"),
    Column("kernels", "int64", "", False, "kernels that these caused"),
    Column("memcpys", "int64", "", False, "memcpys that these caused"),
    Column("memsets", "int64", "", False, "memsets that these caused"),
    Column("activities", "int64", "", False, "GPU activities of any kind that these caused"),
    Column("gpu_ns", "int64", "ns", False, "sum of the durations of these activities"),
    Column("gpu_start_ns", "Int64", "ns", True, "first start of these activities; null without any"),
    Column("gpu_end_ns", "Int64", "ns", True, "last end of these activities; null without any"),
    Column("gpu_projection_ns", "Int64", "ns", True, "last GPU end - first GPU start; null without any"),
)


def range_instances(events: pd.DataFrame, launches: Launches) -> pd.DataFrame:
    """One row per range instance, in order of start, with the work launched inside it: INSTANCE_COLUMNS."""
    rows = np.flatnonzero((events["kind"] == "range").to_numpy())
    start = events["start_ns"].to_numpy()[rows]
    rows = rows[np.argsort(start, kind="stable")]
    start = events["start_ns"].to_numpy()[rows]
    end = start + events["dur_ns"].to_numpy()[rows]
    process, thread = (events[each].cat.codes.to_numpy()[rows].astype(np.int64) for each in ("process", "thread"))

    order, low, high = _launches_inside(launches, process, thread, start, end)
    counts = {name: launches.table[name].to_numpy() for name in ("kernels", "memcpys", "memsets", "activities")}
    sums = {}
    for column, values in (counts | {"gpu_ns": launches.gpu_ns}).items():
        running = np.concatenate(([0], np.cumsum(values[order])))
        sums[column] = running[high] - running[low]
    with_work = launches.caused_work[order]
    first = np.where(with_work, launches.gpu_start_ns[order], np.iinfo(np.int64).max)
    last = np.where(with_work, launches.gpu_end_ns[order], np.iinfo(np.int64).min)
    gpu_start = _reduce(np.minimum, first, low, high, np.iinfo(np.int64).max)
    gpu_end = _reduce(np.maximum, last, low, high, np.iinfo(np.int64).min)
    without = sums["activities"] == 0
    projection = np.zeros(len(rows), np.int64)
    np.subtract(gpu_end, gpu_start, out=projection, where=~without)
    return pd.DataFrame(
        {
            "name": events["name"].array[rows],
            "process": events["process"].array[rows],
            "thread": events["thread"].array[rows],
            "start_ns": start,
            "end_ns": end,
            "host_ns": end - start,
            "launches": high - low,
            **sums,
            "gpu_start_ns": pd.arrays.IntegerArray(gpu_start, without),
            "gpu_end_ns": pd.arrays.IntegerArray(gpu_end, without.copy()),
            "gpu_projection_ns": pd.arrays.IntegerArray(projection, without.copy()),
        }
    )


def range_totals(instances: pd.DataFrame) -> pd.DataFrame:
    """One row per range name, longest host time first: instances and the sums of `range_instances`' columns.

    Sums that int64 can't hold are Python's unbounded numbers: projections may overlap without end.
    """
    columns = ["host_ns", "gpu_projection_ns", "launches", "kernels", "memcpys", "memsets", "gpu_ns"]
    projection = instances["gpu_projection_ns"].fillna(0)
    if projection.astype(np.float64).sum() >= MAX_TOTAL_NS:
        projection = projection.astype(object)
    grouped = instances.assign(gpu_projection_ns=projection).groupby("name", observed=True, sort=False)
    totals = grouped[columns].sum()
    totals.insert(0, "instances", grouped.size())
    return totals.reset_index().sort_values(["host_ns"], ascending=False, kind="stable", ignore_index=True)


def _launches_inside(
    launches: Launches, process: Ints, thread: Ints, start: Ints, end: Ints
) -> tuple[Ints, Ints, Ints]:
    """An order of the launches and, per range, the slice of it that lies inside: [low, high).

    Launches are ordered by thread and start, so that those of one range are neighbours. A call that starts inside and
    ends outside would not lie inside; on one thread calls and ranges nest, so the start decides.
    """
    threads = int(max(launches.thread.max(initial=0), thread.max(initial=0))) + 2
    lane = launches.process * threads + launches.thread
    launch_start = launches.start_ns
    order = np.lexsort((launch_start, lane))
    # one search over (lane, start) by ranking both sides together: int64 has no room for a combined key
    _, dense = np.unique(np.concatenate((launch_start, start, end)), return_inverse=True)
    moments = int(dense.max()) + 1 if len(dense) else 1
    count = len(launches.table)
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
