"""Several traces as the ranks of one job: summaries in, and what they say together out. Which processes read the files plays no part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from launchlens.traces.documents.fleet import FleetDocument
from launchlens.traces.fleet.clocks import Clocks, align
from launchlens.traces.fleet.matched import Matched, match
from launchlens.traces.fleet.members import Member, members, natural
from launchlens.traces.fleet.stragglers import Costs, Straggler, costs, exposed_waits, stragglers
from launchlens.traces.fleet.summary import RankSummary, Unusable
from launchlens.traces.fleet.waits import Waits, waits
from launchlens.traces.intervals import Ints
from launchlens.traces.problems import InputError, Problems


@dataclass(frozen=True)
class Place:
    """Where a rank's trace lies: a file, the process in it where it holds several, and the moment of its clock that is time 0."""

    rank: int
    path: Path
    process: str | None
    zero_ns: int


@dataclass(frozen=True)
class Fleet:
    """The ranks of one job, and the files that were left out. Everything else follows, and is worked out once."""

    members: tuple[Member, ...]
    skipped: tuple[Unusable, ...]

    @cached_property
    def matched(self) -> Matched:
        """The collectives that two ranks or more have in common."""
        return match(self.members)

    @cached_property
    def clocks(self) -> Clocks:
        return align(self.matched, len(self.members))

    @cached_property
    def waits(self) -> Waits:
        return waits(self.matched, self.clocks, len(self.members))

    @cached_property
    def exposed_waits(self) -> list[Ints]:
        """For each member and step how long its device did nothing but wait for other ranks."""
        return exposed_waits(self.members, self.waits)

    @cached_property
    def costs(self) -> Costs:
        return costs(self.members, self.waits)

    @cached_property
    def stragglers(self) -> list[Straggler] | None:
        """The stragglers, what costs most first; None where ranks have nothing in common that would tell."""
        return stragglers(self.members, self.waits, self.clocks, self.costs) if len(self.matched) else None

    @property
    def ranks_in_job(self) -> int | None:
        """How many ranks the job had, as recorded."""
        known = [each.summary.ranks for each in self.members if each.summary.ranks is not None]
        return max(known) if known else None

    @property
    def problems(self) -> Problems:
        """What was met in the files, and in putting them together."""
        found = Problems()
        for member in self.members:
            for problem in member.summary.problems:
                for detail in problem.details or (None,):
                    found.add(problem.code, problem.count if detail is None else 1, ns=problem.ns, detail=detail)
        found.add("files-skipped", len(self.skipped))
        if self.ranks_in_job is not None:
            found.add("ranks-missing", max(self.ranks_in_job - len(self.members), 0))
        if len(self.members) > 1:
            if self.members[0].rank_from == "order":
                found.add("ranks-by-order", len(self.members))
            found.add("collectives-alone", self.matched.alone)
            found.add("collectives-unlike", self.matched.unlike)
            found.add("clock-not-aligned", int((self.clocks.by == 0).sum()))
        return found

    def on_one_clock(self) -> list[Place]:
        """Where each rank's files lie, and which moment of each one's clock is the first of all ranks that it is aligned with.

        A drift is taken for as much as it is in the middle of the rank's steps: what nests goes on to nest.
        """
        shift: list[int] = []
        first: dict[int, int] = {}
        for at, member in enumerate(self.members):
            middle = np.array([(int(member.steps.start_ns[0]) + int(member.steps.done_ns[-1])) // 2])
            shift.append(int((middle - self.clocks.aligned(np.array([at]), middle))[0]))
            cluster = int(self.clocks.cluster[at])
            first[cluster] = min(
                first.get(cluster, member.summary.first_ns - shift[at]), member.summary.first_ns - shift[at]
            )
        return [
            Place(member.rank, path, process, first[int(self.clocks.cluster[at])] + shift[at] - clock)
            for at, member in enumerate(self.members)
            for path, process, clock in member.parts
        ]

    def document(self) -> FleetDocument:
        """What it says, as `analyze --json` prints it."""
        from launchlens.traces.fleet.document import document

        return document(self)


def fleet_of(results: Iterable[RankSummary | Unusable], given: Sequence[Unusable] = ()) -> Fleet:
    """The fleet of what was made of some files; `given` are those that are no traces at all.

    Raises InputError where not one can be used.
    """
    usable: list[RankSummary] = []
    skipped = list(given)
    for each in results:
        if isinstance(each, Unusable):
            skipped.append(each)
        else:
            usable.append(each)
    if not usable:
        first = min(skipped, key=lambda each: natural(str(each.path)))
        more = f", and {len(skipped) - 1} more can't be used either" if len(skipped) > 1 else ""
        raise InputError(first.path, f"{first.why}{more}", "give traces of which one at least can be used")
    found, left_out = members(usable)
    skipped += left_out
    return Fleet(tuple(found), tuple(sorted(skipped, key=lambda each: (natural(str(each.path)), each.why))))
