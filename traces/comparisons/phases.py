"""Phases of a program: which windows do alike, so that training steps are compared with training steps.

Two windows are of one phase where they are of one (folded) name and call, open and launch much the same. Phases of two sides are
paired by what they have in common, the most alike first; of what stands on one side alone nothing is compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from launchlens.traces.comparisons.measured import NO_OP, NO_RANGE, Measured
from launchlens.traces.thresholds import THRESHOLDS

Counts = dict[str, float]


@dataclass(frozen=True)
class Phase:
    """One phase of one side: of each of its traces which windows are of it, and what one of them holds (its median)."""

    kind: str
    windows: tuple[npt.NDArray[np.bool_], ...]
    holds: Counts

    @property
    def count(self) -> int:
        return int(sum(each.sum() for each in self.windows))

    def traces(self, measured: Sequence[Measured]) -> list[Measured]:
        """The traces that have windows of it, with these alone."""
        return [one.only(mine) for one, mine in zip(measured, self.windows, strict=True) if mine.any()]


@dataclass(frozen=True)
class Paired:
    """A phase of either side, None where the other has nothing like it; `alike` is how much they have in common, 1 for all."""

    a: Phase | None
    b: Phase | None
    alike: float


def phases(measured: Sequence[Measured]) -> list[Phase]:
    """The phases of a side, that of the most windows first."""
    labels = sorted({name for one in measured for name in one.contents.names})
    position = {name: at for at, name in enumerate(labels)}
    rows, kinds, owners = [], [], []
    for trace, one in enumerate(measured):
        counts = np.zeros((len(one), len(labels)), np.int64)
        counts[:, [position[name] for name in one.contents.names]] = one.contents.calls
        rows.append(counts)
        kinds += [one.windows.kinds[each] for each in one.positions.tolist()]
        owners += [trace] * len(one)
    counts = np.concatenate(rows)
    # as numbers: numpy takes null characters off the end of a text that it compares
    numbered = {name: number for number, name in enumerate(dict.fromkeys(kinds))}
    kind = np.array([numbered[name] for name in kinds])
    unique, which = np.unique(counts, axis=0, return_inverse=True)
    inverse = which.ravel()
    of_trace = np.array(owners)
    found: list[Phase] = []
    left = np.ones(len(counts), bool)
    while left.any():
        # the most common contents of what is left lead a phase, and take in what is alike
        seen = np.bincount(inverse[left], minlength=len(unique))
        lead = int(np.lexsort((-unique.sum(axis=1), -seen))[0])
        close = np.array([similar(unique[lead], each) >= THRESHOLDS.phase_alike for each in unique])
        first = int(np.flatnonzero(left & (inverse == lead))[0])
        named = kind[first]
        mine = left & close[inverse] & (kind == named)
        left &= ~mine
        holds = {
            label: float(value)
            for label, value in zip(labels, np.median(counts[mine], axis=0).tolist(), strict=True)
            if value
        }
        found.append(Phase(str(kinds[first]), tuple(mine[of_trace == at] for at in range(len(measured))), holds))
    return sorted(found, key=lambda phase: -phase.count)


def paired(a: Sequence[Phase], b: Sequence[Phase]) -> list[Paired]:
    """The phases of two sides in pairs, the most alike first, then what stands alone.

    The only phase of either side is paired with that of the other, however different: that is what was asked for.
    """
    if len(a) == len(b) == 1:
        return [Paired(a[0], b[0], likeness(a[0], b[0]))]
    scores = sorted(
        ((likeness(one, other), -i - j, i, j) for i, one in enumerate(a) for j, other in enumerate(b)), reverse=True
    )
    pairs: list[Paired] = []
    left_a, left_b = set(range(len(a))), set(range(len(b)))
    for score, _, i, j in scores:
        if i in left_a and j in left_b and score >= THRESHOLDS.phases_paired:
            pairs.append(Paired(a[i], b[j], score))
            left_a.remove(i)
            left_b.remove(j)
    if not pairs:
        pairs.append(Paired(a[0], b[0], likeness(a[0], b[0])))
        left_a.discard(0)
        left_b.discard(0)
    return [
        *pairs,
        *(Paired(a[i], None, 0.0) for i in sorted(left_a)),
        *(Paired(None, b[j], 0.0) for j in sorted(left_b)),
    ]


def likeness(a: Phase, b: Phase) -> float:
    """How much two phases have in common: of their ops, their ranges or their GPU work, whichever are most alike.

    A change renames kernels and leaves the ops, or takes the ops away and leaves the ranges.
    """
    found = []
    for kind in ("op:", "range:", "work:"):
        ours, theirs = ({name: n for name, n in each.holds.items() if name.startswith(kind)} for each in (a, b))
        for nothing in (NO_OP, NO_RANGE):
            ours.pop(kind + nothing, None)
            theirs.pop(kind + nothing, None)
        names = sorted({*ours, *theirs})
        if ours and theirs:
            found.append(similar(*(np.array([each.get(name, 0.0) for name in names]) for each in (ours, theirs))))
    return max(found, default=0.0)


def similar(a: npt.NDArray[np.integer | np.floating], b: npt.NDArray[np.integer | np.floating]) -> float:
    """What two counts by name share of what either has, 1 for equal ones (Jaccard's index, weighed): of no counts at all, 1."""
    most = float(np.maximum(a, b).sum())
    return float(np.minimum(a, b).sum()) / most if most else 1.0
