"""Which collectives of the ranks are one and the same: by the recorded number in their group, by their step and order in it, or by order alone.

Of a group whose ranks all number their collectives, the number tells. Else, where steps have names that are the same on all ranks, the step
and the place in it do, in steps in which all ranks have as many. Else the order, with each rank shifted to where its ends lie most steadily apart
from those of the others: what ran together ends together, whatever the clocks say. Of all, what does something else, or carries something else, is
no match.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.fleet.members import Member
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


def match(members: Sequence[Member]) -> Matched:
    """The collectives that two ranks or more have in common."""
    rows = _rows(members)
    groups = sorted(rows["group"].unique())
    keys = np.full(len(rows), -1, np.int64)
    matched_by: list[MatchedBy] = []
    used = 0
    for name in groups:
        at = np.flatnonzero((rows["group"] == name).to_numpy())
        how, key = _keys(rows.iloc[at], members)
        matched_by.append(how)
        known = key >= 0
        keys[at[known]] = key[known] + used
        used += int(key.max(initial=-1)) + 1
    codes = {name: number for number, name in enumerate(groups)}
    rows = rows.assign(key=keys, code=[codes[each] for each in rows["group"]])
    several = rows[rows["key"] >= 0].groupby("key")
    enough = several["member"].transform("nunique")
    once = several["member"].transform("size") == enough
    paired = rows[rows["key"] >= 0][(enough > 1) & once]
    alike = _alike(paired)
    kept = paired[alike]
    order = kept.groupby("key")["start"].max().sort_values(kind="stable")
    number = pd.Series(np.arange(len(order)), index=order.index)
    kept = kept.assign(instance=kept["key"].map(number)).sort_values(["instance", "member"], kind="stable")
    exposed = [each.collectives.exposed_ns for each in members]
    told = np.concatenate(exposed) if exposed else np.empty((0, 0), np.int64)
    return Matched(
        groups=tuple(groups),
        matched_by=tuple(matched_by),
        instance=kept["instance"].to_numpy(np.int64),
        member=kept["member"].to_numpy(np.int64),
        group=kept["code"].to_numpy(np.int64),
        step=kept["step"].to_numpy(np.int64),
        step_start_ns=kept["step_start"].to_numpy(np.int64),
        operation=kept["operation"].to_numpy(object),
        start_ns=kept["start"].to_numpy(np.int64),
        end_ns=kept["end"].to_numpy(np.int64),
        exposed_ns=told[kept["row"].to_numpy(np.int64)],
        alone=len(rows) - len(paired),
        unlike=int((~alike).sum()),
    )


def _rows(members: Sequence[Member]) -> pd.DataFrame:
    parts = []
    first = 0
    for number, each in enumerate(members):
        of = each.collectives
        operation = [_TO_ONE.get(what.operation, what.operation) for what in of.whats]
        size = [
            -1 if does in ("all_to_all", "send_recv") else what.size
            for does, what in zip(operation, of.whats, strict=True)
        ]
        parts.append(
            pd.DataFrame(
                {
                    "row": first + np.arange(len(of)),
                    "member": number,
                    "group": np.array(of.groups, object)[of.group] if len(of) else np.empty(0, object),
                    "step": of.step,
                    "step_start": each.steps.start_ns[of.step],
                    "number": of.number,
                    "operation": np.array(operation, object)[of.what] if len(of) else np.empty(0, object),
                    "size": np.array(size, np.int64)[of.what] if len(of) else np.empty(0, np.int64),
                    "start": of.start_ns,
                    "end": of.end_ns,
                }
            )
        )
        first += len(of)
    return pd.concat(parts, ignore_index=True)


def _keys(rows: pd.DataFrame, members: Sequence[Member]) -> tuple[MatchedBy, Ints]:
    """For each row of one group a number that its counterparts have as well; -1 where nothing tells them."""
    member = rows["member"].to_numpy()
    number = rows["number"].to_numpy()
    if (number >= 0).all() and not rows.duplicated(["member", "number"]).any():
        return "number", np.unique(number, return_inverse=True)[1].astype(np.int64)
    if all(members[each].summary.named for each in np.unique(member).tolist()):
        return "step", _by_step(rows, members)
    return "order", _by_order(rows)


def _by_step(rows: pd.DataFrame, members: Sequence[Member]) -> Ints:
    names = [members[of].steps.names[step] for of, step in zip(rows["member"], rows["step"], strict=True)]
    step = pd.factorize(np.array(names, object))[0]
    placed = pd.DataFrame({"member": rows["member"].to_numpy(), "step": step})
    within = placed.groupby(["member", "step"])
    place, count = within.cumcount().to_numpy(), within["step"].transform("size")
    # a rank that lacks one of a step's collectives has lost track: as many as most have is what counts
    most = count.groupby(step).agg(lambda counts: counts.value_counts().sort_index().idxmax())
    usual = count.to_numpy() == most.to_numpy()[step]
    key = np.unique(np.stack([step, place]), axis=1, return_inverse=True)[1].ravel()
    return np.where(usual, key, -1).astype(np.int64)


def _by_order(rows: pd.DataFrame) -> Ints:
    place = rows.groupby("member").cumcount().to_numpy().astype(np.int64)
    member = rows["member"].to_numpy()
    end = rows["end"].to_numpy()
    does = pd.factorize(rows["operation"].str.cat(rows["size"].astype(str), sep=" "))[0]
    of = {each: np.flatnonzero(member == each) for each in np.unique(member).tolist()}
    longest = max(of, key=lambda each: (len(of[each]), -each))
    for each, mine in of.items():
        if each != longest:
            other = of[longest]
            place[mine] += _shift(does[mine], end[mine], does[other], end[other])
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


def _alike(rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which rows are of a collective of which all ranks say that it does the same, with as much, where they say how much."""
    if not len(rows):
        return np.ones(0, bool)
    of = rows.groupby("key")
    one = of["operation"].transform("nunique") == 1
    known = rows["size"].where(rows["size"] >= 0)
    sizes = known.groupby(rows["key"]).transform("nunique") <= 1
    found: npt.NDArray[np.bool_] = (one & sizes).to_numpy()
    return found
