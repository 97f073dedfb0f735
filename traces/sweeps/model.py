"""The cost model of a sweep, as it is stored: its constants, and what is left of each time, between which it interpolates.

    time of an iteration = the larger, rounded off, of what the host and what the device need    × exp(what is left)
        host, called     (a call + launches + arguments) × the host's pace
        host, replayed   (a replay + nodes)              × the host's pace
        device           a start + nodes + items + bytes (those in reach of the caches, and those beyond) + bytes × items

Constants are costs of one variant, by its launch path, and never negative. A host's pace changes from second to second, for all variants of
a point alike; a prediction is for the usual one. What a point's time has that none of this gives is interpolated between points (a Gaussian
process in the logarithms of parameters and time), so that near to measured points a prediction is nearer to them than the constants are. What
host and device rule differs in it as distance does: from one side of their turn-over little is known of the other. How far off a prediction
may be is taken from points that were left out of the fit in turn.

A prediction needs no GPU, no scipy and no pandas. It is not made beyond what was measured, nor where it may be off by more than
`Thresholds.sweep_most_error`, nor beside points that were further off than `sweep_most_error_beside` when they were left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, hypot, inf, isfinite, log, log1p
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np

from launchlens.traces.captures.small_files import read_small
from launchlens.traces.documents.structure import means
from launchlens.traces.problems import InputError
from launchlens.traces.statistics import Floats
from launchlens.traces.sweeps.counts import Function
from launchlens.traces.thresholds import THRESHOLDS

FORMAT = "launchlens.sweep-model/2"
#: What each version has that the one before had not, newest first. Only the first of these is read: a model is made again in seconds.
HISTORY = (
    (
        FORMAT,
        "the host's pace (`pace`, `follows`), what points left out were off (`tried`), `tells`; counts that are the largest of several",
    ),
    ("launchlens.sweep-model/1", "the first; what sides have in common was interpolated between points (`shared`)"),
)
MODEL = "model.json"
#: How sharply the larger of two rules: the sum of their powers of this, of which the root is taken.
SHARP = 8.0
_AGAIN = "make it again with `report`"
#: How far apart, in steps of an axis, points lie of which one is the host's and the other the device's.
_RULED_APART = 3.0
#: Points around a prediction, left out of the fit in turn, that must not have been too far off.
_AROUND = 3

Lane = Literal["host", "device"]
Part = Literal["call", "launch", "argument", "replay", "node", "start", "item", "byte-near", "byte-far", "byte-item"]
#: What of an iteration each part is counted by; of those that are once an iteration nothing is.
COUNTED: Mapping[Part, str] = {
    "launch": "launches",
    "argument": "arguments",
    "node": "nodes",
    "item": "items",
    "byte-near": "bytes",
    "byte-far": "bytes",
    "byte-item": "bytes",
}
#: Why a variant is not predicted, by code.
WHY_NOT = {
    "no-model": "too few of its points were measured to fit a model",
    "counts-unknown": "what it launches is not known at every point",
    "counts-not-fitted": "what it launches is no simple function of the parameters",
    "named-axis": "an axis has names for values, between which there is nothing",
    "out-of-range": "it lies beyond the points at which this was measured",
    "too-uncertain": "points near it, left out of the fit, were too far off",
}
WhyNot = Literal["no-model", "counts-unknown", "counts-not-fitted", "named-axis", "out-of-range", "too-uncertain"]


class Constant(msgspec.Struct, frozen=True, kw_only=True):
    """What one of something costs."""

    lane: Annotated[Lane, means("whether the host or the device needs it")]
    part: Annotated[Part, means("what costs it")]
    regime: Annotated[str, means("in which regime; empty in both")] = ""
    ns: Annotated[float, means("what one of it takes", unit="ns")]
    interval_ns: Annotated[tuple[float, float] | None, means("95 % interval", unit="ns", null="too few points")] = None


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """Between which values of an axis something was measured."""

    low: Annotated[float, means("the least")]
    high: Annotated[float, means("the largest")]


class SideModel(msgspec.Struct, frozen=True, kw_only=True):
    """The model of one variant in one regime; or why there is none."""

    variant: Annotated[str, means("the variant")]
    regime: Annotated[str, means("the regime")]
    why_not: Annotated[WhyNot | None, means("why it is not predicted", null="it is")] = None
    path: Annotated[str, means("its launch path, several joined by +; empty where none is declared")] = ""
    counts: Annotated[
        Mapping[str, Function], means("counts as functions of the parameters", key="what is counted")
    ] = {}
    constants: Annotated[tuple[Constant, ...], means("what it costs")] = ()
    reach: Annotated[Mapping[str, Reach], means("where it was measured", key="axis")] = {}
    part: Annotated[bool, means("whether it does a part of the work only: it is never the best")] = False
    follows: Annotated[
        float, means("with which power of the host's pace goes what the host needs: 1 where it takes as much longer")
    ] = 1.0
    points: Annotated[tuple[int, ...], means("the points that it was fitted to")] = ()
    left: Annotated[
        tuple[float, ...],
        means("what is left of each of these, logarithms of time over model at the host's pace there"),
    ] = ()
    tried: Annotated[
        tuple[float | None, ...],
        means(
            "how far off each was when it was left out, logarithms of time over prediction; null of those near turn-overs"
        ),
    ] = ()
    lengths: Annotated[
        tuple[float, ...],
        means(
            "how far along each axis what is left belongs together, in its steps; last between what the host and the device rule"
        ),
    ] = ()
    scale: Annotated[float, means("its standard deviation")] = 0.0
    noise: Annotated[float, means("that of a point by itself")] = 0.0
    stretch: Annotated[float, means("how many standard deviations the interval of a prediction takes")] = 0.0


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How fast the host was while points were measured, as the logarithm of its time over the usual one."""

    usual_ns: Annotated[
        float | None,
        means(
            "the median time of the reference at the points fitted",
            unit="ns",
            null="no reference was timed: paces are what variants have in common",
        ),
    ] = None
    low: Annotated[float, means("of one point in twenty it was less than this")] = 0.0
    high: Annotated[float, means("of one point in twenty it was more than this")] = 0.0


