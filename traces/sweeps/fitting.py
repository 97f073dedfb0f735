"""Fits the cost model of a sweep to the points that are not held out, and to bursts of launches where these were timed.

Constants are fitted to the logarithms of times, so that errors count by their share, robustly (an outlier counts by its size, not by its
square) and bounded below by 0. How far what they leave belongs together is chosen by its likelihood. Then the points are left out
in five parts in turn, constants and all, and the interval of predictions is stretched until it covers as many of them as it must.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import ceil, log
from pathlib import Path

import msgspec
import numpy as np

from launchlens.traces import files
from launchlens.traces.captures.capture import TIMINGS
from launchlens.traces.captures.marks import SWEEP
from launchlens.traces.captures.probe_codes import launch_costs as codes
from launchlens.traces.captures.small_files import read_small
from launchlens.traces.statistics import SEED, Floats
from launchlens.traces.sweeps.counts import Function, function_of
from launchlens.traces.sweeps.model import (
    MODEL,
    SHARP,
    AxisScale,
    Constant,
    Lane,
    Part,
    Reach,
    Shared,
    SideModel,
    SweepModel,
    WhyNot,
    alike,
    amount,
    between,
    larger,
    placed,
)
from launchlens.traces.sweeps.samples import Samples
from launchlens.traces.sweeps.sweep import Sweep, SweptVariant
from launchlens.traces.thresholds import THRESHOLDS

#: Bytes of an iteration that the caches of a GPU are taken to hold, whichever fits best.
_NEAR = (4 << 20, 12 << 20, 24 << 20, 48 << 20)
#: Shares from which a residual counts by its size and not by its square.
_ROBUST = 0.1
_FOLDS, _RESAMPLES = 5, 200
#: No file of a sweep is larger, bytes.
_MOST_BYTES = 512 << 20
#: How surely a burst's cost is that of the same launch among others, a share.
_BURST = 0.25
#: Lengths, in steps of an axis, and shares of noise that are tried for what constants leave.
_LENGTHS, _NOISES = (1.0, 2.5, 6.0), (0.1, 0.4, 1.5, 4.0)
#: Sides of a regime, of which the median is what they have in common.
_IN_COMMON = 3
#: Nothing is known better than this, a share.
_LEAST_NOISE = 0.003

#: A constant of a variant, and the regime that it is of (empty: both).
Key = tuple[Lane, Part, str]


def fit(sweep: Sweep, samples: Samples) -> SweepModel:
    """The model of a sweep, fitted to the points that are not held out."""
    return Fit(sweep, samples).model


def digest_of(folder: Path) -> str:
    """What tells the files of a sweep's folder from others. Raises InputError for what can't be read."""
    made = hashlib.sha256()
    for name in (SWEEP, TIMINGS):
        try:
            made.update(read_small(folder, name, _MOST_BYTES))
        except FileNotFoundError:
            made.update(b"none")
    return made.hexdigest()[:32]


def write_model(sweep: Sweep, model: SweepModel) -> None:
    """Store a model beside the sweep that it is of. Raises OSError where the folder can't be written to."""
    files.write_bytes(sweep.path / MODEL, msgspec.json.encode(model) + b"\n")


@dataclass(frozen=True)
class Seen:
    """The fitted points of one side: their `rows` among the fitted points, logarithms of time, and parameters by axis."""

    regime: str
    rows: np.ndarray
    logs: Floats
    parameters: Mapping[str, Floats]
    counts: Mapping[str, Function]

    def some(self, keep: np.ndarray) -> Seen:
        """The same of some of its points."""
        parameters = {name: values[keep] for name, values in self.parameters.items()}
        return Seen(self.regime, self.rows[keep], self.logs[keep], parameters, self.counts)


@dataclass(frozen=True)
class Burst:
    """What bursts say of a constant, ns."""

    key: Key
    ns: float


