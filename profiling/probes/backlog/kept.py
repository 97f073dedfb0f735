"""Samples behind a backlog and eagerly, and those of them that are kept: the rounds in which the blocker always held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from launchlens.traces.statistics import Estimate, Floats, paired_ratio

How = Literal["backlog", "backlog, again", "backlog, twice as many", "eager"]
BACKLOG: Final = "backlog"
AGAIN: Final = "backlog, again"
TWICE: Final = "backlog, twice as many"
EAGER: Final = "eager"


@dataclass(frozen=True)
class Sample:
    """Iterations of one variant in one round. `ns` is device time behind a backlog, wall time eagerly; `submit_ns` host time.

    Both are of all iterations together. `held`: the blocker held until the last of them had been submitted.
    """

    round: int
    variant: str
    how: How
    iterations: int
    ns: float
    submit_ns: float
    held: bool = True


class Kept:
    """The samples of the rounds in which the blocker held in each of them."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.all = samples
        void = {item.round for item in samples if not item.held}
        self.rounds = len({item.round for item in samples})
        self.samples = [item for item in samples if item.round not in void]
        self.left = self.rounds - len(void)

    def times(self, variant: str, how: How) -> Floats:
        """ns per iteration, in the order of the rounds."""
        return np.array([item.ns / item.iterations for item in self._of(variant, how)], np.float64)

    def host(self, variant: str) -> Floats:
        """ns per iteration of submitting it eagerly."""
        return np.array([item.submit_ns / item.iterations for item in self._of(variant, EAGER)], np.float64)

    def iterations(self, variant: str) -> int:
        return next(item.iterations for item in self._of(variant, BACKLOG))

    def variants(self) -> list[str]:
        return list(dict.fromkeys(item.variant for item in self.samples if item.how == BACKLOG))

    def scale(self, variant: str) -> Estimate:
        """The time per iteration of twice as many over that of the usual number."""
        return paired_ratio(self.times(variant, TWICE), self.times(variant, BACKLOG))

    def _of(self, variant: str, how: How) -> list[Sample]:
        found = [item for item in self.samples if (item.variant, item.how) == (variant, how)]
        return sorted(found, key=lambda item: item.round)
