"""Launches: the API calls that submit GPU work, joined by correlation id to the activities they caused.

The join is one to many (a graph launch or a batch copy stands for several activities) and many to one (recorders may
write one launch twice, at the runtime and at the driver level): a launch counts once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.intervals import Ints
from launchlens.traces.launches.apis import submits
from launchlens.traces.problems import Problems
from launchlens.traces.schema import GPU_KINDS
from launchlens.traces.unrecorded.spans import Spans, unrecorded

#: What a launch submits, in the order of the codes of `Launches.table.submits`.
SUBMITS = ("kernel", "memcpy", "memset", "graph")
#: How far a call may stick out of the one that made it: recorders with whole microseconds cut start and length apart.
ROUNDING_NS = 1_000


@dataclass(frozen=True)
class Launches:
    """The launches of a trace, in order of their start.

    `table` has one row per launch call:
      row          position of the API event in the event table (the runtime's row where the driver wrote one as well)
      api          category, the call's name as recorded
      submits      category: kernel, memcpy, memset or graph
      activity     category: what it caused, `kernel`, `memcpy DtoD`, `memset`, or `graph`; null where nothing was recorded
                   (a graph launch has `graph` whether its nodes were recorded or the replay as one)
      process, thread   codes of the event table's categories, -1 for none
      start_ns, end_ns  int64 ns, of the call
      activities   int64, how many GPU activities it caused; kernels, memcpys, memsets: how many of each kind; what ran
                   inside a graph recorded whole is not known and counts as none of these
      gpu_start_ns, gpu_end_ns  int64 ns, first start and last end of those activities; meaningless where there are none
      gpu_ns       int64 ns, sum of their durations
    `activity_rows` holds the positions of all GPU activities in the event table, and `launch_of` for each of these the
    row of `table` that caused it, -1 where none is known. `unrecorded` are the times, by device, of which it is not known
    whether work of graph replays ran (see `traces.unrecorded`).
    """

    table: pd.DataFrame
    activity_rows: Ints
    launch_of: Ints
    unrecorded: Spans = field(default_factory=dict)


def find_launches(events: pd.DataFrame, problems: Problems) -> Launches:
    """Join launch calls to GPU activities by (process, correlation id); count in `problems` what does not join.

    An API call is a launch when its name says so, or when GPU activities carry its correlation id.
    """
    kind = _codes(events["kind"])
    of_kind = {name: code for code, name in enumerate(events["kind"].cat.categories)}
    api = np.flatnonzero(kind == of_kind.get("api", -2))
    gpu = np.flatnonzero(np.isin(kind, [of_kind[name] for name in GPU_KINDS if name in of_kind]))
    api_key, gpu_key = _keys(events, api, gpu)

    named = _submits_codes(events["name"])[_codes(events["name"])[api]]
    with_work = np.isin(api_key, gpu_key[gpu_key >= 0]) & (api_key >= 0)
    candidate = (named >= 0) | with_work
    api, api_key, named = api[candidate], api_key[candidate], named[candidate]
    api, api_key, named, repeats = _one_row_a_launch(events, api, api_key, named)

    order = np.argsort(events["start_ns"].to_numpy()[api], kind="stable")
    api, api_key, named, repeats = api[order], api_key[order], named[order], repeats[order]
    launch_of = _match(api_key, gpu_key)
    ambiguous = launch_of >= 0
    ambiguous[ambiguous] = repeats[launch_of[ambiguous]]
    problems.add("correlation-id-repeats", int(ambiguous.sum()))
    launch_of[ambiguous] = -1
    if len(api) and not len(gpu):
        problems.add("no-gpu-records", len(api))
    table = _table(events, api, named, gpu, launch_of)
    if len(gpu):
        problems.add("launch-without-gpu-record", int((table["activities"] == 0).sum()))
    # activities without any correlation id are the readers' problem already
    problems.add("gpu-record-without-launch", int(((launch_of < 0) & (gpu_key >= 0) & ~ambiguous).sum()))
    early = (table["activities"] > 0) & (table["gpu_start_ns"] < table["start_ns"])
    problems.add("gpu-start-before-launch", int(early.sum()))
    return Launches(table, gpu, launch_of, unrecorded(events, table, gpu, launch_of, repeats, problems))


def queue_ns(table: pd.DataFrame) -> pd.Series[int]:
    """Queue time: GPU start - API end in ns, only of launches whose work starts at or after the end of the call.

    Nsight Systems' `cuda_kern_exec_sum` defines it so. The index is that of the launches that have one.
    """
    wait = table["gpu_start_ns"] - table["end_ns"]
    return wait[(table["activities"] > 0) & (wait >= 0)]


def apart(keys: npt.NDArray[Any], rows: Ints) -> list[tuple[Any, Ints]]:
    """`rows` by their key, in the order of the keys: all groups are cut from one sort, however many there are."""
    if not len(keys):
        return []
    distinct, which = np.unique(keys, return_inverse=True)
    order = np.argsort(which, kind="stable")
    parts = np.split(rows[order], np.cumsum(np.bincount(which))[:-1])
    return list(zip(distinct.tolist(), parts, strict=True))


def alike(table: pd.DataFrame) -> list[tuple[tuple[str, str | None], Ints]]:
    """The positions of the launches of each pair of an API call and what it caused."""
    api, activity = table["api"].cat, table["activity"].cat
    width = len(activity.categories) + 1
    calls, caused = api.categories, [*activity.categories, None]
    pair = api.codes.to_numpy(np.int64) * width + activity.codes.to_numpy(np.int64) % width
    return [
        ((str(calls[key // width]), None if caused[key % width] is None else str(caused[key % width])), rows)
        for key, rows in apart(pair, np.arange(len(table)))
    ]


def _codes(column: pd.Series[str]) -> npt.NDArray[np.int64]:
    codes: npt.NDArray[np.int64] = column.cat.codes.to_numpy().astype(np.int64)
    return codes


def _submits_codes(names: pd.Series[str]) -> npt.NDArray[np.int64]:
    """Per category of `names` the code of what such a call submits, -1 for nothing; one more -1 at the end for null."""
    found = [submits(str(name)) for name in names.cat.categories]
    return np.array([SUBMITS.index(what) if what else -1 for what in found] + [-1], np.int64)


def _keys(events: pd.DataFrame, api: Ints, gpu: Ints) -> tuple[Ints, Ints]:
    """One number per (process, correlation id) for API rows and for GPU rows; -1 where there is no id.

    Device rows of recorders that name no process on them (Kineto) are matched by the correlation id alone; should the
    file hold several processes whose ids collide, that shows as one id naming several launches.
    """
    correlation = events["correlation"]
    missing = correlation.isna().to_numpy()
    ids = correlation.fillna(0).to_numpy(np.int64)
    _, dense = np.unique(ids, return_inverse=True)
    process = _codes(events["process"])
    by_process = len(gpu) == 0 or bool((process[gpu] >= 0).all())
    count = len(events["process"].cat.categories) + 1
    key = dense * count + (process + 1 if by_process else 0)
    key = np.where(missing, -1, key).astype(np.int64)
    return key[api], key[gpu]


def _one_row_a_launch(
    events: pd.DataFrame, api: Ints, key: Ints, named: Ints
) -> tuple[Ints, Ints, Ints, npt.NDArray[np.bool_]]:
    """Keep one API row per launch: of rows with one key, on one thread, that lie within each other, the outermost.

    Where two rows are the same call but for their rounding, the runtime's is the outer one. Rows with one key that do
    not overlap, or of different threads, are different calls whose id repeats: all are kept and marked, so that no
    activity is given to a call by chance.
    """
    keyed = np.flatnonzero(key >= 0)
    if not len(keyed):
        return api, key, named, np.zeros(len(api), bool)
    start = events["start_ns"].to_numpy()[api]
    end = start + events["dur_ns"].to_numpy()[api]
    process, thread = _codes(events["process"])[api], _codes(events["thread"])[api]
    is_driver = (events["layer"] == "driver").to_numpy(bool)[api]
    room = np.where(is_driver, 0, ROUNDING_NS)
    outermost_first = np.lexsort(
        [values[keyed] for values in (is_driver, -(end + room), start - room, thread, process, key)]
    )
    order = keyed[outermost_first]
    same = np.ones(len(order), bool)
    same[0] = False
    for values in (key, process, thread):
        same[1:] &= values[order][1:] == values[order][:-1]
    # the outermost of a run is its first row; a later row is inside when the two overlap and it ends no later
    first = np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))
    holder = order[first]
    inside = (
        same
        & (start[order] < np.maximum(end[holder], start[holder] + 1))
        & (start[holder] < np.maximum(end[order], start[order] + 1))
        & (end[order] <= end[holder] + ROUNDING_NS)
    )
    # an inner row may be the only one whose name says what is submitted
    outer, inner = holder[inside], order[inside]
    unnamed = named[outer] < 0
    named = named.copy()
    np.maximum.at(named, outer[unnamed], named[inner[unnamed]])
    keep = np.ones(len(api), bool)
    keep[inner] = False
    kept = key[keep]
    _, which, count = np.unique(kept, return_inverse=True, return_counts=True)
    repeats = (count[which] > 1) & (kept >= 0)
    return api[keep], kept, named[keep], repeats


def _match(api_key: Ints, gpu_key: Ints) -> Ints:
    """For each GPU row the position of the API row with its key, -1 for none."""
    launch_of = np.full(len(gpu_key), -1, np.int64)
    if not len(api_key):
        return launch_of
    order = np.argsort(api_key, kind="stable")
    position = np.searchsorted(api_key[order], gpu_key)
    position[position == len(order)] = 0
    found = order[position]
    hit = (gpu_key >= 0) & (api_key[found] == gpu_key)
    launch_of[hit] = found[hit]
    return launch_of


def _table(events: pd.DataFrame, api: Ints, named: Ints, gpu: Ints, launch_of: Ints) -> pd.DataFrame:
    start = events["start_ns"].to_numpy()
    duration = events["dur_ns"].to_numpy()
    joined = launch_of >= 0
    rows, owner = gpu[joined], launch_of[joined]
    kinds = events["kind"].to_numpy(dtype=object)[rows] if len(rows) else np.empty(0, object)
    total = len(api)
    counts = {kind: np.bincount(owner[kinds == kind], minlength=total) for kind in GPU_KINDS}
    gpu_start = np.full(total, np.iinfo(np.int64).max)
    gpu_end = np.full(total, np.iinfo(np.int64).min)
    gpu_ns = np.zeros(total, np.int64)
    np.minimum.at(gpu_start, owner, start[rows])
    np.maximum.at(gpu_end, owner, start[rows] + duration[rows])
    np.add.at(gpu_ns, owner, duration[rows])
    activities = np.bincount(owner, minlength=total)
    # a call whose name says nothing submits what it was seen to cause
    first = np.full(total, -1, np.int64)
    first[owner[::-1]] = rows[::-1]
    seen = np.array([SUBMITS.index(kind) if kind in SUBMITS else -1 for kind in events["kind"].cat.categories] + [-1])
    what = np.where(named >= 0, named, np.where(first >= 0, seen[_codes(events["kind"])[first]], -1))
    return pd.DataFrame(
        {
            "row": api,
            "api": events["name"].iloc[api].reset_index(drop=True),
            "submits": pd.Categorical.from_codes(what, categories=list(SUBMITS)),
            "activity": _activity(events, what, first),
            "process": _codes(events["process"])[api],
            "thread": _codes(events["thread"])[api],
            "start_ns": start[api],
            "end_ns": start[api] + duration[api],
            "activities": activities,
            "kernels": counts["kernel"],
            "memcpys": counts["memcpy"],
            "memsets": counts["memset"],
            "gpu_start_ns": gpu_start,
            "gpu_end_ns": gpu_end,
            "gpu_ns": gpu_ns,
        }
    )


def _activity(events: pd.DataFrame, what: Ints, first: Ints) -> pd.Categorical:
    """What each launch caused, by its first activity: `kernel`, `memcpy DtoD`, ...; `graph` for a graph launch."""
    copy = _codes(events["copy_kind"])
    labels = ["kernel", "memcpy", "memset", "graph", *(f"memcpy {kind}" for kind in events["copy_kind"].cat.categories)]
    kind_label = np.array(
        [SUBMITS.index(kind) if kind in SUBMITS else -1 for kind in events["kind"].cat.categories] + [-1]
    )
    label = kind_label[_codes(events["kind"])[first]]
    copied = (label == SUBMITS.index("memcpy")) & (copy[first] >= 0)
    label = np.where(copied, len(SUBMITS) + copy[first], label)
    label = np.where(what == SUBMITS.index("graph"), SUBMITS.index("graph"), label)
    return pd.Categorical.from_codes(np.where(first >= 0, label, -1), categories=labels)
