"""Fits the cost model of a sweep to the points that are not held out, and to bursts of launches where these were timed.

    1. constants of each variant at the host's pace at each point (`constants`)
    2. what they leave, and how far that belongs together (`left`)
    3. the host's pace: by the reference, or what all have left in common (`paces`); and how far each side follows it; then 1 again

Then the points are left out in five parts in turn, constants and all. By what they are off the interval of predictions is stretched until it
covers as many of them as it must, it is told beside which points nothing can be predicted, and how far apart two sides must be for
a choice between them. Points that are held out have no part in any of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil, log1p

import msgspec
import numpy as np

from launchlens.traces.captures.probe_codes import launch_costs as codes
from launchlens.traces.statistics import SEED, Floats
from launchlens.traces.sweeps.constants import Burst, Constants, Key, Seen
from launchlens.traces.sweeps.counts import function_of
from launchlens.traces.sweeps.left import Within
from launchlens.traces.sweeps.model import (
    AxisScale,
    Constant,
    Pace,
    Part,
    Reach,
    SideModel,
    SweepModel,
    WhyNot,
    by_ruler,
    larger,
    placed,
)
from launchlens.traces.sweeps.paces import hosts_share, in_common, references
from launchlens.traces.sweeps.samples import Samples, SideKey
from launchlens.traces.sweeps.stored import digest_of
from launchlens.traces.sweeps.sweep import Sweep, SweptVariant
from launchlens.traces.thresholds import THRESHOLDS

#: Bytes of an iteration that the caches of a GPU are taken to hold, whichever fits best.
_NEAR = (4 << 20, 12 << 20, 24 << 20, 48 << 20)
_FOLDS = 5
#: Passes over constants, what is left and the pace: of a pace that was recorded, and of one that is found in what is left.
_PASSES, _PASSES_UNRECORDED = 2, 3
#: As many points as this, with a pace so far from the usual one, are worth what is believed of how far a side follows it: 1, within these ends.
_BELIEVED, _FOLLOWS = 4 * 0.1**2, (0.3, 2.0)
#: Shares from which a residual counts less in that.
_ROBUST = 0.1
#: The host is slower than `high`, or faster than `low`, at one point in twenty each.
_ENDS = (0.05, 0.95)


def fit(sweep: Sweep, samples: Samples) -> SweepModel:
    """The model of a sweep, fitted to the points that are not held out."""
    return Fit(sweep, samples).model


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
        self._coarse = np.array([record.points[index].stage == "coarse" for index in self._indices], bool)
        found = references([record.points[index] for index in self._indices])
        self._usual = float(np.median(found)) if len(found) and np.isfinite(found).all() else None
        self._paces = np.zeros(len(found)) if self._usual is None else found - self._usual
        self._known_intervals: dict[int, Mapping[Key, tuple[float, float]]] = {}

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
        fitted, paces = self._fitted(seen, near, places)
        left_out = self._left_out(fitted, near, places)
        off = self._off(left_out, fitted, paces)
        stretches = self._stretches(left_out, off)
        parts = {each.variant for point in self._sweep.record.points for each in point.variants if each.part_of}
        sides = []
        for key in self._samples.sides:
            why_not = seen[key[0]][key[1]]
            plain = SideModel(variant=key[0], regime=key[1], path=self._path(key[0]), part=key[0] in parts)
            if isinstance(why_not, Seen):
                known = np.isfinite(off[key]).any()
                side = self._side(plain, fitted[key], off[key], stretches[key]) if known else None
                sides.append(side or msgspec.structs.replace(plain, why_not="no-model"))
            else:
                sides.append(msgspec.structs.replace(plain, why_not=why_not))
        low, high = np.quantile(paces, _ENDS) if len(paces) else (0.0, 0.0)
        return msgspec.structs.replace(
            made,
            near_bytes=float(near),
            sides=tuple(sides),
            pace=Pace(
                usual_ns=None if self._usual is None else float(np.exp(self._usual)), low=float(low), high=float(high)
            ),
            tells=self._tells(left_out, parts),
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
        return Seen(regime, rows, self._logs[rows, place], parameters, counts, self._paces[rows])

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

    def _fitted(
        self, seen: Mapping[str, Mapping[str, Seen | WhyNot]], near: int, places: Floats
    ) -> tuple[dict[SideKey, Side], Floats]:
        """Every side that can be fitted, and the host's pace at each point."""
        usable = {
            variant: found
            for variant, of_variant in seen.items()
            if (found := [each for each in of_variant.values() if isinstance(each, Seen)])
        }
        keys = [(variant, each.regime) for variant, found in usable.items() for each in found]
        follows, sides = dict.fromkeys(keys, 1.0), dict[SideKey, Side]()
        paces, whole = self._paces, dict[str, Constants]()
        passes = _PASSES_UNRECORDED if self._usual is None else _PASSES
        for number in range(passes):
            last = number == passes - 1
            for variant, found in usable.items():
                there = [each.at_paces(follows[variant, each.regime] * paces) for each in found]
                begin = whole.get(variant)
                whole[variant] = Constants(there, near, self._bursts(variant)).fit(start=begin, rough=not last)
                for each in there:
                    key = variant, each.regime
                    within = None if number == 0 or last else sides[key].within
                    sides[key] = Side.of(each, whole[variant], places, follows[key], within)
            if last:
                break
            told = {key: side.off(len(paces)) for key, side in sides.items()}
            if self._usual is None:
                off = {key: mine / follows[key] for key, (mine, _) in told.items()}
                paces = in_common(off, {key: shares for key, (_, shares) in told.items()})
            follows = {key: follows_of(mine, shares * paces) for key, (mine, shares) in told.items()}
        return sides, paces

    # -- what points say that are left out in turn

    def _left_out(self, fitted: Mapping[SideKey, Side], near: int, places: Floats) -> dict[SideKey, LeftOut]:
        folds, count = _folds(len(places)), len(places)
        found = {key: LeftOut(*(np.full(count, np.nan) for _ in range(5))) for key in fitted}
        for variant in dict.fromkeys(variant for variant, _ in fitted):
            mine = [fitted[key] for key in fitted if key[0] == variant]
            for fold in range(_FOLDS):
                kept = [side.seen.some(folds[side.seen.rows] != fold) for side in mine]
                if any(len(each.rows) < THRESHOLDS.sweep_fewest_points // 2 for each in kept):
                    continue
                without = Constants(kept, near, self._bursts(variant)).fit(start=mine[0].constants, rough=True)
                for side, each in zip(mine, kept, strict=True):
                    self._leave_out(found[variant, each.regime], side, each, without, folds == fold, places)
        return found

    def _leave_out(
        self, found: LeftOut, side: Side, kept: Seen, without: Constants, out: np.ndarray, places: Floats
    ) -> None:
        """Note what the points that were kept say of those left out."""
        left_out = side.seen.some(out[side.seen.rows])
        rows = left_out.rows
        if not len(rows):
            return
        host, device = without.lanes(left_out)
        known = by_ruler(places[kept.rows], *without.lanes(kept))
        mean, spread = side.within.at(known, without.left(kept), by_ruler(places[rows], host, device))
        found.log_ns[rows] = np.log(larger(host, device)) + mean
        found.spread[rows], found.host[rows], found.device[rows] = spread, host, device
        found.logs[rows] = left_out.logs

    def _off(
        self, left_out: Mapping[SideKey, LeftOut], fitted: Mapping[SideKey, Side], paces: Floats
    ) -> dict[SideKey, Floats]:
        """How far off each side was at the host's pace, which where no reference was timed other variants tell."""
        follows = {key: fitted[key].follows for key in left_out}
        usual = {key: (each.logs - each.log_ns) / follows[key] for key, each in left_out.items()}
        shares = {key: hosts_share(each.host, each.device) for key, each in left_out.items()}
        found = {}
        for key, each in left_out.items():
            mine = paces if self._usual is not None else in_common(usual, shares, without=key[0])
            found[key] = each.off(mine, follows[key])
        return found

    def _stretches(self, left_out: Mapping[SideKey, LeftOut], off: Mapping[SideKey, Floats]) -> dict[SideKey, float]:
        """How many standard deviations cover as much of what was left out as they must, of each side and of all of its regime together.

        Points near turn-overs lie close to others: they say nothing of the distance at which the grid is predicted.
        """
        counted = {key: (off[key] / left_out[key].spread)[self._coarse] for key in off}
        found = {}
        for key, mine in counted.items():
            together = np.concatenate([other for (_, regime), other in counted.items() if regime == key[1]])
            found[key] = max(_quantile(together), _quantile(mine), 1.0)
        return found

    def _tells(self, left_out: Mapping[SideKey, LeftOut], parts: set[str]) -> dict[str, float]:
        """By regime, how many standard deviations apart two sides must be for as many right choices as there must be; none where no distance will do."""
        found = {}
        for regime in self._samples.regimes:
            mine = [each for (variant, of), each in left_out.items() if of == regime and variant not in parts]
            if len(mine) < 2:
                continue
            log_ns, spread, logs = (
                np.array([getattr(each, name) for each in mine]) for name in ("log_ns", "spread", "logs")
            )
            aparts, rights = [], []
            for row in np.flatnonzero(self._coarse & (np.isfinite(log_ns).sum(axis=0) >= 2)):
                there = np.flatnonzero(np.isfinite(log_ns[:, row]))
                first = there[log_ns[there, row].argmin()]
                others = there[there != first]
                wide = np.hypot(spread[others, row], spread[first, row])
                aparts.append(float(((log_ns[others, row] - log_ns[first, row]) / wide).min()))
                rights.append(logs[first, row] - logs[there, row].min() <= log1p(THRESHOLDS.equivalence_margin))
            order = np.argsort(aparts)[::-1]
            wrong = np.cumsum(~np.array(rights, bool)[order])
            # the mean of what is believed of a share after so many cases, with Jeffreys' prior
            enough = (wrong + 0.5) / (np.arange(len(order)) + 2) <= 1 - THRESHOLDS.sweep_choices_right
            if enough.any():
                found[regime] = float(np.array(aparts)[order][np.flatnonzero(enough)[-1]])
        return found

    def _side(self, plain: SideModel, fitted: Side, off: Floats, stretch: float) -> SideModel:
        """The model of a side."""
        seen, whole, within = fitted.seen, fitted.constants, fitted.within
        intervals = self._intervals(whole)
        constants = tuple(
            Constant(lane=key[0], part=key[1], regime=key[2], ns=float(ns), interval_ns=intervals.get(key))
            for key, ns in zip(whole.keys, whole.values, strict=True)
            if key[2] in ("", plain.regime)
        )
        tried = [float(off[row]) if self._coarse[row] and np.isfinite(off[row]) else None for row in seen.rows]
        return msgspec.structs.replace(
            plain,
            counts=dict(seen.counts),
            constants=constants,
            reach={
                name: Reach(low=float(values.min()), high=float(values.max()))
                for name, values in seen.parameters.items()
            },
            follows=fitted.follows,
            points=tuple(self._indices[row] for row in seen.rows),
            left=tuple(float(value) for value in fitted.left),
            tried=tuple(tried),
            lengths=within.lengths,
            scale=within.scale,
            noise=within.noise,
            stretch=stretch,
        )

    def _intervals(self, whole: Constants) -> Mapping[Key, tuple[float, float]]:
        """Of a variant's constants, worked out once for both of its regimes."""
        if id(whole) not in self._known_intervals:
            self._known_intervals[id(whole)] = whole.intervals()
        return self._known_intervals[id(whole)]


@dataclass(frozen=True)
class Side:
    """One side fitted: its points at the host's pace there, `places` with what rules, and what constants leave. `follows` as `SideModel`."""

    seen: Seen
    constants: Constants
    places: Floats
    left: Floats
    within: Within
    follows: float = 1.0

    @classmethod
    def of(cls, seen: Seen, constants: Constants, places: Floats, follows: float, within: Within | None) -> Side:
        ruled = by_ruler(places[seen.rows], *constants.lanes(seen))
        left = constants.left(seen)
        return cls(seen, constants, ruled, left, within or Within.of(left, ruled), follows)

    def off(self, points: int) -> tuple[Floats, Floats]:
        """How far each time is off what the others say of it at the host's usual pace, and the host's share of it; NaN where it has none."""
        host, device = self.constants.lanes(self.seen)
        off, shares = np.full(points, np.nan), np.full(points, np.nan)
        smooth = self.within.by_the_others(self.left, self.places)
        off[self.seen.rows] = self.seen.logs - np.log(larger(host, device)) - smooth
        shares[self.seen.rows] = hosts_share(host, device)
        return off, shares


@dataclass(frozen=True)
class LeftOut:
    """A side at all fitted points, each when it was left out: the logarithm of the time to expect at the usual pace, its spread, what host
    and device need; and the time, logarithm. NaN where it was not measured or not left out."""

    log_ns: Floats
    spread: Floats
    host: Floats
    device: Floats
    logs: Floats

    def off(self, paces: Floats, follows: float) -> Floats:
        """How far off each was at the host's pace there."""
        slower = np.log(larger(self.host * np.exp(follows * paces), self.device) / larger(self.host, self.device))
        return np.asarray(self.logs - self.log_ns - slower, float)


def follows_of(off: Floats, shown: Floats) -> float:
    """With which power a side follows the host's pace: `off` at the usual pace, by the pace's share that it could show."""
    known = np.isfinite(off) & np.isfinite(shown)
    y, x, found = off[known], shown[known], 1.0
    for _ in range(3):
        weight = 1 / (1 + ((y - found * x) / _ROBUST) ** 2)
        found = float(((weight * x * y).sum() + _BELIEVED) / ((weight * x**2).sum() + _BELIEVED))
    return min(max(found, _FOLLOWS[0]), _FOLLOWS[1])


def _quantile(off: Floats) -> float:
    """What as many as must be covered stay within, one more point allowed for (conformal prediction)."""
    off = off[np.isfinite(off)]
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
