"""The constants of one variant, fitted to its times in both regimes together.

They are fitted to the logarithms of times, so that errors count by their share, robustly (an outlier counts by its size, not by its
square) and bounded below by 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from launchlens.traces.statistics import SEED, Floats
from launchlens.traces.sweeps.counts import Function
from launchlens.traces.sweeps.model import SHARP, Lane, Part, amount, larger
from launchlens.traces.thresholds import THRESHOLDS

#: Shares from which a residual counts by its size and not by its square.
_ROBUST = 0.1
_RESAMPLES = 200
#: How surely a burst's cost is that of the same launch among others, a share.
_BURST = 0.25

#: A constant of a variant, and the regime that it is of (empty: both).
Key = tuple[Lane, Part, str]


@dataclass(frozen=True)
class Seen:
    """The fitted points of one side: their `rows` among the fitted points, logarithms of time, and parameters by axis.

    `paces`: how much longer the host took there for what is its own than it usually does, logarithms.
    """

    regime: str
    rows: np.ndarray
    logs: Floats
    parameters: Mapping[str, Floats]
    counts: Mapping[str, Function]
    paces: Floats

    def some(self, keep: np.ndarray) -> Seen:
        """The same of some of its points."""
        parameters = {name: values[keep] for name, values in self.parameters.items()}
        return Seen(self.regime, self.rows[keep], self.logs[keep], parameters, self.counts, self.paces[keep])

    def at_paces(self, paces: Floats) -> Seen:
        """The same at other paces of the host, of all fitted points."""
        return replace(self, paces=paces[self.rows])


@dataclass(frozen=True)
class Burst:
    """What bursts say of a constant, ns."""

    key: Key
    ns: float


class Constants:
    """The constants of one variant, fitted to its regimes together."""

    def __init__(self, seen: Sequence[Seen], near: int, bursts: Sequence[Burst]) -> None:
        self.seen, self.near = seen, near
        self.logs = np.concatenate([each.logs for each in seen])
        columns = [(key, self._column(key)) for key in _keys(seen)]
        self.keys, host, self._device = _independent(columns)
        # what the host needs goes with its pace at each point
        self._host = host * np.exp(np.concatenate([each.paces for each in seen]))[:, None]
        self.bursts = [each for each in bursts if each.key in self.keys]
        self.values = np.zeros(len(self.keys))
        self.left_over = 0.0

    def _column(self, key: Key) -> Floats:
        _, part, regime = key
        return np.concatenate(
            [
                amount(part, each.counts, each.parameters, self.near, len(each.logs))
                if regime in ("", each.regime)
                else np.zeros(len(each.logs))
                for each in self.seen
            ]
        )

    def fit(self, *, rough: bool = False, start: Constants | None = None) -> Constants:
        """Fit them, from those of another fit or from scratch."""
        from scipy.optimize import least_squares

        # of what each of them would take if it took all, the geometric mean is the scale on which it is looked for
        scale = np.array([_scale(column, self.logs) for column in (self._host + self._device).T])
        if start is not None and start.keys == self.keys:
            begin = np.maximum(start.values / scale, 1e-3)
        else:
            begin = np.full(len(self.keys), 0.3)
        found = least_squares(
            lambda scaled: self._residuals(scaled * scale),
            begin,
            jac=lambda scaled: self._slopes(scaled * scale) * scale,
            bounds=(0, np.inf),
            loss="soft_l1",
            f_scale=_ROBUST,
            max_nfev=15 if rough else 60,
            method="trf",
        )
        self.values = np.where(found.x < 1e-6, 0.0, found.x) * scale
        self.left_over = float(found.cost)
        return self

    def _predicted(self, values: Floats) -> tuple[Floats, Floats, Floats]:
        host, device = self._host @ values, self._device @ values
        return host, device, larger(host, device)

    def _residuals(self, values: Floats) -> Floats:
        whole = self._predicted(values)[2]
        return np.concatenate([np.log(whole) - self.logs, self._off_bursts(values)])

    def _off_bursts(self, values: Floats) -> Floats:
        return np.array([(values[self.keys.index(each.key)] / each.ns - 1) / _BURST * _ROBUST for each in self.bursts])

    def _slopes(self, values: Floats) -> Floats:
        host, device, whole = self._predicted(values)
        with np.errstate(divide="ignore", invalid="ignore"):
            by_host = np.nan_to_num((host / whole) ** (SHARP - 1) / whole)
            by_device = np.nan_to_num((device / whole) ** (SHARP - 1) / whole)
        of_points = by_host[:, None] * self._host + by_device[:, None] * self._device
        of_bursts = np.zeros((len(self.bursts), len(self.keys)))
        for row, each in enumerate(self.bursts):
            of_bursts[row, self.keys.index(each.key)] = _ROBUST / _BURST / each.ns
        return np.concatenate([of_points, of_bursts])

    def left(self, seen: Seen) -> Floats:
        """What the constants leave of some points at the host's pace there, logarithms of time over model."""
        host, device = self.lanes(seen)
        return np.asarray(seen.logs - np.log(larger(host * np.exp(seen.paces), device)), float)

    def lanes(self, seen: Seen) -> tuple[Floats, Floats]:
        """What host, at its usual pace, and device need at some points, ns."""
        totals = {"host": np.zeros(len(seen.logs)), "device": np.zeros(len(seen.logs))}
        for (lane, part, regime), ns in zip(self.keys, self.values, strict=True):
            if regime in ("", seen.regime):
                totals[lane] += ns * amount(part, seen.counts, seen.parameters, self.near, len(seen.logs))
        return totals["host"], totals["device"]

    def intervals(self) -> dict[Key, tuple[float, float]]:
        """The 95 % interval of each, by resampling points; the fit is taken as linear about its end."""
        slopes, off = self._slopes(self.values), -self._residuals(self.values)
        weights = 1 / np.sqrt(1 + (off / _ROBUST) ** 2)
        # a point is in both regimes: it is drawn with both
        points = np.concatenate([each.rows for each in self.seen])
        names, at = np.unique(points, return_inverse=True)
        if len(names) < THRESHOLDS.sweep_fewest_points:
            return {}
        scale = np.maximum(np.abs(slopes).max(axis=0), 1e-30)
        scaled = slopes / scale
        generator, found = np.random.default_rng(SEED), []
        count = len(self.logs)
        ridge = 1e-6 * np.eye(len(self.keys))
        for _ in range(_RESAMPLES):
            drawn = np.bincount(generator.integers(0, len(names), len(names)), minlength=len(names))
            weight = weights * np.concatenate([drawn[at], np.ones(len(off) - count)])
            normal = scaled.T @ (weight[:, None] * scaled)
            step = np.linalg.solve(
                normal + ridge * max(float(np.trace(normal)) / len(normal), 1e-12), scaled.T @ (weight * off)
            )
            found.append(np.maximum(self.values + step / scale, 0.0))
        low, high = np.percentile(np.array(found), [2.5, 97.5], axis=0)
        return {
            key: (min(float(a), float(value)), max(float(b), float(value)))
            for key, a, b, value in zip(self.keys, low, high, self.values, strict=True)
        }


