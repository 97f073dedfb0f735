"""Tells the processes apart that somebody merged into one file: each of them numbers its calls anew, and mostly its GPU as well.

Kineto's GPU rows name no process, and a correlation id joins them to a call because there is but one process. Where calls of
several have the same ids, whose GPU rows are is told by what the merger called them (`process_names`, or ids alike), else by
time: work starts after the call that launched it. Where neither tells, the file is refused: a launch must not be joined by chance.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.intervals import Ints
from launchlens.traces.problems import InputError, Problems
from launchlens.traces.schema import GPU_KINDS

_REMEDY = "give the trace of each rank by itself, or a folder of them"
#: How mergers say in the name of a process which rank it is.
RANK = re.compile(r"rank\W{0,3}(\d+)", re.IGNORECASE)
#: A call and its work may seem to be out of order by so much, ns, and for such a share of them: clocks are not one.
_ROUNDING_NS, _MOST_EARLY = 1_000, 0.01


@dataclass(frozen=True)
class Merged:
    """A file's events, each GPU row with its process, and GPUs numbered apart: `devices` says which number was which, of whom."""

    events: pd.DataFrame
    devices: Mapping[int, tuple[int, str]]


def told_apart(
    path: Path, events: pd.DataFrame, places: pd.Categorical, names: Mapping[str, str], problems: Problems
) -> Merged:
    """The events of a file with what belongs to each of its processes; as they are where ids do not repeat.

    `places` are the process ids that the file gives to GPU rows (null for others), `names` what it calls processes. Raises
    InputError where nothing tells whose a GPU's rows are.
    """
    place, process = places.codes, events["process"].array.codes
    device = events["device"].array.to_numpy(np.int64, na_value=-1)
    known = device[device >= 0]
    one_gpu = _distinct(place) < 2 and (not len(known) or known.min() == known.max())
    if one_gpu and _distinct(process) < 2:
        return Merged(events, {})  # as in most files: one process, one GPU
    calls = _Calls(events)
    kinds = [str(kind) for kind in events["kind"].cat.categories]
    of_gpu = np.array([kind in (*GPU_KINDS, "gpu-range") for kind in kinds])[events["kind"].array.codes]
    rows = np.flatnonzero(of_gpu)
    groups = pd.DataFrame({"place": place[rows], "device": device[rows]}).groupby(["place", "device"]).indices
    if len(groups) > 1:
        calls.refuse_repeats_within(path, rows, groups.values())
    if len(calls.processes) < 2 or not len(rows) or not calls.repeat_among(calls.ids[rows]):
        return Merged(events, {})
    called = {str(text): number for number, text in enumerate(places.categories)}
    hosts = {int(each): str(events["process"].cat.categories[each]) for each in calls.processes}
    by_label = _by_label(hosts, list(called), names)
    fits = {at: calls.that_fit(rows[mine]) for at, mine in groups.items()}
    for (at, number), processes in fits.items():
        told = by_label.get(str(places.categories[at])) if at >= 0 else None
        fits[at, number] = processes if told is None else [told]
    owner = _settled(fits, list(hosts))
    undecided = [at for at, processes in owner.items() if len(processes) != 1]
    if undecided:
        listed = ", ".join(list(hosts.values())[:4])
        what = f"holds several processes ({listed}) whose correlation ids repeat, and nothing says whose GPU rows are whose"
        raise InputError(path, what, _REMEDY)
    problems.add("ranks-in-one-file", len(hosts))
    return _numbered_apart(events, rows, {at: (groups[at], each[0]) for at, each in owner.items()}, hosts)


def _distinct(codes: npt.NDArray[np.integer]) -> int:
    """How many codes occur, that for null not among them."""
    return int(np.count_nonzero(np.bincount(codes + 1)[1:]))


