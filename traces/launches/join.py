"""Launches: the API calls that submit GPU work, joined by correlation id to the activities they caused.

The join is one to many (a graph launch or a batch copy stands for several activities) and many to one (recorders may
write one launch twice, at the runtime and at the driver level): a launch counts once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.columns import codes, is_any
from launchlens.traces.event_names import what_names_say
from launchlens.traces.intervals import Ints
from launchlens.traces.launches.apis import submits
from launchlens.traces.launches.captured import captured
from launchlens.traces.launches.table import SUBMITS, Launches
from launchlens.traces.problems import Problems
from launchlens.traces.schema import GPU_KINDS
from launchlens.traces.thresholds import THRESHOLDS

#: What calls submit, as categories of Python's own texts.
_SUBMITS = pd.CategoricalDtype(pd.Index(SUBMITS, dtype=object))


def find_launches(events: pd.DataFrame, problems: Problems, *, gpu_expected: bool = True) -> Launches:
    """Join launch calls to GPU activities by (process, correlation id); count in `problems` what does not join.

    An API call is a launch when its name says so, or when GPU activities carry its correlation id. That there are none at all
    is a problem where they are expected.
    """
    api = np.flatnonzero(is_any(events, "kind", "api"))
    gpu = np.flatnonzero(is_any(events, "kind", *GPU_KINDS))
    api_key, gpu_key = _keys(events, api, gpu)

    named = what_names_say(events["name"], _submitted, api, nothing=-1)
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
    # a call that no name tells to be a launch was one by its activities alone, and of those it has none now
    kept = (named >= 0) | ~repeats
    if not kept.all():
        launch_of = np.where(launch_of >= 0, (np.cumsum(kept) - 1)[launch_of], -1)
        api, named, repeats = api[kept], named[kept], repeats[kept]
    if len(api) and not len(gpu) and gpu_expected:
        problems.add("no-gpu-records", len(api))
    joined = launch_of >= 0
    found = Launches(
        _columns(events, api, named, repeats, gpu[joined], launch_of[joined]), gpu, gpu[joined], launch_of[joined]
    )
    in_capture = captured(events, found)
    problems.add("launches-captured", int(in_capture.sum()))
    if len(gpu):
        problems.add("launch-without-gpu-record", int((~found.caused_work & ~in_capture).sum()))
    # activities without any correlation id are the readers' problem already
    problems.add("gpu-record-without-launch", int((~joined & (gpu_key >= 0) & ~ambiguous).sum()))
    problems.add("device-not-named", int(events["device"].array.isna()[gpu].sum()))
    early = found.caused_work & (found.gpu_start_ns < found.start_ns)
    problems.add("gpu-start-before-launch", int(early.sum()))
    return found


def _submitted(name: str) -> int:
    """The code of what a call of this name submits, -1 for nothing."""
    what = submits(name)
    return -1 if what is None else SUBMITS.index(what)


def _keys(events: pd.DataFrame, api: Ints, gpu: Ints) -> tuple[Ints, Ints]:
    """One number per (process, correlation id) for API rows and for GPU rows; -1 where there is no id.

    Device rows of recorders that name no process on them (Kineto) are matched by the correlation id alone; should the
    file hold several processes whose ids collide, that shows as one id naming several launches.
    """
    correlation = events["correlation"].array
    missing = correlation.isna()
    _, dense = np.unique(correlation.to_numpy(np.int64, na_value=0), return_inverse=True)
    process = codes(events, "process")
    by_process = len(gpu) == 0 or bool((process[gpu] >= 0).all())
    count = len(events["process"].array.categories) + 1
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
    process, thread = codes(events, "process")[api], codes(events, "thread")[api]
    is_driver = is_any(events, "layer", "driver")[api]
    room = np.where(is_driver, 0, THRESHOLDS.inner_call_rounding_ns)
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
        & (end[order] <= end[holder] + THRESHOLDS.inner_call_rounding_ns)
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


def _columns(
    events: pd.DataFrame, api: Ints, named: Ints, repeats: npt.NDArray[np.bool_], rows: Ints, owner: Ints
) -> dict[str, Any]:
    """The columns of launches; `rows` are the activities that have one, `owner` its position."""
    start = events["start_ns"].to_numpy()
    duration = events["dur_ns"].to_numpy()
    kinds = events["kind"].array
    submitted = np.array([SUBMITS.index(kind) if kind in SUBMITS else -1 for kind in kinds.categories] + [-1])
    did = submitted[kinds.codes]
    total = len(api)
    counts = {kind: np.bincount(owner[did[rows] == SUBMITS.index(kind)], minlength=total) for kind in GPU_KINDS}
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
    caused = np.append(did, -1)[first]
    what = np.where(named >= 0, named, caused)
    without = activities == 0
    return {
        "row": api,
        "api": events["name"].array[api],
        "submits": pd.Categorical.from_codes(what, dtype=_SUBMITS),
        "activity": _activity(events, what, first, caused),
        "process": events["process"].array[api],
        "thread": events["thread"].array[api],
        "start_ns": start[api],
        "end_ns": start[api] + duration[api],
        "ambiguous": repeats,
        "activities": activities,
        "kernels": counts["kernel"],
        "memcpys": counts["memcpy"],
        "memsets": counts["memset"],
        "gpu_start_ns": pd.arrays.IntegerArray(gpu_start, without),
        "gpu_end_ns": pd.arrays.IntegerArray(gpu_end, without.copy()),
        "gpu_ns": pd.arrays.IntegerArray(gpu_ns, without.copy()),
    }


def _activity(events: pd.DataFrame, what: Ints, first: Ints, caused: Ints) -> pd.Categorical:
    """What each launch caused, by its first activity: `kernel`, `memcpy DtoD`, ...; `graph` for a graph launch."""
    copies = events["copy_kind"].array
    labels = [*SUBMITS, *(f"memcpy {kind}" for kind in copies.categories)]
    copy = copies.codes[first].astype(np.int64)
    label = np.where((caused == SUBMITS.index("memcpy")) & (copy >= 0), len(SUBMITS) + copy, caused)
    label = np.where(what == SUBMITS.index("graph"), SUBMITS.index("graph"), label)
    kinds = pd.CategoricalDtype(pd.Index(labels, dtype=object))
    return pd.Categorical.from_codes(np.where(first >= 0, label, -1), dtype=kinds)
