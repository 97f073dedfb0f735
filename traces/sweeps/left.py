"""What constants leave of times: how far it belongs together, and what is known of a point by the others."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import log

import numpy as np

from launchlens.traces.statistics import Floats
from launchlens.traces.sweeps.model import alike, between

#: Lengths, in steps of an axis, and shares of noise that are tried for what constants leave.
_LENGTHS, _NOISES = (1.0, 2.5, 6.0), (0.1, 0.2, 0.4, 0.8, 1.5, 4.0)
#: The length between what the host and what the device rules: as far as their turn-over parts them.
_ACROSS = 1.0
#: Nothing is known better than this, a share.
_LEAST_NOISE = 0.003


@dataclass(frozen=True)
class Within:
    """How far what constants leave belongs together: `lengths` by axis in steps, and deviations of it and of a point by itself."""

    lengths: tuple[float, ...]
    scale: float
    noise: float

    @classmethod
    def of(cls, left: Floats, there: Floats) -> Within:
        """Those under which what is left of some points is likeliest, by where these lie (the last column: what rules)."""
        best: tuple[float, Within] | None = None
        for axes in product(_LENGTHS, repeat=there.shape[1] - 1):
            lengths = (*axes, _ACROSS)
            # along the axes of the likeness all shares of noise are a sum of squares
            sizes, turned = np.linalg.eigh(alike(there, there, lengths))
            along = turned.T @ left
            for share in _NOISES:
                variances = np.maximum(sizes, 0.0) + share**2
                size = max(float((along**2 / variances).mean()), 1e-12)
                likely = -0.5 * (len(left) * log(size) + float(np.log(variances).sum()))
                if best is None or likely > best[0]:
                    scale = size**0.5
                    best = likely, cls(lengths, scale, max(share * scale, _LEAST_NOISE))
        assert best is not None
        return best[1]

    def at(self, known: Floats, left: Floats, there: Floats) -> tuple[Floats, Floats]:
        """What is left at some places, and the standard deviation of a time measured there, logarithms."""
        return between(known, left, there, self.lengths, self.scale, self.noise)

    def by_the_others(self, left: Floats, there: Floats) -> Floats:
        """What all other points say of each."""
        covariance = self.scale**2 * alike(there, there, self.lengths) + self.noise**2 * np.eye(len(there))
        inverse = np.linalg.inv(covariance)
        return np.asarray(left - (inverse @ left) / np.diag(inverse), float)