class AxisScale(msgspec.Struct, frozen=True, kw_only=True):
    """How an axis is measured: in logarithms or not, and how long a step is."""

    name: Annotated[str, means("the parameter")]
    by_factor: Annotated[bool, means("whether its logarithm counts")]
    step: Annotated[float, means("length of a step between values that were asked for")]


class SweepModel(msgspec.Struct, frozen=True, kw_only=True):
    """All that predictions need."""

    format: Annotated[str, means("name and version of the format")] = FORMAT
    of: Annotated[str, means("what it was fitted to: a digest of the sweep's files")]
    workload: Annotated[str, means("name of the workload")]
    axes: Annotated[tuple[AxisScale, ...], means("the axes")]
    points: Annotated[tuple[tuple[float, ...], ...], means("the place of each fitted point, a value of each axis")]
    indices: Annotated[tuple[int, ...], means("their numbers in the sweep")]
    near_bytes: Annotated[float, means("bytes of an iteration that caches are taken to hold", unit="bytes")]
    sides: Annotated[tuple[SideModel, ...], means("a row a variant and regime")]
    pace: Annotated[Pace, means("the host's pace")] = Pace()
    tells: Annotated[
        Mapping[str, float],
        means(
            "how many standard deviations apart the best must be from another to be told from it; a regime is left out in which it never is, as "
            "of points left out in turn too many choices were wrong",
            key="regime",
        ),
    ] = {}


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """What an iteration of a side should take at the host's usual pace; or why that is not predicted.

    `fast_ns` and `slow_ns` are for the host's pace in its fastest and its slowest seconds. `log_ns` and `spread` say what is known where
    that is too little for a prediction as well, `host_ns` and `device_ns` what both need, without what is left; `part` is whether the side does a part of the work only.
    """

    variant: str
    regime: str
    ns: float | None = None
    fast_ns: float | None = None
    slow_ns: float | None = None
    log_ns: float | None = None
    spread: float | None = None
    part: bool = False
    low_ns: float | None = None
    high_ns: float | None = None
    by: Lane | None = None
    why_not: WhyNot | None = None
    host_ns: float | None = None
    device_ns: float | None = None
    follows: float = 1.0

    def at_pace(self, pace: float) -> float:
        """How many times longer it should take where the host takes exp(`pace`) times longer than usual."""
        if self.host_ns is None or self.device_ns is None:
            return 1.0
        host, device = np.array([self.host_ns]), np.array([self.device_ns])
        return float((larger(host * exp(self.follows * pace), device) / larger(host, device))[0])

    @property
    def error(self) -> float | None:
        """How far off it may be, to the further end, as a share."""
        return None if self.ns is None or self.high_ns is None else self.high_ns / self.ns - 1


def predict(model: SweepModel, settings: Mapping[str, float]) -> list[Prediction]:
    """What each side should take at some settings, a value of each axis."""
    return [_predicted(model, side, settings) for side in model.sides]


@dataclass(frozen=True)
class Choice:
    """The fastest of a regime by predictions: `best`, None where it isn't told from others, and all that may be it, the likeliest first."""

    best: str | None
    may_be_best: tuple[str, ...]


