"""The changes that are worth most, of all that the rules propose; a new rule is a function here and a code in `candidate`."""

from __future__ import annotations

from collections.abc import Callable

from launchlens.traces.advice import allocation, communication, copies, data, launches, syncs
from launchlens.traces.advice.candidate import Candidate, Saving, saving
from launchlens.traces.advice.region import Region
from launchlens.traces.steps.replay import replay_of
from launchlens.traces.steps.stepped import Stepped
from launchlens.traces.thresholds import THRESHOLDS

RULES: tuple[Callable[[Region], list[Candidate]], ...] = (
    syncs.propose,
    launches.batch,
    launches.capture,
    launches.fuse,
    copies.pin,
    copies.overlap,
    communication.overlap,
    communication.bucket,
    communication.balance,
    data.propose,
    allocation.propose,
)
MOST = 3


def advise(stepped: Stepped) -> list[Saving]:
    """Up to three changes, those that save most first; none where there are no steps, or where a replay doesn't tell their time."""
    replay = replay_of(stepped)
    if replay is None or not len(replay.rows):
        return []
    steps = stepped.steps
    assert steps is not None
    own = steps.wall_ns[replay.first + (1 if replay.steps > 1 else 0) : replay.last + 1]
    recorded = float(own.mean())
    if not recorded or abs(replay.play() - recorded) > THRESHOLDS.closure * recorded:
        return []
    region = Region(replay)
    found = [saving(replay, candidate) for rule in RULES for candidate in rule(region)]
    best: dict[str, Saving] = {}
    for each in sorted(found, key=lambda each: -sum(each.share)):
        if each.is_worth_it:
            best.setdefault(each.candidate.code, each)
    return list(best.values())[:MOST]