def _scale(column: Floats, logs: Floats) -> float:
    there = column > 0
    return float(np.exp(np.mean(logs[there] - np.log(column[there])))) if there.any() else 1.0


def _keys(seen: Sequence[Seen]) -> Iterator[Key]:
    """The constants that may be told of a variant, the plainest first: of two that can't be told apart the first stays."""
    regimes = {each.regime: each for each in seen}
    for regime, each in regimes.items():
        if regime == "graph":
            yield "host", "replay", regime
            yield "device", "start", regime
            if "nodes" in each.counts:
                yield "host", "node", regime
                yield "device", "node", regime
        else:
            yield "host", "call", regime
            if "launches" in each.counts:
                yield "host", "launch", regime
                if "nodes" in each.counts:  # a recorder may see calls and no GPU
                    yield "device", "node", regime
            if "arguments" in each.counts:
                yield "host", "argument", regime
    if all("items" in each.counts for each in seen):
        yield "device", "item", ""
    if all("bytes" in each.counts for each in seen):
        yield "device", "byte-near", ""
        yield "device", "byte-far", ""
        if all("items" in each.counts for each in seen):
            yield "device", "byte-item", ""


def _independent(columns: Sequence[tuple[Key, Floats]]) -> tuple[list[Key], Floats, Floats]:
    """The constants without those that are, of the same lane, sums of others before them, and their columns by lane."""
    keys: list[Key] = []
    kept: dict[Lane, list[Floats]] = {"host": [], "device": []}
    host, device = [], []
    for key, column in columns:
        size = float(np.linalg.norm(column))
        if not size:
            continue
        unit = column / size
        basis = np.array(kept[key[0]]).T
        if kept[key[0]]:
            rest = unit - basis @ np.linalg.lstsq(basis, unit, rcond=None)[0]
            if float(np.linalg.norm(rest)) < 1e-6:
                continue
        kept[key[0]].append(unit)
        keys.append(key)
        host.append(column if key[0] == "host" else np.zeros(len(column)))
        device.append(column if key[0] == "device" else np.zeros(len(column)))
    return keys, np.array(host).T, np.array(device).T