class _Calls:
    """The API calls that have a correlation id, by process and id."""

    def __init__(self, events: pd.DataFrame) -> None:
        self.start = events["start_ns"].to_numpy()
        self.ids = events["correlation"].fillna(-1).to_numpy(np.int64)
        process = events["process"].array.codes.astype(np.int64)
        runtime = (events["layer"] == "runtime").to_numpy(bool)
        is_call = (events["kind"] == "api").to_numpy() & (self.ids >= 0) & (process >= 0)
        calls = np.flatnonzero(is_call)
        self.processes = np.unique(process[calls])
        # a driver's call within the runtime's has its id as well
        self._runtime = pd.DataFrame({"process": process, "id": self.ids})[is_call & runtime]
        self._first = {}
        for each in self.processes:
            mine = calls[process[calls] == each]
            mine = mine[np.lexsort((self.start[mine], self.ids[mine]))]
            known, at = np.unique(self.ids[mine], return_index=True)
            self._first[int(each)] = known, self.start[mine[at]]

    def repeat_among(self, ids: Ints) -> bool:
        """Whether one of these ids names calls of several processes."""
        every = np.concatenate([known for known, _ in self._first.values()])
        known, count = np.unique(every, return_counts=True)
        return bool(np.isin(ids, known[count > 1]).any())

    def refuse_repeats_within(self, path: Path, rows: Ints, groups: Iterable[Ints]) -> None:
        """Raise InputError where most GPU rows have ids that name several calls of one process, and rows of several GPUs."""
        repeats = self._runtime[self._runtime.duplicated(keep=False)]["id"].unique()
        if not len(repeats):
            return
        ids = pd.concat([pd.Series(np.unique(self.ids[rows[mine]])) for mine in groups])
        shared = ids[ids.duplicated()].unique()
        if 2 * np.isin(self.ids[rows], np.intersect1d(repeats, shared)).sum() >= len(rows):
            what = "holds several processes under one number, whose correlation ids repeat"
            raise InputError(path, what, _REMEDY)

    def that_fit(self, rows: Ints) -> list[int]:
        """The processes that may have launched these rows: they made calls of most of their ids, before the work began."""
        rows = rows[self.ids[rows] >= 0]
        found, most = [], 0
        for each, (known, start) in self._first.items():
            at = np.minimum(np.searchsorted(known, self.ids[rows]), len(known) - 1)
            theirs = known[at] == self.ids[rows]
            early = theirs & (self.start[rows] < start[at] - _ROUNDING_NS)
            if theirs.any() and early.sum() <= _MOST_EARLY * theirs.sum():
                found.append((each, int(theirs.sum())))
                most = max(most, int(theirs.sum()))
        return [each for each, count in found if 2 * count > most]


def _by_label(hosts: Mapping[int, str], places: list[str], names: Mapping[str, str]) -> dict[str, int]:
    """The process of each place that the merger's own words give one: by rank, by how ids begin, or by how large they are."""
    ranks = {each: rank[1] for each, text in hosts.items() if (rank := RANK.search(names.get(text, "") or text))}
    found = {}
    if len(set(ranks.values())) == len(hosts):
        process = {rank: each for each, rank in ranks.items()}
        for place in places:
            said = RANK.search(names.get(place, "") or place)
            if said and said[1] in process:
                found[place] = process[said[1]]
    begins = {re.sub(r"\d+$", "", text): each for each, text in hosts.items()}
    if len(begins) == len(hosts):
        found |= {place: begins[begin] for place in places if (begin := re.sub(r"\d+$", "", place)) in begins}
    for power in range(4, 13):
        bucket = {int(text) // 10**power: each for each, text in hosts.items() if text.isdecimal()}
        if len(bucket) == len(hosts) and all(each.isdecimal() and int(each) // 10**power in bucket for each in places):
            found |= {place: bucket[int(place) // 10**power] for place in places}
            break
    return found


def _settled(fits: Mapping[tuple[int, int], list[int]], hosts: list[int]) -> dict[tuple[int, int], list[int]]:
    """What each GPU's rows may be of, less the processes that are known to have another, where each has just one."""
    left = dict(fits)
    if len(left) != len(hosts):
        return left
    for _ in hosts:
        taken = {each[0] for each in left.values() if len(each) == 1}
        left = {at: each if len(each) == 1 else [one for one in each if one not in taken] for at, each in left.items()}
    return left


def _numbered_apart(
    events: pd.DataFrame, rows: Ints, groups: Mapping[tuple[int, int], tuple[Ints, int]], hosts: Mapping[int, str]
) -> Merged:
    """GPU rows with their process; the second process to use a number of a device gets one that is free for its own."""
    process = events["process"].array.codes.copy()
    device = events["device"].to_numpy(dtype="int32", na_value=-1).copy()
    numbers: dict[tuple[int, int], int] = {}
    used = set(device[device >= 0].tolist())
    of_number: dict[int, int] = {}
    devices = {}
    for (_, old), (mine, owner) in groups.items():
        process[rows[mine]] = owner
        if old < 0 or (owner, old) in numbers:
            continue
        number = old if old not in of_number else max(used) + 1
        of_number[number], numbers[owner, old] = owner, number
        used.add(number)
        devices[number] = old, hosts[owner]
    for (_, old), (mine, owner) in groups.items():
        if old >= 0:
            device[rows[mine]] = numbers[owner, old]
    categories = events["process"].cat.categories
    table = events.assign(
        process=pd.Categorical.from_codes(process, categories=categories),
        device=pd.arrays.IntegerArray(np.maximum(device, 0), device < 0),
    )
    return Merged(table, devices)