def choice(model: SweepModel, found: Sequence[Prediction], regime: str) -> Choice:
    """Which side of a regime should be the fastest; one of which nothing is known may always be."""
    mine = [each for each in found if each.regime == regime and not each.part and each.why_not != "out-of-range"]
    known = sorted((each for each in mine if each.log_ns is not None), key=lambda each: each.log_ns or 0.0)
    unknown = tuple(each.variant for each in mine if each.log_ns is None)
    if not known:
        return Choice(None, ())
    first = known[0]
    tells = model.tells.get(regime, inf)
    near = [each.variant for each in known[1:] if apart(first, each) < tells]
    best = first.variant if not near and not unknown and first.ns is not None else None
    return Choice(best, (first.variant, *near, *unknown))


def apart(first: Prediction, other: Prediction) -> float:
    """By how many standard deviations another side should take longer than the first."""
    assert first.log_ns is not None and other.log_ns is not None
    return (other.log_ns - first.log_ns) / max(hypot(first.spread or 0.0, other.spread or 0.0), 1e-9)


def _predicted(model: SweepModel, side: SideModel, settings: Mapping[str, float]) -> Prediction:
    whose = Prediction(variant=side.variant, regime=side.regime, part=side.part)
    if side.why_not is not None:
        return msgspec.structs.replace(whose, why_not=side.why_not)
    if any(not reach.low <= settings[name] <= reach.high for name, reach in side.reach.items()):
        return msgspec.structs.replace(whose, why_not="out-of-range")
    parameters = {axis.name: np.array([settings[axis.name]]) for axis in model.axes}
    host, device = lanes(side, parameters, model.near_bytes)
    rows = _rows(model, side.points)
    of_points = {axis.name: np.array([model.points[row][at] for row in rows]) for at, axis in enumerate(model.axes)}
    known = by_ruler(placed(model, [model.points[row] for row in rows]), *lanes(side, of_points, model.near_bytes))
    there = by_ruler(placed(model, [tuple(settings[axis.name] for axis in model.axes)]), host, device)
    left, spread = between(known, np.array(side.left), there, side.lengths, side.scale, side.noise)
    reach, log_left = side.stretch * float(spread[0]), float(left[0])
    usual = float(larger(host, device)[0]) * exp(log_left)
    whose = msgspec.structs.replace(
        whose,
        log_ns=log(usual),
        spread=float(spread[0]),
        host_ns=float(host[0]),
        device_ns=float(device[0]),
        follows=side.follows,
    )
    beside = off_around(known, side.tried, there[0])
    if reach > log1p(THRESHOLDS.sweep_most_error) or beside > log1p(THRESHOLDS.sweep_most_error_beside):
        return msgspec.structs.replace(whose, why_not="too-uncertain")
    return msgspec.structs.replace(
        whose,
        ns=usual,
        fast_ns=usual * whose.at_pace(model.pace.low),
        slow_ns=usual * whose.at_pace(model.pace.high),
        low_ns=usual * exp(-reach),
        high_ns=usual * exp(reach),
        by="host" if host[0] >= device[0] else "device",
    )


def off_around(known: Floats, tried: Sequence[float | None], there: Floats) -> float:
    """How far off, whichever way, the worst of the nearest points was that were left out of the fit in turn."""
    rows = [row for row, off in enumerate(tried) if off is not None]
    far = ((known[rows] - there) ** 2).sum(axis=1)
    return max((abs(tried[rows[at]] or 0.0) for at in np.argsort(far)[:_AROUND]), default=0.0)


def _rows(model: SweepModel, points: Sequence[int]) -> list[int]:
    places = {index: row for row, index in enumerate(model.indices)}
    return [places[index] for index in points]


def placed(model: SweepModel, points: Sequence[Sequence[float]]) -> Floats:
    """Where points lie, [points, axes], in steps of each axis."""
    found = np.array(points, float).reshape(len(points), len(model.axes))
    for at, axis in enumerate(model.axes):
        found[:, at] = (np.log(found[:, at]) if axis.by_factor else found[:, at]) / axis.step
    return found


def by_ruler(places: Floats, host: Floats, device: Floats) -> Floats:
    """Places with how much the host rules there beside, [points, axes + 1]: further apart across the turn-over."""
    ratio = np.log(np.maximum(host, 1e-9) / np.maximum(device, 1e-9))
    return np.column_stack([places, _RULED_APART / 2 * np.tanh(ratio)])


