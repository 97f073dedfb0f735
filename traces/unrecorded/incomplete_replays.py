"""Replays of CUDA graphs that were recorded in part: they have fewer GPU activities than others of the same graph.

Which replays are of one graph, the ids of its nodes say where the recorder gives them. Where it gives none, the n-th graph
launch in each instance of a range is held to replay one graph, if more than half of them have the very same activities by name.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.columns import codes, is_any
from launchlens.traces.grouping import Groups, by_keys
from launchlens.traces.intervals import Ints, innermost
from launchlens.traces.launches.table import Launches
from launchlens.traces.thresholds import THRESHOLDS

#: Labels of replays that share nodes settle in two or three rounds; no real graph needs more.
_ROUNDS = 64


@dataclass(frozen=True)
class Incomplete:
    """Per launch how many activities it lacks (`missing`, int64, 0 for all but incomplete replays), and which, by name."""

    missing: Ints
    names: Counter[str]


def incomplete(events: pd.DataFrame, launches: Launches, rows: Ints, owner: Ints) -> Incomplete:
    """Look at the graph launches among `launches`: `rows` are their activities, `owner` the launch of each.

    What a graph's own conditional nodes left out of a replay looks the same, and is counted as well.
    """
    missing, names = np.zeros(len(launches), np.int64), Counter[str]()
    is_whole = is_any(events, "kind", "graph")[rows]
    has_node = ~events["graph_node"].array.isna()[rows] & ~is_whole
    with_ids = np.zeros(len(launches), bool)
    with_ids[owner[has_node]] = True
    _by_node(events, launches, rows[has_node], owner[has_node], missing, names)
    whole = np.zeros(len(launches), bool)
    whole[owner[is_whole]] = True
    plain = ~(with_ids | whole)[owner]
    _by_range(events, launches, rows[plain], owner[plain], missing, names)
    return Incomplete(missing, names)


def _by_node(
    events: pd.DataFrame, launches: Launches, rows: Ints, owner: Ints, missing: Ints, names: Counter[str]
) -> None:
    """Count what each replay lacks of the nodes that any replay of its graph has."""
    if not len(rows):
        return
    ids = events["graph_node"].array[rows].to_numpy(np.int64)
    process, total = launches.process[owner], len(launches)
    # a loop's nodes run several times in one replay: that a node was seen is what counts
    _, seen = Groups.of(process, ids, owner)
    node = Groups.of(process[seen], ids[seen])[0].codes
    launch = owner[seen]
    graph = _sharing(launch, node, total)
    replays = np.unique(launch)
    nodes, first = np.unique(node, return_index=True)
    nodes_of = np.bincount(graph[launch[first]], minlength=total)
    replays_of = np.bincount(graph[replays], minlength=total)
    missing[replays] = nodes_of[graph[replays]] - np.bincount(launch, minlength=total)[replays]
    lacking = replays_of[graph[launch[first]]] - np.bincount(node)[nodes]
    lacked = np.flatnonzero(lacking)
    what = _what(events, rows[seen[first[lacked]]])
    for each, count in zip(what.tolist(), lacking[lacked].tolist(), strict=True):
        names[_called(events, each)] += count


def _sharing(launch: Ints, node: Ints, launches: int) -> Ints:
    """A label per launch, the same for those that share nodes, directly or by way of others."""
    label = np.arange(launches, dtype=np.int64)
    for _ in range(_ROUNDS):
        of_node = np.full(int(node.max()) + 1, launches, np.int64)
        np.minimum.at(of_node, node, label[launch])
        before = label.copy()
        np.minimum.at(label, launch, of_node[node])
        if np.array_equal(label, before):
            break
    return label


def _by_range(
    events: pd.DataFrame, launches: Launches, rows: Ints, owner: Ints, missing: Ints, names: Counter[str]
) -> None:
    """Count what a replay lacks of the activities that most replays at its place in a range have."""
    if not len(rows):
        return
    order = np.argsort(owner, kind="stable")
    owner, what = owner[order], _what(events, rows[order])
    replays = np.unique(owner)
    content = np.zeros(len(launches), np.uint64)
    np.add.at(content, owner, _scrambled(what))
    place = _places(events, launches, replays)
    replays, place = replays[place >= 0], place[place >= 0]
    (alike, _), (together, _) = Groups.of(place, content[replays].view(np.int64)), Groups.of(place)
    in_place = together.sizes[together.codes]
    # the usual kind of a place is what most replays there are, and every other one is held against it
    usual = 2 * alike.sizes[alike.codes] > in_place
    full_of = dict(zip(place[usual].tolist(), replays[usual].tolist(), strict=True))
    odd = ~usual & (in_place >= THRESHOLDS.fewest_replays) & np.isin(place, place[usual])

    @cache
    def activities(launch: int) -> Counter[int]:
        low, high = np.searchsorted(owner, [launch, launch + 1])
        return Counter(what[low:high].tolist())

    for at, launch in zip(place[odd].tolist(), replays[odd].tolist(), strict=True):
        full, held = activities(full_of[at]), activities(launch)
        if held - full:
            continue  # it ran something else, and so is another graph
        missing[launch] = (full - held).total()
        for each, count in (full - held).items():
            names[_called(events, each)] += count


def _places(events: pd.DataFrame, launches: Launches, replays: Ints) -> Ints:
    """Per replay a number for its place: the innermost range's name, and how many graph launches came before it there.

    -1 for one in no range. `replays` are positions of launches, in order.
    """
    is_range = is_any(events, "kind", "range")
    process, thread, name = (codes(events, each) for each in ("process", "thread", "name"))
    start = events["start_ns"].to_numpy()
    end = start + events["dur_ns"].to_numpy()
    called, launched_by = launches.start_ns[replays], launches.process[replays]
    instance = np.full(len(replays), -1, np.int64)
    ranges_of = by_keys(np.flatnonzero(is_range), process[is_range], thread[is_range])
    for at, group in by_keys(np.arange(len(replays)), launched_by, launches.thread[replays]).items():
        ranges = ranges_of.get(at, np.empty(0, np.int64))
        edges, holder = innermost(start[ranges], end[ranges])
        if not len(holder):
            continue
        segment = np.searchsorted(edges, called[group], side="right") - 1
        inside = (segment >= 0) & (segment < len(holder))
        held = np.where(inside, holder[np.clip(segment, 0, len(holder) - 1)], -1)
        instance[group] = np.where(held >= 0, ranges[held], -1)
    in_range = instance >= 0
    # how many came before in the same instance
    order = np.argsort(instance, kind="stable")
    before = np.empty(len(order), np.int64)
    before[order] = np.arange(len(order)) - np.searchsorted(instance[order], instance[order])
    place = Groups.of(launched_by, name[instance], before)[0].codes
    return np.where(in_range, place, -1)


def _what(events: pd.DataFrame, rows: Ints) -> Ints:
    """A number per activity for its kind and name; `_called` says them."""
    kind, name = (codes(events, each)[rows] for each in ("kind", "name"))
    what: Ints = kind * len(events["name"].array.categories) + name
    return what


def _called(events: pd.DataFrame, what: int) -> str:
    kind, name = divmod(what, len(events["name"].array.categories))
    return f"{events['kind'].array.categories[kind]} {events['name'].array.categories[name]}"


def _scrambled(numbers: Ints) -> npt.NDArray[np.uint64]:
    """Numbers spread over 64 bits, so that equal sums mean equal contents (the finalizer of splitmix64)."""
    mixed = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))
