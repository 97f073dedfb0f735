"""Ladders: what is timed on the way from an empty loop to a whole call, and which step each difference stands for.

    whole     |----------------------------------------|
    rung 3    |-----------------------------|               step 3 = rung 3 − rung 2
    rung 2    |----------------|                            step 2 = rung 2 − rung 1
    rung 1    |-----|                                       step 1 = rung 1
    API call                          |-----------|         a step by itself, measured apart from the rungs

A step is a sum and difference of times of one round. What the steps leave of the whole is the residual: it is not a step, and
shows how far parts that were measured apart explain the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from launchlens.traces.captures.probe_codes.launch_ladder import RESIDUAL
from launchlens.traces.statistics import Estimate, Floats, median, percentiles, resamples_of

Times = Mapping[str, Floats]


@dataclass(frozen=True)
class Step:
    """One step of a ladder, named by its code: `terms` says how often the time of each rung counts, +1 or −1 as a rule."""

    name: str
    contains: str
    terms: Mapping[str, int]

    def of(self, times: Times) -> Floats:
        """Its time in ns in every round."""
        parts = [factor * times[rung] for rung, factor in self.terms.items()]
        total: Floats = np.sum(parts, axis=0)
        return total


@dataclass(frozen=True)
class Ladder:
    """A call, taken apart. `rungs` says what each rung contains, by the name it was timed under.

    `again` is the whole timed once more in every round, `half` the whole in bursts of half as many calls. Of `nested`, each
    rung is contained in the next. `beside` are wholes under other conditions, by the code of each; they belong to no sum.
    """

    name: str
    whole: str
    again: str
    half: str
    nested: tuple[str, ...]
    steps: tuple[Step, ...]
    rungs: Mapping[str, str]
    beside: tuple[Step, ...] = ()

    def residual(self, times: Times) -> Floats:
        """What the steps leave of the whole, in ns in every round."""
        left: Floats = times[self.whole] - np.sum([step.of(times) for step in self.steps], axis=0)
        return left


@dataclass(frozen=True)
class Account:
    """A ladder's whole and its steps in ns, the residual last: medians over rounds. They sum to the whole."""

    whole: Estimate
    steps: Mapping[str, Estimate]
    largest: tuple[str, ...]


def account(ladder: Ladder, times: Times) -> Account:
    """The whole, the steps, and the residual that makes them sum.

    The median of a sum is not the sum of medians, so the residual is the difference of the medians (its interval comes of
    resampling the rounds of all of them together).
    """
    whole, steps = median(times[ladder.whole]), {step.name: step.of(times) for step in ladder.steps}
    found = {name: median(samples) for name, samples in steps.items()}
    found[RESIDUAL] = _left(times[ladder.whole], list(steps.values()), whole, list(found.values()))
    samples = {**steps, RESIDUAL: ladder.residual(times)}
    return Account(whole, found, largest(found, samples))


def largest(found: Mapping[str, Estimate], samples: Times) -> tuple[str, ...]:
    """The largest step, and with it those that are not shown to be smaller, round by round."""
    names = sorted(found, key=lambda name: -found[name].value)
    first = names[0]
    return first, *(name for name in names[1:] if not _shown_positive(median(samples[first] - samples[name])))


def _shown_positive(difference: Estimate) -> bool:
    return difference.low is not None and difference.low > 0


def _left(whole: Floats, steps: list[Floats], of_whole: Estimate, of_steps: list[Estimate]) -> Estimate:
    value = of_whole.value - sum(step.value for step in of_steps)
    if of_whole.low is None:
        return Estimate(value, None, None, of_whole.samples)
    rounds = len(whole)
    resamples = resamples_of(rounds)
    left = resamples.medians(whole)
    for step in steps:
        left = left - resamples.medians(step)
    return Estimate(value, *percentiles(left), rounds)
