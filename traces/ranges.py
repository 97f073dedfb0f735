"""Which work belongs to which range: by its own thread, by all threads of its process, and by links.

    own thread    the launches whose API call starts inside it on its thread: Nsight Systems' rule for its `nvtx_gpu_proj_*` tables
    all threads   those that any thread of its process makes in its time
    linked        those made inside backward ops whose forward op starts inside it on its thread, whenever and wherever they are
                  made; of a range that is its process's (NVTX start/end), all that the process launches in its time

Work of nested ranges belongs to the outer ones as well.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.backward import BackwardOps, backward_ops, homes
from launchlens.traces.columns import codes, is_any
from launchlens.traces.grouping import by_keys
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
    Column("launches_all_threads", "int64", "", False, "launches made in its time by any thread of its process"),
    Column("kernels_all_threads", "int64", "", False, "kernels that these caused"),
    Column("gpu_ns_all_threads", "int64", "ns", False, "sum of the durations of what these caused"),
    Column("launches_linked", "Int64", "", True, "launches made for it, by links alone; null where nothing links"),
    Column("kernels_linked", "Int64", "", True, "kernels that these caused, likewise"),
    Column("gpu_ns_linked", "Int64", "ns", True, "sum of the durations of what these caused, likewise"),
)
#: What is summed over the instances of a name.
TOTAL_COLUMNS = (
    *("host_ns", "gpu_projection_ns", "launches", "kernels", "memcpys", "memsets", "gpu_ns"),
    *(f"{name}_{rule}" for rule in ("all_threads", "linked") for name in ("launches", "kernels", "gpu_ns")),
)


def range_instances(events: pd.DataFrame, launches: Launches, linked: BackwardOps | None = None) -> pd.DataFrame:
    """One row per range instance, in order of start, with the work launched inside it: INSTANCE_COLUMNS.

    `linked` are the backward ops whose forward op is known; they are looked for where they are not given.
    """
    rows = np.flatnonzero(is_any(events, "kind", "range"))
    start = events["start_ns"].to_numpy()
    rows = rows[np.argsort(start[rows], kind="stable")]
    start = start[rows]
    end = start + events["dur_ns"].to_numpy()[rows]
    process, thread = (codes(events, each)[rows] for each in ("process", "thread"))

    own = Made(np.arange(len(launches)), launches.process, launches.thread, launches.start_ns)
    inside = _Inside(launches, own, process, thread, start, end)
    sums = {name: inside.sum(launches.columns[name]) for name in ("kernels", "memcpys", "memsets", "activities")}
    sums["gpu_ns"] = inside.sum(launches.gpu_ns)
    order, low, high = inside.order, inside.low, inside.high
    with_work = launches.caused_work[order]
    first = np.where(with_work, launches.gpu_start_ns[order], np.iinfo(np.int64).max)
    last = np.where(with_work, launches.gpu_end_ns[order], np.iinfo(np.int64).min)
    gpu_start = _reduce(np.minimum, first, low, high, np.iinfo(np.int64).max)
    gpu_end = _reduce(np.maximum, last, low, high, np.iinfo(np.int64).min)
    without = sums["activities"] == 0
    projection = np.zeros(len(rows), np.int64)
    np.subtract(gpu_end, gpu_start, out=projection, where=~without)

    everywhere = np.zeros(len(rows), np.int64)
    anybody = Made(own.launches, launches.process, np.zeros(len(launches), np.int64), launches.start_ns)
    of_all = _Inside(launches, anybody, process, everywhere, start, end).counted()
    of_process = is_any(events, "scope", "process")[rows]
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
            **{f"{name}_all_threads": values for name, values in of_all.items()},
            **_linked(events, launches, linked, (process, thread, start, end), of_all, of_process),
        }
    )


def _linked(
    events: pd.DataFrame,
    launches: Launches,
    linked: BackwardOps | None,
    ranges: tuple[Ints, Ints, Ints, Ints],
    of_all: Mapping[str, Ints],
    of_process: npt.NDArray[np.bool_],
) -> dict[str, Any]:
    """What was launched for each range by links alone; null where there are none."""
    linked = backward_ops(events) if linked is None else linked
    found = {name: np.zeros(len(of_process), np.int64) for name in of_all}
    if len(linked):
        home = homes(events, launches, linked)
        found = _Inside(launches, Made(home.launches, home.process, home.thread, home.start_ns), *ranges).counted()
    unknown = ~of_process & (not len(linked))
    return {
        f"{name}_linked": pd.arrays.IntegerArray(np.where(of_process, of_all[name], values), unknown.copy())
        for name, values in found.items()
    }


@dataclass(frozen=True)
class Made:
    """Some launches, by their positions, with the process and thread that they are taken to be of, and the moment."""

    launches: Ints
    process: Ints
    thread: Ints
    start_ns: Ints


class _Inside:
    """Which of some launches lie in each of some ranges: those of the range's lane that start in it."""

    def __init__(self, launches: Launches, made: Made, process: Ints, thread: Ints, start: Ints, end: Ints) -> None:
        self._launches = launches
        order, self.low, self.high = _launches_inside(made, process, thread, start, end)
        self.order = made.launches[order]

    def sum(self, values: npt.NDArray[np.int64]) -> Ints:
        """The sum of a number of each launch over those in each range."""
        running = np.concatenate(([0], np.cumsum(values[self.order])))
        total: Ints = running[self.high] - running[self.low]
        return total

    def counted(self) -> dict[str, Ints]:
        """The launches in each range, the kernels of these, and the GPU time of their work."""
        return {
            "launches": self.high - self.low,
            "kernels": self.sum(self._launches.columns["kernels"]),
            "gpu_ns": self.sum(self._launches.gpu_ns),
        }


