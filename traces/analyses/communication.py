"""Communication: the collectives of NCCL and RCCL, what they carry and how fast, and how much of them is hidden behind other kernels.

collective      |=====================|
other kernels       |-----|   |---|            overlapped: its time in which another kernel runs on its device
exposed         |===|     |===|   |===|        the rest; the two sum to its time exactly
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.analyses.coverage import covered_ns
from launchlens.traces.analyses.kernel_names import short_name
from launchlens.traces.analyses.kernels import masked
from launchlens.traces.analyses.question import Need, Question
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.columns import numbers
from launchlens.traces.communication import communicates
from launchlens.traces.event_names import named
from launchlens.traces.grouping import Groups
from launchlens.traces.intervals import Ints, union
from launchlens.traces.launches.collectives import ELEMENT_BYTES, bus_factor, operation, payload, whole_message
from launchlens.traces.tables.rows import Rows
from launchlens.traces.tables.table import Column

COLUMNS = (
    Column("name", "name", "what it does; where neither the recorder nor the kernel's name says, the kernel", title="collective"),
    Column("dtype", "name", "type of an element, as recorded; null where it was not"),
    Column("ranks", "count", "ranks that take part; null where not recorded"),
    Column("count", "count", "how many ran", title="times"),
    Column("bytes", "size", "what they carried in all, as nccl-tests counts it: of a rank before it is scattered, or after it is gathered; "
           "null where not recorded"),
    Column("total_ns", "time", "their GPU time in all, in which they also wait for other ranks", title="in all"),
    Column("share", "share", "that as a share of the GPU time of all kernels", title="of kernels"),
    Column("median_ns", "time", "GPU time of one, median", title="median"),
    Column("algorithm_gb_s", "number", "bytes over time, GB/s", title="algorithm, GB/s", whole=False),
    Column("bus_gb_s", "number", "what that is on the link of one rank, GB/s (nccl-tests, PERFORMANCE.md); null where the ranks are not known",
           title="bus, GB/s", whole=False),
    Column("exposed_ns", "time", "of their time, that in which no other kernel ran on the device", title="exposed"),
    Column("overlapped_ns", "time", "the rest of it", title="overlapped"),
)  # fmt: skip


def collective_rows(scope: Scope) -> Ints:
    """The kernels of the scope that are collectives."""
    rows = scope.work_of("kernel")
    found: Ints = rows[named(scope.names, communicates, rows)]
    return found


def _answer(scope: Scope) -> Rows:
    rows = collective_rows(scope)
    what, dtype, ranks, size = _told(scope, rows)
    kinds, what_code = np.unique(what.astype(str), return_inverse=True)
    types, type_code = np.unique([each or "" for each in dtype], return_inverse=True)
    keys, code = np.unique(np.stack([what_code, type_code, ranks]), axis=1, return_inverse=True)
    groups = Groups(code.ravel().astype(np.int64), keys.shape[1])
    duration = scope.dur[rows]
    overlapped = _overlapped(scope, rows)
    total, carried = groups.sum(duration), groups.only(size >= 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(carried.empty, np.nan, carried.sum(size) / carried.sum(duration))
        rate[~np.isfinite(rate)] = np.nan
    factors = [bus_factor(operation(str(kinds[at])), int(of)) for at, _, of in keys.T]
    kernels = int(scope.dur[scope.work_of("kernel")].sum())
    return Rows(
        {
            "name": [str(kinds[at]) for at in keys[0]],
            "dtype": [str(types[at]) or None for at in keys[1]],
            "ranks": pd.arrays.IntegerArray(keys[2], keys[2] < 0),
            "count": groups.sizes,
            "bytes": masked(carried.sum(size), carried),
            "total_ns": total,
            "share": total / kernels if kernels else np.full(len(total), np.nan),
            "median_ns": groups.median(duration),
            "algorithm_gb_s": rate,
            "bus_gb_s": rate * np.array([np.nan if each is None else each for each in factors]),
            "exposed_ns": total - groups.sum(overlapped),
            "overlapped_ns": groups.sum(overlapped),
        }
    ).ordered("-total_ns", "name", "dtype", "ranks")


def _told(scope: Scope, rows: Ints) -> tuple[npt.NDArray[np.object_], list[str | None], Ints, Ints]:
    """Of each collective what it does, the type of an element, the ranks and the bytes it carried (-1 where not recorded).

    The recorder says it of the kernel, of the op that launched it, or of NCCL's range around the launch.
    """
    names, code = scope.names, scope.names.codes[rows]
    of_name = {
        each: operation(str(names.categories[each])) or short_name(str(names.categories[each]))
        for each in np.unique(code)
    }
    what = np.array([of_name[each] for each in code], object)
    dtype: list[str | None] = [None] * len(rows)
    ranks, size = np.full(len(rows), -1, np.int64), np.full(len(rows), -1, np.int64)
    told = scope.joined.trace.details.collectives
    if told is None:
        return what, dtype, ranks, size
    at = np.full(len(scope.events), -1, np.int64)
    at[told["row"].to_numpy()] = np.arange(len(told))
    said = at[rows]
    launch, of = scope.launch_of[rows], scope.of
    # what several calls group together is launched at the end of the group, in the range of none of them
    for kind in ("op", "range"):
        opened = scope.opened(kind)
        if len(of) and len(opened.rows):
            owner = opened.at(of.process[launch], of.thread[launch], of.start_ns[launch])
            around = np.where((launch >= 0) & (owner >= 0), at[opened.rows[owner]], -1)
            said = np.where(said >= 0, said, around)
    sayings = [None if each is None else str(each) for each in told["name"].astype(object)]
    types = [None if pd.isna(each) else str(each) for each in told["dtype"].astype(object)]
    numbers = {each: told[each].fillna(-1).to_numpy(np.int64) for each in ("sent", "received", "ranks", "bytes")}
    for place, row in enumerate(said.tolist()):  # a collective takes some 10 µs at the least: there are not many
        if row >= 0:
            what[place] = operation(sayings[row] or "") or what[place]
            dtype[place], ranks[place] = types[row], numbers["ranks"][row]
            sent, received = int(numbers["sent"][row]), int(numbers["received"][row])
            element = ELEMENT_BYTES.get(dtype[place] or "")
            if numbers["bytes"][row] >= 0:
                size[place] = whole_message(operation(str(what[place])), int(numbers["bytes"][row]), int(ranks[place]))
            elif element is not None and max(sent, received) >= 0:
                size[place] = element * payload(operation(str(what[place])), max(sent, 0), max(received, 0))
    return what, dtype, ranks, size


def _overlapped(scope: Scope, rows: Ints) -> Ints:
    """How long another kernel ran on the device of each collective meanwhile, launched in the windows or not."""
    everything = Scope(scope.joined).work_of("kernel")
    others = everything[~named(scope.names, communicates, everything)]
    device = numbers(scope.events, "device", absent=-1)
    found = np.zeros(len(rows), np.int64)
    for each in np.unique(device[rows]).tolist():
        mine = device[rows] == each
        beside = others[device[others] == each]
        left, right = union(scope.start[beside], scope.start[beside] + scope.dur[beside])
        start = scope.start[rows[mine]]
        found[mine] = covered_ns(start, start + scope.dur[rows[mine]], left, right)
    return found


COMMUNICATION = Question(
    name="communication",
    title="Communication",
    asks="Which collectives run, how fast are they, and how much of them is exposed?",
    columns=COLUMNS,
    needs=(Need(lambda scope: len(collective_rows(scope)) > 0, "no collectives"),),
    answer=_answer,
    nothing="no collectives",
    order="by GPU time",
    brief=("name", "dtype", "ranks", "count", "bytes", "total_ns", "bus_gb_s", "exposed_ns", "overlapped_ns"),
)