def lanes(side: SideModel, parameters: Mapping[str, Floats], near_bytes: float) -> tuple[Floats, Floats]:
    """What host and device need by the constants alone, ns, at some parameters."""
    size = len(next(iter(parameters.values())))
    totals = {"host": np.zeros(size), "device": np.zeros(size)}
    for constant in side.constants:
        if constant.regime in ("", side.regime):
            totals[constant.lane] += constant.ns * amount(constant.part, side.counts, parameters, near_bytes, size)
    return totals["host"], totals["device"]


def amount(
    part: Part, counts: Mapping[str, Function], parameters: Mapping[str, Floats], near_bytes: float, size: int
) -> Floats:
    """How often an iteration has a part."""
    if part not in COUNTED:
        return np.ones(size)
    number = counts[COUNTED[part]].of(parameters)
    if part == "byte-item":
        return number * np.maximum(counts["items"].of(parameters) - 1, 0.0)
    if part == "byte-near":
        return np.minimum(number, near_bytes)
    return np.maximum(number - near_bytes, 0.0) if part == "byte-far" else number


def larger(host: Floats, device: Floats) -> Floats:
    """The larger of both, rounded off where they are near each other."""
    top = np.maximum(np.maximum(host, device), 1e-9)
    return np.asarray(top * ((host / top) ** SHARP + (device / top) ** SHARP) ** (1 / SHARP), float)


def alike(one: Floats, other: Floats, lengths: Sequence[float]) -> Floats:
    """How far what is left at two points belongs together, 1 of a point and itself (a Matérn kernel of 3/2)."""
    apart = (one[:, None, :] - other[None, :, :]) / np.array(lengths)
    far = np.sqrt(3.0 * (apart**2).sum(axis=2))
    return np.asarray((1 + far) * np.exp(-far), float)


def between(
    known: Floats, left: Floats, there: Floats, lengths: Sequence[float], scale: float, noise: float
) -> tuple[Floats, Floats]:
    """What is left at some places, and the standard deviation of a time measured there, logarithms."""
    if not scale:
        return np.zeros(len(there)), np.full(len(there), noise)
    covariance = scale**2 * alike(known, known, lengths) + noise**2 * np.eye(len(known))
    across = scale**2 * alike(there, known, lengths)
    solved = np.linalg.solve(covariance, np.column_stack([left, across.T]))
    variance = scale**2 + noise**2 - (across * solved[:, 1:].T).sum(axis=1)
    return across @ solved[:, 0], np.sqrt(np.maximum(variance, noise**2))


def read_model(folder: Path, digest: str) -> SweepModel | None:
    """The stored model of a sweep; None where there is none, or one that was fitted to other files. Raises InputError for what can't be read."""
    try:
        raw = read_small(folder, MODEL)
        model = msgspec.json.decode(raw, type=SweepModel)
    except FileNotFoundError:
        return None
    except RecursionError:
        raise InputError(folder / MODEL, f"is not {FORMAT}: it is nested too deeply", _AGAIN) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if model.format != FORMAT or model.of != digest or _wrong(model):
        return None
    return model


def _wrong(model: SweepModel) -> bool:
    """Whether a stored model is none that was written here: predictions of it would fail, or mean nothing."""
    names = {axis.name for axis in model.axes}
    known = set(model.indices)
    places = [len(point) == len(model.axes) and all(map(isfinite, point)) for point in model.points]
    return (
        not names
        or len(model.indices) != len(model.points)
        or not all(places)
        or any(axis.step <= 0 for axis in model.axes)
        or any(axis.by_factor and point[at] <= 0 for point in model.points for at, axis in enumerate(model.axes))
        or any(_side_wrong(side, names, known) for side in model.sides if side.why_not is None)
        or (model.pace.usual_ns is not None and model.pace.usual_ns <= 0)
        or any(tells < 0 for tells in model.tells.values())
    )


def _side_wrong(side: SideModel, names: set[str], known: set[int]) -> bool:
    counted = {COUNTED[constant.part] for constant in side.constants if constant.part in COUNTED}
    counted |= {"items" for constant in side.constants if constant.part == "byte-item"}
    terms = [term for function in side.counts.values() for term in function.terms]
    return (
        not side.constants
        or not side.points
        or len(side.left) != len(side.points)
        or not known.issuperset(side.points)
        or len(side.tried) != len(side.points)
        or len(side.lengths) != len(names) + 1
        or any(length <= 0 for length in side.lengths)
        or side.noise <= 0
        or side.scale < 0
        or side.stretch <= 0
        or set(side.reach) != names
        or not counted.issubset(side.counts)
        or any(not names.issuperset(term.of) or not term.pieces >= 1 for term in terms)
    )