def range_totals(instances: pd.DataFrame) -> pd.DataFrame:
    """One row per folded name of ranges, longest host time first: TOTAL_COLUMNS.

    A row has its name folded (see `fold`), how many distinct `names` and `instances` that is, and the sums of their columns; a sum
    of which nothing is known is null. Sums that int64 can't hold are Python's unbounded numbers: projections may overlap
    without end.
    """
    folded = folded_names(instances["name"].array)
    # a row per name that occurs, in the order in which they do
    occurs, first, code = np.unique(folded.codes, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    group, count = rank[code], len(occurs)
    pairs = np.unique(np.stack((group, codes(instances, "name"))), axis=1)
    totals: dict[str, Any] = {
        "names": np.bincount(pairs[0], minlength=count),
        "instances": np.bincount(group, minlength=count),
    }
    for name in TOTAL_COLUMNS:
        values = instances[name].array
        whole = isinstance(values, pd.arrays.IntegerArray)
        unknown = values.isna() if whole and name != "gpu_projection_ns" else np.zeros(len(values), bool)
        numbers = values.to_numpy(np.int64, na_value=0) if whole else values.to_numpy()
        large = numbers.sum(dtype=np.float64) >= MAX_TOTAL_NS
        total = np.zeros(count, object if large else np.int64)
        np.add.at(total, group, numbers.astype(total.dtype))
        known = np.bincount(group[~unknown], minlength=count) > 0 if whole else np.ones(count, bool)
        if large:
            total[~known] = None
            totals[name] = total
        else:
            totals[name] = pd.arrays.IntegerArray(total, ~known) if whole else total
    names = pd.Categorical.from_codes(occurs[np.argsort(first)], dtype=folded.dtype)
    longest_first = np.argsort(-totals["host_ns"], kind="stable")
    return pd.DataFrame({name: values[longest_first] for name, values in {"name": names, **totals}.items()})


def overlapping_across_threads(instances: pd.DataFrame) -> int:
    """How many instances share a moment with one of their folded name on another thread, and are given launches of others."""
    made, made_by_all = (instances[each].to_numpy() for each in ("launches", "launches_all_threads"))
    chosen = np.flatnonzero((instances["host_ns"].to_numpy() > 0) & (made_by_all > 0))
    process, thread = (codes(instances, each)[chosen] for each in ("process", "thread"))
    if len(np.unique(thread[thread >= 0])) < 2:
        return 0
    start, end = (instances[each].to_numpy()[chosen] for each in ("start_ns", "end_ns"))
    others = (made_by_all > made)[chosen]
    name = folded_names(instances["name"].array[chosen]).codes.astype(np.int64)
    count = 0
    for group in by_keys(np.arange(len(chosen)), name, process).values():
        shared = np.zeros(len(group), bool)
        for each in np.unique(thread[group]):
            theirs, mine = thread[group] == each, thread[group] != each
            began = np.searchsorted(np.sort(start[group[theirs]]), end[group[mine]], side="left")
            ended = np.searchsorted(np.sort(end[group[theirs]]), start[group[mine]], side="right")
            shared[mine] |= began > ended
        count += int((shared & others[group]).sum())
    return count


#: What tells instances apart and nothing else: a profiler's step, an op's or autograd's number, an address.
_NUMBERED = re.compile(r"(?<=ProfilerStep#)\d+|(?<=, op_id = )\d+|(?<=, seq = )\d+|\b0x[0-9a-fA-F]+")
_TRAILING = re.compile(r"\d+$")


def fold(name: str) -> str:
    """A name with `*` for what tells its instances apart.

    >>> fold("ProfilerStep#12"), fold("aten::mm, op_id = 7"), fold("<function f at 0x7f1c>"), fold("layer 3")
    ('ProfilerStep#*', 'aten::mm, op_id = *', '<function f at *>', 'layer 3')
    """
    return _NUMBERED.sub("*", name)


def folded_names(names: pd.Categorical) -> pd.Categorical:
    """Each of some names folded; names that differ by a number at their end alone are folded as well, where there are several."""
    used, code = np.unique(names.codes, return_inverse=True)
    folded = [fold(str(each)) for each in names.categories[used].tolist()]
    without_number = [_TRAILING.sub("*", each) for each in folded]
    told_apart = Counter(number_less for _, number_less in set(zip(folded, without_number, strict=True)))
    texts = [every if told_apart[every] > 1 else each for each, every in zip(folded, without_number, strict=True)]
    labels = {text: None for text in texts}
    number = {text: at for at, text in enumerate(labels)}
    which = np.array([number[text] for text in texts], np.int64)
    return pd.Categorical.from_codes(which[code], dtype=pd.CategoricalDtype(pd.Index(list(labels), dtype=object)))


def _launches_inside(made: Made, process: Ints, thread: Ints, start: Ints, end: Ints) -> tuple[Ints, Ints, Ints]:
    """An order of the launches and, per range, the slice of it that lies inside: [low, high).

    Launches are ordered by thread and start, so that those of one range are neighbours. A call that starts inside and
    ends outside would not lie inside; on one thread calls and ranges nest, so the start decides.
    """
    threads = int(max(made.thread.max(initial=0), thread.max(initial=0))) + 2
    lane = made.process * threads + made.thread
    launch_start = made.start_ns
    order = np.lexsort((launch_start, lane))
    # one search over (lane, start) by ranking both sides together: int64 has no room for a combined key
    _, dense = np.unique(np.concatenate((launch_start, start, end)), return_inverse=True)
    moments = int(dense.max()) + 1 if len(dense) else 1
    count = len(made.launches)
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
