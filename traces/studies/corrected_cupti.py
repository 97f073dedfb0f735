"""What a side's unprofiled time is made of where the light recorder does not say: from CUPTI's recording, less what that cost.

CUPTI records every API call, in a process of its own, and makes each of them dearer. What a call costs it is told by the other
variants of the same recording, whose time of one iteration was taken in that process with CUPTI off and on:

    cost      = (recorded − reference) ÷ API calls of one iteration, the median over the *other* variants
    part      = (recorded time in a state − cost of the calls in it or held by it) × unprofiled time ÷ reference

A variant is never told by its own stretch, so what its calls don't explain of it stays `not attributed`, and the closure is a
test. CUPTI sees no framework: Python and dispatch are one part, `outside-calls`.

How much of a call's cost lies between its two moments is not known; no more than what leaves no part below nothing. Half of that is
taken, and the intervals are over all shares from none to it, over costs between the least and the most of the other variants, and
over draws of the timed rounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from launchlens.traces.statistics import Resamples
from launchlens.traces.studies.explained import DRAWS, SEED, Explained, Floats, Part
from launchlens.traces.studies.recording import Recording
from launchlens.traces.studies.side import Side
from launchlens.traces.thresholds import THRESHOLDS

#: The parts, each of these states of the recorded account.
PARTS: Mapping[str, tuple[str, ...]] = {
    "outside-calls": ("python", "dispatch"),
    "launch": ("launch",),
    "sync": ("sync",),
    "api": ("api",),
}


@dataclass(frozen=True)
class _Recorded:
    """One side of CUPTI's recording: ns and calls of one iteration."""

    recording: Recording
    reference_ns: float
    calls: float

    @property
    def cost_ns(self) -> float:
        """What one call of it was stretched by."""
        return (self.recording.profiled_ns - self.reference_ns) / self.calls


class CuptiAccounts:
    """CUPTI's recordings of the host-paced sides of a capture, from which one of them is explained by the costs of the others."""

    def __init__(self, sides: Iterable[Side], recordings: Mapping[tuple[str, str, str], Recording]) -> None:
        self._recorded: dict[tuple[str, str], _Recorded] = {}
        kept = {key[1:]: each for key, each in recordings.items() if each.adds_to_calls_alone}
        for side in sides:
            recording = kept.get((side.variant, side.regime))
            if recording is None or side.bound == "device-bound" or not recording.reference_ns:
                continue
            made = sum(calls.made for calls in recording.calls.values())
            if made:
                per_iteration = made / (recording.account.windows * recording.iterations)
                self._recorded[side.variant, side.regime] = _Recorded(recording, recording.reference_ns, per_iteration)

    def recording_of(self, side: Side) -> Recording | None:
        """What it recorded of a side that can be explained; None where there is nothing."""
        mine = self._recorded.get((side.variant, side.regime))
        return None if mine is None else mine.recording

    def explain(self, side: Side) -> Explained | None:
        """The parts of a side; None where CUPTI did not record it, or too few other variants of its regime."""
        mine = self._recorded.get((side.variant, side.regime))
        others = [
            each.cost_ns
            for (variant, regime), each in self._recorded.items()
            if regime == side.regime and variant != side.variant
        ]
        fixed = side.blocks["fixed_ns"].dropna() if "fixed_ns" in side.blocks else ()
        if mine is None or len(others) < THRESHOLDS.least_variants_for_a_cost or not len(fixed):
            return None
        whole, cost = side.wall.value, max(float(np.median(others)), 0.0)
        parts = _parts(mine, np.array([cost]), np.array([0.5]))[0] * whole / mine.reference_ns
        walls = side.blocks["wall_ns"].to_numpy(float)
        draws = rest = None
        if len(walls) >= THRESHOLDS.least_samples:
            inside, place, resamples = _drawn(len(walls))
            chosen = resamples.medians(walls)
            costs = np.clip(min(others) + place * (max(others) - min(others)), 0, None)
            draws = _parts(mine, costs, inside) * chosen[:, np.newaxis] / mine.reference_ns
            rest = chosen - draws.sum(axis=1)
        made = tuple(
            Part("host", state, float(parts[at]), None if draws is None else draws[:, at])
            for at, state in enumerate(PARTS)
            if parts[at] or (draws is not None and draws[:, at].any())
        )
        return Explained(
            by="cupti",
            marginal_ns=whole,
            fixed_block_ns=float(np.median(fixed)),
            inflation=mine.recording.profiled_ns / mine.reference_ns,
            parts=made,
            not_attributed=Part("host", "not attributed", whole - sum(part.ns for part in made), rest),
        )


@lru_cache(maxsize=8)
def _drawn(rounds: int) -> tuple[Floats, Floats, Resamples]:
    """Draws of where a cost lies inside its call, of where it lies among the others', and of timed rounds.

    The same for every side: a difference is taken draw by draw.
    """
    generator = np.random.default_rng(SEED)
    inside, place = generator.random(DRAWS), generator.random(DRAWS)
    return inside, place, Resamples.of(generator.integers(0, rounds, size=(DRAWS, rounds)))


def _parts(recorded: _Recorded, costs: Floats, place: Floats) -> Floats:
    """Corrected time of one iteration by part, ns, in the recorded process: [costs, PARTS].

    `place` is where a call's cost inside it lies between nothing and the most that it can be, 0 to 1.
    """
    recording = recorded.recording
    iterations = recording.account.windows * recording.iterations
    spent, calls = recording.per_iteration.host(), recording.calls
    in_state = [
        (
            sum(spent.get(state, 0.0) for state in states),
            sum(calls[state].made for state in states if state in calls) / iterations,
            sum(calls[state].held for state in states if state in calls) / iterations,
        )
        for states in PARTS.values()
    ]
    most = np.minimum.reduce([costs, *(np.full_like(costs, ns / made) for ns, made, _ in in_state if made)])
    inside = place * most
    return np.stack([ns - inside * made - (costs - inside) * held for ns, made, held in in_state], axis=1)
