"""Which ranks are stragglers, and why: what of their own steps takes longer than the others' do.

A straggler costs other ranks a tenth of a step in most steps (`THRESHOLDS.straggler_share`). Why it is late shows in its own time, that in which
its device did not wait for another rank: its GPU works longer, or is idle longer for its host, for its data, or its transfers take longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from launchlens.traces.documents.fleet import LateBy
from launchlens.traces.fleet.clocks import Clocks
from launchlens.traces.fleet.members import Member
from launchlens.traces.fleet.waits import Waits
from launchlens.traces.grouping import by_keys
from launchlens.traces.intervals import Ints
from launchlens.traces.steps.gaps import CAUSES, loads_data
from launchlens.traces.thresholds import THRESHOLDS

#: What idle time of a cause is a sign of; of the others nothing shows whose fault it is.
_OF_CAUSE: dict[str, LateBy] = {
    "host-python": "host", "host-dispatch": "host", "host-launch": "host", "host-api": "host", "sync": "host",
    "allocation": "host", "launch-latency": "host", "copy": "host", "data": "data", "dependency": "gpu",
}  # fmt: skip
LATE_BY: tuple[LateBy, ...] = ("gpu", "host", "data", "communication")
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Straggler:
    """One straggler. `member` is its position; `costs_ns` what it costs each other rank of a step, `share` that of their steps. `exposed_ns` and
    `overlapped_ns` are how long each of them waits for it, standing still and beside other work.

    `steps` of `of_steps` steps are such that it costs a tenth of them. `cause` is None where nothing recorded tells; `longer_ns` is how much longer
    that takes of its step than of the others', `where` the range in which its host spends more than theirs, `range_ns` how much more. `kernels` is
    how many kernels more its GPU runs in a step.
    """

    member: int
    cause: LateBy | None
    costs_ns: int
    exposed_ns: int
    overlapped_ns: int
    share: float
    steps: int
    of_steps: int
    longer_ns: int | None
    where: str | None
    range_ns: int | None
    kernels: int


@dataclass(frozen=True)
class Costs:
    """What members cost others: `per_step_ns` [late, waiting], the median over the steps of the one that waits; `share` that of its steps.

    `exposed_ns` and `overlapped_ns` are its waits for the other, standing still and beside other work, likewise. `often` is the share of its
    steps of which it is a tenth or more; `steps` how many steps.
    """

    per_step_ns: Floats
    exposed_ns: Floats
    overlapped_ns: Floats
    share: Floats
    often: Floats
    steps: Ints

    def of(self, late: int, others: Sequence[int]) -> float:
        """What a member costs each of some others, ns of a step, the mean."""
        return float(self.per_step_ns[late, list(others)].mean()) if others else 0.0

    def waited(self, late: int, others: Sequence[int]) -> float:
        """How long each of some others waits for a member, ns of a step, the mean."""
        return float((self.exposed_ns + self.overlapped_ns)[late, list(others)].mean()) if others else 0.0


def costs(members: Sequence[Member], waits: Waits) -> Costs:
    """What each member costs each other one."""
    count = len(members)
    per_step, exposed, overlapped, share, often = (np.zeros((count, count)) for _ in range(5))
    told = {name: waits.costs[name].to_numpy() for name in ("member", "step", "behind", "cost_ns", "ns", "exposed_ns")}
    for (waiting, late), rows in by_keys(np.arange(len(waits.costs)), told["member"], told["behind"]).items():
        wall = members[waiting].steps.wall_ns
        ns, alone, beside = (np.zeros(len(wall)) for _ in range(3))
        step = told["step"][rows]
        # a lateness may be longer than the step in which it shows: what a step is longer by is no more than all of it
        ns[step] = np.minimum(told["cost_ns"][rows], wall[step])
        alone[step] = told["exposed_ns"][rows]
        beside[step] = told["ns"][rows] - told["exposed_ns"][rows]
        of_step = ns / np.maximum(wall, 1)
        per_step[late, waiting] = np.median(ns)
        exposed[late, waiting] = np.median(alone)
        overlapped[late, waiting] = np.median(beside)
        share[late, waiting] = np.median(of_step)
        often[late, waiting] = (of_step >= THRESHOLDS.straggler_share).mean()
    return Costs(per_step, exposed, overlapped, share, often, np.array([len(each.steps) for each in members], np.int64))


def stragglers(members: Sequence[Member], waits: Waits, clocks: Clocks, found: Costs) -> list[Straggler]:
    """The stragglers, what costs most first."""
    late = []
    for member in range(len(members)):
        others = _others(clocks, member)
        if len(others) and 2 * (found.often[member, others] > THRESHOLDS.straggler_steps).sum() >= len(others):
            late.append(member)
    made = []
    for member in late:
        # those that are late themselves wait little for it
        others = [each for each in _others(clocks, member) if each not in late] or _others(clocks, member)
        cause, longer, where, range_ns = _why(members, waits, member, others)
        usual = np.median([_kernels(members[each]) for each in others])
        often = float(found.often[member, others].mean())
        steps = len(members[member].steps)
        made.append(
            Straggler(
                member=member,
                cause=cause,
                costs_ns=round(found.of(member, others)),
                exposed_ns=round(float(found.exposed_ns[member, others].mean())),
                overlapped_ns=round(float(found.overlapped_ns[member, others].mean())),
                share=float(found.share[member, others].mean()),
                steps=round(often * steps),
                of_steps=steps,
                longer_ns=longer,
                where=where,
                range_ns=range_ns,
                kernels=round(_kernels(members[member]) - float(usual)),
            )
        )
    return sorted(made, key=lambda each: (-each.costs_ns, each.member))


def usual_steps(member: Member) -> slice:
    """The steps that figures are of: all but the first of three or more, which holds what was launched before it."""
    return slice(1, None) if len(member.steps) > 2 else slice(None)


def exposed_waits(members: Sequence[Member], waits: Waits) -> list[Ints]:
    """For each member and step how long its device did nothing but wait for other ranks: never more than its exposed communication."""
    found = [np.zeros(len(each.steps), np.int64) for each in members]
    member, step, exposed = (waits.booked[name].to_numpy() for name in ("member", "step", "exposed_ns"))
    for at, waited in enumerate(found):
        np.add.at(waited, step[member == at], exposed[member == at])
    return [np.minimum(each, member.steps.exposed_ns) for each, member in zip(found, members, strict=True)]


def _others(clocks: Clocks, member: int) -> list[int]:
    of: list[int] = np.flatnonzero(clocks.cluster == clocks.cluster[member]).tolist()
    return [each for each in of if each != member]


def _kernels(member: Member) -> float:
    return float(np.median(member.steps.kernels[usual_steps(member)]))


def _why(
    members: Sequence[Member], waits: Waits, member: int, others: Sequence[int]
) -> tuple[LateBy | None, int | None, str | None, int | None]:
    waited = exposed_waits(members, waits)
    own = {each: _own(members[each], waited[each]) for each in (member, *others)}
    more = own[member] - np.median([own[each] for each in others], axis=0)
    at = int(more[: len(LATE_BY)].argmax())
    where, range_ns = _range(members, member, others)
    if more[at] <= 0 or more[at] < more[len(LATE_BY)]:
        return None, None, None, None
    cause = LATE_BY[at]
    # the range says it better than what the host did in it: reading from a disk is a call as well
    if cause == "host" and where is not None and loads_data(where) and range_ns is not None and 2 * range_ns > more[at]:
        cause = "data"
    told = cause in ("host", "data")
    return cause, round(float(more[at])), where if told else None, range_ns if told else None


def _own(member: Member, waited: Ints) -> Floats:
    """A step of a member by whose time it is, by LATE_BY and last what nothing tells, medians over its steps, ns."""
    chosen, steps = usual_steps(member), member.steps
    parts = {name: np.zeros(len(steps), np.int64) for name in (*LATE_BY, "untold")}
    parts["gpu"] = parts["gpu"] + steps.gpu_ns
    parts["communication"] = steps.exposed_ns - waited
    for number, cause in enumerate(CAUSES):
        name = _OF_CAUSE.get(cause, "untold")
        parts[name] = parts[name] + steps.idle_ns[:, number]
    return np.array([np.median(parts[name][chosen]) for name in parts])


def _range(members: Sequence[Member], member: int, others: Sequence[int]) -> tuple[str | None, int | None]:
    """The range in which the member's host spends most more than the others', and how much more, ns of a step."""
    mine = members[member].steps
    best, most = None, 0.0
    for number, name in enumerate(mine.host_ranges):
        spent = float(np.median(mine.host_ranges_ns[usual_steps(members[member]), number]))
        more = spent - float(np.median([_spent(members[each], name) for each in others]))
        if more > most:
            best, most = name, more
    return best, round(most) if best is not None else None


def _spent(member: Member, name: str) -> float:
    steps = member.steps
    if name not in steps.host_ranges:
        return 0.0
    return float(np.median(steps.host_ranges_ns[usual_steps(member), steps.host_ranges.index(name)]))
