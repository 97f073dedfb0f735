"""The ranks of a fleet: which summary is of which rank, and the pieces of one rank put together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Literal

import numpy as np

from launchlens.traces.fleet.summary import Collectives, RankSummary, StepFigures, Unusable
from launchlens.traces.intervals import Ints

#: How a rank is known: the recorder says it, the names of the files do, or nothing does and it is their order.
RankFrom = Literal["recorded", "file-name", "order"]
_IN_NAME = re.compile(r"rank[^0-9a-z]{0,2}(\d{1,6})", re.IGNORECASE)


@dataclass(frozen=True)
class Member:
    """One rank. `summary` has the steps of all its files in order of time, on one clock; `parts` says of which file each is, and of which
    process of it where it holds several, with what has to be added to its times for that clock.
    """

    rank: int
    rank_from: RankFrom
    parts: tuple[tuple[Path, str | None, int], ...]
    summary: RankSummary

    @property
    def files(self) -> tuple[Path, ...]:
        """Its files, in order of time."""
        return tuple(dict.fromkeys(path for path, _, _ in self.parts))

    @property
    def steps(self) -> StepFigures:
        return self.summary.steps

    @property
    def collectives(self) -> Collectives:
        return self.summary.collectives


def members(summaries: Sequence[RankSummary]) -> tuple[list[Member], list[Unusable]]:
    """The ranks in order, and files left out because their rank has the same steps from another file.

    The order of the summaries plays no part.
    """
    pieces = sorted(summaries, key=lambda each: (natural(str(each.path)), natural(each.process or "")))
    ranks, told = _ranks(pieces)
    found, left_out = [], []
    for rank in sorted(set(ranks)):
        mine = [piece for piece, of in zip(pieces, ranks, strict=True) if of == rank]
        mine.sort(key=lambda each: int(each.steps.start_ns[0]) + each.clock_ns)
        kept: list[RankSummary] = []
        for piece in mine:
            clash = next((each for each in kept if _clash(each, piece)), None)
            if clash is None:
                kept.append(piece)
            else:
                left_out.append(Unusable(piece.path, f"is of rank {rank} and of the same time as {clash.path.name}"))
        parts = tuple((each.path, each.process, each.clock_ns) for each in kept)
        found.append(Member(rank, told, parts, reduce(_together, map(_on_shared_clock, kept))))
    return found, left_out


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A key for sorting by which `rank2` comes before `rank10`.

    >>> sorted(["rank10", "rank2"], key=natural)
    ['rank2', 'rank10']
    """
    parts = re.split(r"(\d+)", text)
    return tuple((0, int(each), "") if each.isascii() and each.isdigit() else (1, 0, each) for each in parts if each)


def _ranks(pieces: Sequence[RankSummary]) -> tuple[list[int], RankFrom]:
    recorded = [each.rank for each in pieces]
    in_name = [int(said[-1]) if (said := _IN_NAME.findall(each.path.name)) else None for each in pieces]
    answers: tuple[tuple[RankFrom, list[int | None]], ...] = (("recorded", recorded), ("file-name", in_name))
    for told, found in answers:
        known = [each for each in found if each is not None]
        # several files that all say rank 0 say nothing: each was recorded without a job around it
        if len(known) == len(pieces) and (len(set(known)) > 1 or len(pieces) == 1):
            return known, told
    return list(range(len(pieces))), "order"


def _clash(one: RankSummary, other: RankSummary) -> bool:
    if one.named and other.named and set(one.steps.names) & set(other.steps.names):
        return True
    first = one.steps.start_ns[0] + one.clock_ns, one.steps.done_ns[-1] + one.clock_ns
    second = other.steps.start_ns[0] + other.clock_ns, other.steps.done_ns[-1] + other.clock_ns
    return bool(first[0] < second[1] and second[0] < first[1])


def _on_shared_clock(piece: RankSummary) -> RankSummary:
    by, steps, told = piece.clock_ns, piece.steps, piece.collectives
    return replace(
        piece,
        first_ns=piece.first_ns + by,
        clock_ns=0,
        steps=replace(steps, start_ns=steps.start_ns + by, done_ns=steps.done_ns + by),
        collectives=replace(told, start_ns=told.start_ns + by, end_ns=told.end_ns + by),
    )


def _together(one: RankSummary, other: RankSummary) -> RankSummary:
    steps = _steps_together(one.steps, other.steps)
    return replace(
        one,
        bytes=one.bytes + other.bytes,
        first_ns=min(one.first_ns, other.first_ns),
        saw_gpu=one.saw_gpu and other.saw_gpu,
        named=one.named and other.named and len(set(steps.names)) == len(steps),
        steps=steps,
        collectives=_collectives_together(one.collectives, other.collectives, len(one.steps)),
        cells=one.cells + other.cells,
        problems=(*one.problems, *other.problems),
    )


def _steps_together(one: StepFigures, other: StepFigures) -> StepFigures:
    ranges = tuple(dict.fromkeys((*one.host_ranges, *other.host_ranges)))
    in_ranges = np.zeros((len(one) + len(other), len(ranges)), np.int64)
    in_ranges[: len(one), [ranges.index(each) for each in one.host_ranges]] = one.host_ranges_ns
    in_ranges[len(one) :, [ranges.index(each) for each in other.host_ranges]] = other.host_ranges_ns

    def both(name: str) -> Ints:
        found: Ints = np.concatenate((getattr(one, name), getattr(other, name)))
        return found

    numbers = (
        "start_ns",
        "done_ns",
        "gpu_ns",
        "exposed_ns",
        "idle_ns",
        "unknown_ns",
        "launches",
        "launch_ns",
        "kernels",
    )
    return StepFigures(
        names=(*one.names, *other.names),
        host_ranges=ranges,
        host_ranges_ns=in_ranges,
        **{name: both(name) for name in numbers},
    )


def _collectives_together(one: Collectives, other: Collectives, steps: int) -> Collectives:
    groups = tuple(dict.fromkeys((*one.groups, *other.groups)))
    whats = tuple(dict.fromkeys((*one.whats, *other.whats)))

    def placed(of: str, known: tuple[object, ...], named: str) -> Ints:
        parts = [
            np.array([known.index(name) for name in getattr(each, named)] or [0], np.int64)[getattr(each, of)]
            for each in (one, other)
        ]
        return np.concatenate(parts)

    return Collectives(
        groups=groups,
        whats=whats,
        group=placed("group", groups, "groups"),
        what=placed("what", whats, "whats"),
        step=np.concatenate((one.step, other.step + steps)),
        number=np.concatenate((one.number, other.number)),
        start_ns=np.concatenate((one.start_ns, other.start_ns)),
        end_ns=np.concatenate((one.end_ns, other.end_ns)),
        exposed_ns=np.concatenate((one.exposed_ns, other.exposed_ns)),
    )
