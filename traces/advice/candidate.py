"""A change that might be worth making: what it would change in a replay, at least and at most, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass, field

from launchlens.traces.documents.advice import Code
from launchlens.traces.intervals import Ints
from launchlens.traces.steps.replay import Change, Replay
from launchlens.traces.thresholds import THRESHOLDS


@dataclass(frozen=True)
class Evidence:
    """Events of one name that a candidate rests on: how many a step, their time a step, and when the first of them began, ns.

    `rows` are these events, as positions in the event table.
    """

    name: str
    per_step: float
    ns_per_step: float
    first_ns: int
    rows: Ints = field(repr=False, compare=False)


@dataclass(frozen=True)
class Candidate:
    """A change in some place. Where it takes less out, or leaves more behind, is `least`; where it takes more, `most`."""

    code: Code
    where: str
    least: Change
    most: Change
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Saving:
    """What a candidate would save of a step, unprofiled: ns and shares, as (at least, at most)."""

    candidate: Candidate
    ns: tuple[int, int]
    share: tuple[float, float]

    @property
    def is_worth_it(self) -> bool:
        return self.share[0] >= THRESHOLDS.least_worth and self.share[1] >= THRESHOLDS.most_worth


def saving(replay: Replay, candidate: Candidate) -> Saving:
    """Replay the steps with and without the change, for the least and the most that the recorder may have stretched them."""
    ns, share = [], []
    for stretch in (THRESHOLDS.least_stretch, THRESHOLDS.most_stretch):
        as_is = replay.play(stretch=stretch)
        for change in (candidate.least, candidate.most):
            saved = min(max(as_is - replay.play(change, stretch), 0.0), as_is)
            ns.append(saved)
            share.append(saved / as_is if as_is else 0.0)
    return Saving(candidate, (round(min(ns)), round(max(ns))), (min(share), max(share)))
