"""Which collectives of the ranks are one and the same: by the recorded number in their group, by their step and order in it, or by order alone.

Of a group whose ranks all number their collectives, the number tells. Else, where steps have names that are the same on all ranks, the step
and the place in it do, in steps in which all ranks have as many. Else the order, with each rank shifted to where its ends lie most steadily apart
from those of the others: what ran together ends together, whatever the clocks say. Of all, what does something else, or carries something else, is
no match.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from launchlens.traces.fleet.members import Member
from launchlens.traces.grouping import Groups
from launchlens.traces.intervals import Ints

MatchedBy = Literal["number", "step", "order"]
#: Ranks may have begun to record so many collectives apart, where only their order tells; so many of them are compared.
_MOST_SHIFT, _MOST_COMPARED = 4096, 4096
_TO_ONE = {"send": "send_recv", "recv": "send_recv"}


@dataclass(frozen=True)
class Matched:
    """A row per rank and collective, those of one collective next to each other; `instance` counts these from 0 in the order in which the last rank began, by the recorded clocks.

    `member` and `group` are positions in the fleet's members and in `groups`; `step` is the member's own, `step_start_ns` when it began. `matched_by` says how each group was
    matched, `alone` how many rows had no counterpart, `unlike` how many had one that does something else.
    """

    groups: tuple[str, ...]
    matched_by: tuple[MatchedBy, ...]
    instance: Ints
    member: Ints
    group: Ints
    step: Ints
    step_start_ns: Ints
    operation: npt.NDArray[np.object_]
    start_ns: Ints
    end_ns: Ints
    exposed_ns: npt.NDArray[np.int64]
    alone: int
    unlike: int

    def __len__(self) -> int:
        return len(self.instance)

    @property
    def first(self) -> Ints:
        """Where the rows of each instance begin."""
        return np.flatnonzero(np.diff(self.instance, prepend=-1))


@dataclass(frozen=True)
class _Rows:
    """The collectives of all members, a row each: `row` is its position among them, `operation` and `group` positions in the names of these."""

    operations: tuple[str, ...]
    groups: tuple[str, ...]
    row: Ints
    member: Ints
    group: Ints
    step: Ints
    step_start_ns: Ints
    number: Ints
    operation: Ints
    size: Ints
    start_ns: Ints
    end_ns: Ints

    def __len__(self) -> int:
        return len(self.row)

    def at(self, chosen: Ints | npt.NDArray[np.bool_]) -> _Rows:
        """Some of the rows."""
        held = {each.name: getattr(self, each.name) for each in fields(self)}
        arrays = {name: each[chosen] for name, each in held.items() if isinstance(each, np.ndarray)}
        return _Rows(self.operations, self.groups, **arrays)


def match(members: Sequence[Member]) -> Matched:
    """The collectives that two ranks or more have in common."""
    rows = _rows(members)
    keys = np.full(len(rows), -1, np.int64)
    matched_by: list[MatchedBy] = []
    used = 0
    for group in range(len(rows.groups)):
        at = np.flatnonzero(rows.group == group)
        how, key = _keys(rows.at(at), members)
        matched_by.append(how)
        known = key >= 0
        keys[at[known]] = key[known] + used
        used += int(key.max(initial=-1)) + 1
    keyed = np.flatnonzero(keys >= 0)
    key, member = keys[keyed], rows.member[keyed]
    size, enough = np.bincount(key, minlength=used), Groups(key, used).distinct(member)
    several = ((enough > 1) & (size == enough))[key]
    paired, key = rows.at(keyed[several]), key[several]
    alike = _alike(paired, key, used)
    kept, key = paired.at(alike), key[alike]
    keys, of_key = np.unique(key, return_inverse=True)
    last = np.full(len(keys), np.iinfo(np.int64).min)
    np.maximum.at(last, of_key, kept.start_ns)
    place = np.empty(len(keys), np.int64)
    place[np.argsort(last, kind="stable")] = np.arange(len(keys))
    instance = place[of_key]
    order = np.lexsort((kept.member, instance))
    kept, instance = kept.at(order), instance[order]
    exposed = [each.collectives.exposed_ns for each in members]
    told = np.concatenate(exposed) if exposed else np.empty((0, 0), np.int64)
    return Matched(
        groups=rows.groups,
        matched_by=tuple(matched_by),
        instance=instance,
        member=kept.member,
        group=kept.group,
        step=kept.step,
        step_start_ns=kept.step_start_ns,
        operation=np.array(rows.operations, object)[kept.operation],
        start_ns=kept.start_ns,
        end_ns=kept.end_ns,
        exposed_ns=told[kept.row],
        alone=len(rows) - len(paired),
        unlike=int((~alike).sum()),
    )


def _rows(members: Sequence[Member]) -> _Rows:
    of = [each.collectives for each in members]
    # names of which there are rows: a number each, groups in the order of their names
    does = [[_TO_ONE.get(what.operation, what.operation) for what in each.whats] for each in of]
    operations = tuple(dict.fromkeys(each for some in does for each in some))
    groups = tuple(sorted({each.groups[at] for each in of for at in np.unique(each.group).tolist()}))
    operation = {name: at for at, name in enumerate(operations)}
    group = {name: at for at, name in enumerate(groups)}

    def joined(parts: Iterable[Ints]) -> Ints:
        return np.concatenate([np.empty(0, np.int64), *parts])

    def told(numbers: Iterable[int], of_row: Ints) -> Ints:
        return np.array([*numbers, -1], np.int64)[of_row]

    return _Rows(
        operations=operations,
        groups=groups,
        row=np.arange(sum(map(len, of))),
        member=np.repeat(np.arange(len(of)), np.array([len(each) for each in of], np.int64)),
        group=joined(told((group.get(name, -1) for name in each.groups), each.group) for each in of),
        step=joined(each.step for each in of),
        step_start_ns=joined(each.steps.start_ns[each.collectives.step] for each in members),
        number=joined(each.number for each in of),
        operation=joined(
            told((operation[name] for name in names), each.what) for names, each in zip(does, of, strict=True)
        ),
        size=joined(
            told(
                (
                    -1 if name in ("all_to_all", "send_recv") else what.size
                    for name, what in zip(names, each.whats, strict=True)
                ),
                each.what,
            )
            for names, each in zip(does, of, strict=True)
        ),
        start_ns=joined(each.start_ns for each in of),
        end_ns=joined(each.end_ns for each in of),
    )


def _numbered(values: npt.NDArray[Any]) -> Ints:
    """For each value its place among the distinct ones, in order."""
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _pairs(one: Ints, other: Ints) -> Ints:
    """A number for each pair, the same for equal ones, in the order of the pairs."""
    return _numbered(one * (int(other.max(initial=0)) + 1) + other)


def _place(of: Ints) -> Ints:
    """How many of the same come before each."""
    order = np.argsort(of, kind="stable")
    first = np.flatnonzero(np.diff(of[order], prepend=-1))
    place = np.empty(len(of), np.int64)
    place[order] = np.arange(len(of)) - np.repeat(first, np.diff(np.append(first, len(of))))
    return place


def _keys(rows: _Rows, members: Sequence[Member]) -> tuple[MatchedBy, Ints]:
    """For each row of one group a number that its counterparts have as well; -1 where nothing tells them."""
    if (rows.number >= 0).all():
        number = _numbered(rows.number)
        if len(np.unique(_pairs(rows.member, number))) == len(rows):
            return "number", number
    if all(members[each].summary.named for each in np.unique(rows.member).tolist()):
        return "step", _by_step(rows, members)
    return "order", _by_order(rows)


def _by_step(rows: _Rows, members: Sequence[Member]) -> Ints:
    named = zip(rows.member.tolist(), rows.step.tolist(), strict=True)
    number: dict[str, int] = {}
    step = np.array([number.setdefault(members[of].steps.names[at], len(number)) for of, at in named], np.int64)
    of_step = _pairs(rows.member, step)
    place, count = _place(of_step), np.bincount(of_step)[of_step]
    # a rank that lacks one of a step's collectives has lost track: as many as most have is what counts, of as many the fewer
    _, first, rows_of = np.unique(_pairs(step, count), return_index=True, return_counts=True)
    first = first[np.lexsort((count[first], -rows_of, step[first]))]
    usual = count[first[np.diff(step[first], prepend=-1) > 0]]
    return np.where(count == usual[step], _pairs(step, place), -1)


def _by_order(rows: _Rows) -> Ints:
    member, place = rows.member, _place(rows.member)
    does = _pairs(rows.operation, _numbered(rows.size))
    of = {each: np.flatnonzero(member == each) for each in np.unique(member).tolist()}
    longest = max(of, key=lambda each: (len(of[each]), -each))
    for each, mine in of.items():
        if each != longest:
            other = of[longest]
            place[mine] += _shift(does[mine], rows.end_ns[mine], does[other], rows.end_ns[other])
    found: Ints = place - min(int(place.min(initial=0)), 0)
    return found


def _shift(does: Ints, end: Ints, others: Ints, others_end: Ints) -> int:
    """By how many places a rank's collectives come later in another's order."""
    count = min(len(does), _MOST_COMPARED)
    fewest = max(3, count // 2)
    best, at = None, 0
    for shift in sorted(range(-min(_MOST_SHIFT, count), min(_MOST_SHIFT, len(others)) + 1), key=abs):
        low, high = max(0, -shift), min(count, len(others) - shift)
        if high - low < fewest or (does[low:high] != others[low + shift : high + shift]).any():
            continue
        apart = end[low:high] - others_end[low + shift : high + shift]
        spread = float(np.median(np.abs(apart - np.median(apart))))
        # what is as good as less of a shift is no better
        if best is None or spread < best / 2:
            best, at = spread, shift
    return at


def _alike(rows: _Rows, key: Ints, keys: int) -> npt.NDArray[np.bool_]:
    """Which rows are of a collective of which all ranks say that it does the same, with as much, where they say how much."""
    one = Groups(key, keys).distinct(rows.operation) == 1
    known = rows.size >= 0
    sizes = Groups(key[known], keys).distinct(rows.size[known]) <= 1
    found: npt.NDArray[np.bool_] = (one & sizes)[key]
    return found