class Fit:
    """The fit of one sweep."""

    def __init__(self, sweep: Sweep, samples: Samples) -> None:
        record = sweep.record
        self._sweep, self._samples = sweep, samples
        self.numeric = all(axis.scale != "named" for axis in record.axes)
        kept = [row for row, index in enumerate(samples.points) if not record.points[index].held_out]
        self._rows = np.array(kept, int)
        self._indices = [int(samples.points[row]) for row in kept]
        self._logs = samples.times.value.reshape(len(samples.points), len(samples.sides))[self._rows]
        self._settings = [record.points[index].settings for index in self._indices]

    @cached_property
    def axes(self) -> tuple[AxisScale, ...]:
        found = []
        for axis in self._sweep.record.axes:
            values = sorted({float(value) for value in axis.values}) if self.numeric else [1.0]
            by_factor = axis.scale == "log2" and values[0] > 0
            places = np.log(values) if by_factor else np.array(values)
            step = float(np.median(np.diff(places))) if len(places) > 1 else 1.0
            found.append(AxisScale(name=axis.name, by_factor=by_factor, step=step or 1.0))
        return tuple(found)

    @cached_property
    def model(self) -> SweepModel:
        names = [axis.name for axis in self._sweep.record.axes]
        points = [tuple(float(each[name]) for name in names) for each in self._settings] if self.numeric else []
        made = SweepModel(
            of=digest_of(self._sweep.path),
            workload=str(self._sweep.record.workload.get("name")),
            axes=self.axes,
            points=tuple(points),
            indices=tuple(self._indices) if self.numeric else (),
            near_bytes=float(_NEAR[0]),
            sides=(),
        )
        places = placed(made, points)
        variants = list(dict.fromkeys(variant for variant, _ in self._samples.sides))
        seen = {variant: self._of_variant(variant) for variant in variants}
        near = self._near_bytes(seen)
        whole = {
            variant: Constants(usable, near, self._bursts(variant)).fit()
            for variant in variants
            if (usable := [each for each in seen[variant].values() if isinstance(each, Seen)])
        }
        shared = _shared(seen, whole, places)
        sides: dict[tuple[str, str], _Judged] = {}
        for variant in variants:
            sides |= self._sides(variant, seen[variant], near, places, whole.get(variant), shared)
        sides = _stretched(sides)
        return msgspec.structs.replace(
            made,
            near_bytes=float(near),
            sides=tuple(sides[key].side for key in self._samples.sides),
            shared={
                regime: Shared(
                    points=tuple(self._indices[row] for row in each.rows),
                    left=tuple(float(value) for value in each.left),
                    lengths=each.within.lengths,
                    scale=each.within.scale,
                    noise=each.within.noise,
                )
                for regime, each in shared.items()
            },
        )

    # -- what there is to fit to

    def _of_variant(self, variant: str) -> dict[str, Seen | WhyNot]:
        """By regime, the fitted points of a variant, or why it can't be predicted."""
        found: dict[str, Seen | WhyNot] = {}
        for place, (name, regime) in enumerate(self._samples.sides):
            if name == variant:
                found[regime] = self._seen(variant, regime, place)
        return found

    def _seen(self, variant: str, regime: str, place: int) -> Seen | WhyNot:
        if not self.numeric:
            return "named-axis"
        rows = np.flatnonzero(np.isfinite(self._logs[:, place]))
        if len(rows) < THRESHOLDS.sweep_fewest_points:
            return "no-model"
        parameters = {
            axis.name: np.array([float(self._settings[row][axis.name]) for row in rows]) for axis in self.axes
        }
        swept = [self._swept(self._indices[row], variant, regime) for row in rows]
        counts = {}
        for name in ("launches", "arguments", "nodes", "items", "bytes"):
            values = [None if each is None else _count(each, name) for each in swept]
            if any(value is None for value in values):
                continue
            function = function_of(np.array(values, float), parameters)
            if function is None:
                return "counts-not-fitted"
            counts[name] = function
        if "launches" not in counts and "nodes" not in counts and self._sweep.record.device == "cuda":
            return "counts-unknown"
        return Seen(regime, rows, self._logs[rows, place], parameters, counts)

    def _swept(self, index: int, variant: str, regime: str) -> SweptVariant | None:
        of_point = self._sweep.record.points[index].variants
        return next((each for each in of_point if (each.variant, each.regime) == (variant, regime)), None)

    def _bursts(self, variant: str) -> list[Burst]:
        """What bursts say of a variant's constants, where it launches by one path."""
        costs, path = self._sweep.record.costs, self._path(variant)
        if costs is None or costs.checked != "passed" or not path or "+" in path:
            return []
        parts: tuple[tuple[str, Part], ...] = ((codes.LAUNCH, "launch"), (codes.ARGUMENT, "argument"))
        found = []
        for code, part in parts:
            ns = costs.value(codes.HOST_COST, of=path, part=code)
            if ns is not None and ns > 0:
                found.append(Burst(("host", part, "eager"), ns))
        return found

    def _path(self, variant: str) -> str:
        for index in self._indices:
            for each in self._sweep.record.points[index].variants:
                if each.variant == variant and each.structure is not None:
                    return "+".join(dict.fromkeys(one.path for one in each.structure))
        return ""

    # -- the fit

    def _near_bytes(self, seen: Mapping[str, Mapping[str, Seen | WhyNot]]) -> int:
        """Which size of the caches leaves least, over the variants that move bytes."""
        tried = {}
        for near in _NEAR:
            left = 0.0
            for of_variant in seen.values():
                usable = [each for each in of_variant.values() if isinstance(each, Seen) and "bytes" in each.counts]
                if usable:
                    left += Constants(usable, near, ()).fit(rough=True).left_over
            tried[near] = left
        return min(tried, key=lambda near: tried[near])

    def _sides(
        self,
        variant: str,
        of_variant: Mapping[str, Seen | WhyNot],
        near: int,
        places: Floats,
        whole: Constants | None,
        shared: Mapping[str, InCommon],
    ) -> dict[tuple[str, str], _Judged]:
        usable = [each for each in of_variant.values() if isinstance(each, Seen)]
        bursts, path = self._bursts(variant), self._path(variant)
        found = {
            (variant, regime): _Judged(SideModel(variant=variant, regime=regime, why_not=why, path=path), np.zeros(0))
            for regime, why in of_variant.items()
            if not isinstance(why, Seen)
        }
        if whole is None:
            return found
        intervals = whole.intervals()
        folds = _folds(len(places))
        own = {each.regime: whole.left(each) - _common(shared, each) for each in usable}
        within = {each.regime: Within.of(own[each.regime], places[each.rows]) for each in usable}
        off: dict[str, list[Floats]] = {each.regime: [] for each in usable}
        for fold in range(_FOLDS):
            fitted = [each.some(folds[each.rows] != fold) for each in usable]
            if any(len(each.rows) < THRESHOLDS.sweep_fewest_points // 2 for each in fitted):
                continue
            without = Constants(fitted, near, bursts).fit(start=whole)
            for each, kept in zip(usable, fitted, strict=True):
                left_out = each.some(folds[each.rows] == fold)
                off[each.regime].append(
                    within[each.regime].off(kept, left_out, without, places, shared.get(each.regime))
                )
        for each in usable:
            mine = within[each.regime]
            constants = tuple(
                Constant(lane=key[0], part=key[1], regime=key[2], ns=float(ns), interval_ns=intervals.get(key))
                for key, ns in zip(whole.keys, whole.values, strict=True)
                if key[2] in ("", each.regime)
            )
            side = SideModel(
                variant=variant,
                regime=each.regime,
                path=path,
                counts=dict(each.counts),
                constants=constants,
                reach={
                    name: Reach(low=float(values.min()), high=float(values.max()))
                    for name, values in each.parameters.items()
                },
                points=tuple(self._indices[row] for row in each.rows),
                left=tuple(float(value) for value in own[each.regime]),
                lengths=mine.lengths,
                scale=mine.scale,
                noise=mine.noise,
                stretch=1.0,
            )
            found[variant, each.regime] = _Judged(side, np.concatenate(off[each.regime] or [np.zeros(0)]))
        return found


@dataclass(frozen=True)
class _Judged:
    """A side's model, and how many of its own standard deviations the points left out in turn were off."""

    side: SideModel
    off: Floats


def _stretched(sides: Mapping[tuple[str, str], _Judged]) -> dict[tuple[str, str], _Judged]:
    """The models with intervals that cover as much of what was left out as they must, each its own and all of a regime together."""
    regimes = {regime for _, regime in sides}
    together = {}
    for regime in regimes:
        off = np.concatenate([each.off for (_, mine), each in sides.items() if mine == regime] or [np.zeros(0)])
        together[regime] = _quantile(off)
    found = {}
    for key, each in sides.items():
        if each.side.why_not is not None:
            found[key] = each
            continue
        if not len(each.off):
            side = SideModel(variant=key[0], regime=key[1], why_not="no-model", path=each.side.path)
            found[key] = _Judged(side, each.off)
            continue
        stretch = max(together[key[1]], _quantile(each.off), 1.0)
        found[key] = _Judged(msgspec.structs.replace(each.side, stretch=stretch), each.off)
    return found


def _quantile(off: Floats) -> float:
    """What as many as must be covered stay within, one more point allowed for (conformal prediction)."""
    if not len(off):
        return 1.0
    ordered = np.sort(np.abs(off))
    rank = min(len(ordered), ceil((len(ordered) + 1) * THRESHOLDS.sweep_covers))
    return float(ordered[rank - 1])


def _folds(points: int) -> np.ndarray:
    """Which part each point is left out with."""
    return np.random.default_rng(SEED).permutation(points) % _FOLDS


def _count(each: SweptVariant, name: str) -> int | None:
    if name == "items":
        return None if each.structure is None else sum(one.per_iteration * one.items for one in each.structure)
    value: int | None = getattr(each, name)
    return value


class Constants:
    """The constants of one variant, fitted to its regimes together."""

    def __init__(self, seen: Sequence[Seen], near: int, bursts: Sequence[Burst]) -> None:
        self.seen, self.near = seen, near
        self.logs = np.concatenate([each.logs for each in seen])
        columns = [(key, self._column(key)) for key in _keys(seen)]
        self.keys, self._host, self._device = _independent(columns)
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
        """What the constants leave of some points, logarithms of time over model."""
        return np.asarray(seen.logs - np.log(self._of(seen)), float)

    def _of(self, seen: Seen) -> Floats:
        totals = {"host": np.zeros(len(seen.logs)), "device": np.zeros(len(seen.logs))}
        for (lane, part, regime), ns in zip(self.keys, self.values, strict=True):
            if regime in ("", seen.regime):
                totals[lane] += ns * amount(part, seen.counts, seen.parameters, self.near, len(seen.logs))
        return larger(totals["host"], totals["device"])

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
                yield "device", "node", regime
            if "arguments" in each.counts:
                yield "host", "argument", regime
    if all("items" in each.counts for each in seen):
        yield "device", "item", ""
    if all("bytes" in each.counts for each in seen):
        yield "device", "byte-near", ""
        yield "device", "byte-far", ""


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


@dataclass(frozen=True)
class Within:
    """How far what constants leave belongs together: `lengths` by axis in steps, and deviations of it and of a point by itself."""

    lengths: tuple[float, ...]
    scale: float
    noise: float

    @classmethod
    def of(cls, left: Floats, there: Floats) -> Within:
        """Those under which what is left of some points is likeliest, by where these lie."""
        best: tuple[float, Within] | None = None
        for lengths in product(_LENGTHS, repeat=there.shape[1]):
            # along the axes of the likeness all shares of noise are a sum of squares
            sizes, turned = np.linalg.eigh(alike(there, there, lengths))
            along = turned.T @ left
            for share in _NOISES:
                variances = np.maximum(sizes, 0.0) + share**2
                size = max(float((along**2 / variances).mean()), 1e-12)
                likely = -0.5 * (len(left) * log(size) + float(np.log(variances).sum()))
                if best is None or likely > best[0]:
                    scale = size**0.5
                    best = likely, cls(tuple(lengths), scale, max(share * scale, _LEAST_NOISE))
        assert best is not None
        return best[1]

    def off(self, kept: Seen, left_out: Seen, constants: Constants, places: Floats, shared: InCommon | None) -> Floats:
        """How many standard deviations the points left out are off what the others predict."""
        mine, there = constants.left(kept), places[left_out.rows]
        more, more_spread = np.zeros(len(there)), np.zeros(len(there))
        if shared is not None:
            known = np.isin(shared.rows, kept.rows)
            more, more_spread = between(
                places[shared.rows[known]],
                shared.left[known],
                there,
                shared.within.lengths,
                shared.within.scale,
                shared.within.noise,
            )
            mine = mine - shared.at(kept.rows)
        left, spread = between(places[kept.rows], mine, there, self.lengths, self.scale, self.noise)
        return np.asarray((constants.left(left_out) - left - more) / np.hypot(spread, more_spread), float)


@dataclass(frozen=True)
class InCommon:
    """What the sides of a regime have left in common, by row of the fitted points."""

    rows: np.ndarray
    left: Floats
    within: Within

    def at(self, rows: np.ndarray) -> Floats:
        """It at some rows; 0 where it isn't known."""
        places = {int(row): value for row, value in zip(self.rows, self.left, strict=True)}
        return np.array([places.get(int(row), 0.0) for row in rows])


def _common(shared: Mapping[str, InCommon], seen: Seen) -> Floats:
    return shared[seen.regime].at(seen.rows) if seen.regime in shared else np.zeros(len(seen.rows))


def _shared(
    seen: Mapping[str, Mapping[str, Seen | WhyNot]], constants: Mapping[str, Constants], places: Floats
) -> dict[str, InCommon]:
    """By regime, the median of what is left of its sides at each point; none where there are fewer than _IN_COMMON of them."""
    left: dict[str, list[Floats]] = {}
    for variant, of_variant in seen.items():
        for regime, each in of_variant.items():
            if isinstance(each, Seen):
                row = np.full(len(places), np.nan)
                row[each.rows] = constants[variant].left(each)
                left.setdefault(regime, []).append(row)
    found = {}
    for regime, rows in left.items():
        of_sides = np.array(rows)
        known = np.flatnonzero(np.isfinite(of_sides).sum(axis=0) >= _IN_COMMON)
        if len(known) >= THRESHOLDS.sweep_fewest_points:
            middle = np.nanmedian(of_sides[:, known], axis=0)
            found[regime] = InCommon(known, middle, Within.of(middle, places[known]))
    return found
