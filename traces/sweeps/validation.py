"""Predictions against the points held out, which were drawn before anything was timed and never fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, isfinite, log
from statistics import median

import numpy as np

from launchlens.traces.sweeps.model import Prediction, SweepModel, choice, predict
from launchlens.traces.sweeps.paces import hosts_share, in_common, references
from launchlens.traces.sweeps.samples import Samples, SideKey
from launchlens.traces.sweeps.sweep import Point, Sweep
from launchlens.traces.sweeps.winners import Cell
from launchlens.traces.thresholds import THRESHOLDS


@dataclass(frozen=True)
class Checked:
    """A side at a point held out: what it took, ns, and what was predicted of it.

    A prediction is for the host's usual pace; `pace` is what it was there, as a logarithm. It is told by the reference that was timed in the same
    rounds, or, where none was, by what the other variants were off in common: never by the side itself.
    """

    point: int
    measured_ns: float
    prediction: Prediction
    pace: float

    @property
    def usual_ns(self) -> float:
        """What was measured, less what it owes to the host's pace in these seconds."""
        return self.measured_ns / self.prediction.at_pace(self.pace)

    @property
    def off(self) -> float | None:
        """Prediction less measurement at the host's pace there, as a share of the measurement."""
        return None if self.prediction.ns is None else self.prediction.ns / self.usual_ns - 1

    @property
    def off_as_measured(self) -> float | None:
        """The same without what is known of the host's pace."""
        return None if self.prediction.ns is None else self.prediction.ns / self.measured_ns - 1

    @property
    def covered(self) -> bool | None:
        """Whether the measured time, at the host's pace there, lies within the prediction's interval."""
        low, high = self.prediction.low_ns, self.prediction.high_ns
        return None if low is None or high is None else low <= self.usual_ns <= high


@dataclass(frozen=True)
class Choice:
    """At a point held out: what is predicted to be fastest, and what it took longer than the fastest, a share.

    `may_be_best`: whether it is among those that are not shown to be slower than another.
    """

    point: int
    regime: str
    predicted: str
    leader: str
    loss: float
    may_be_best: bool

    @property
    def right(self) -> bool:
        """Whether it is the fastest, or within the equivalence margin of it."""
        return self.loss <= THRESHOLDS.equivalence_margin

    @property
    def not_shown_wrong(self) -> bool:
        """Whether it is right, or nothing shows that it isn't the fastest."""
        return self.right or self.may_be_best


@dataclass(frozen=True)
class Validation:
    """All that was held against points held out. `open_choices` are the points and regimes at which several may be the fastest by what is predicted; at `open_right` the fastest is among these."""

    checked: Sequence[Checked]
    choices: Sequence[Choice]
    open_choices: int = 0
    open_right: int = 0

    @property
    def errors(self) -> list[float]:
        """How far off predictions are, whichever way, the nearest first."""
        return sorted(abs(each.off) for each in self.checked if each.off is not None)

    @property
    def predicted(self) -> int:
        return len(self.errors)

    @property
    def median_error(self) -> float | None:
        return median(self.errors) if self.errors else None

    @property
    def worst_error(self) -> float | None:
        return self.errors[-1] if self.errors else None

    @property
    def errors_as_measured(self) -> list[float]:
        """The same without what is known of the host's pace."""
        return sorted(abs(each.off_as_measured) for each in self.checked if each.off_as_measured is not None)

    @property
    def coverage(self) -> float | None:
        """The share of predictions whose interval covers what was measured."""
        known = [each.covered for each in self.checked if each.covered is not None]
        return sum(known) / len(known) if known else None

    @property
    def winner_right(self) -> float | None:
        """The share of points at which the predicted choice is the fastest or within the equivalence margin of it."""
        return sum(each.right for each in self.choices) / len(self.choices) if self.choices else None

    @property
    def winner_not_shown_wrong(self) -> float | None:
        """The same, those counted as well that are not shown to be slower than any other."""
        return sum(each.not_shown_wrong for each in self.choices) / len(self.choices) if self.choices else None


def validated(
    model: SweepModel, sweep: Sweep, samples: Samples, cells: Sequence[Cell], parts: Sequence[str] = ()
) -> Validation:
    """The model's predictions at every point held out that was timed."""
    logs = samples.times.value.reshape(len(samples.points), len(samples.sides))
    by_place = {(cell.point, cell.regime): cell for cell in cells}
    checked, choices, left_open, among = list[Checked](), list[Choice](), 0, 0
    for at, index in enumerate(samples.points):
        point = sweep.record.points[index]
        if not point.held_out or any(isinstance(value, str) for value in point.settings.values()):
            continue
        settings = {name: float(value) for name, value in point.settings.items()}
        found = {(each.variant, each.regime): each for each in predict(model, settings)}
        took = {side: exp(logs[at, place]) for place, side in enumerate(samples.sides) if np.isfinite(logs[at, place])}
        paces = _paces(model, point, took, found)
        checked += [Checked(int(index), ns, found[side], paces[side]) for side, ns in took.items()]
        for regime in samples.regimes:
            ranked = {name: ns for (name, mine), ns in took.items() if mine == regime and name not in parts}
            cell = by_place.get((int(index), regime))
            if len(ranked) < 2 or cell is None:
                continue
            said = choice(model, [found[name, regime] for name in ranked], regime)
            chosen = said.best
            if chosen is None:
                left_open += 1
                among += cell.leader in said.may_be_best
                continue
            loss = ranked[chosen] / ranked[cell.leader] - 1
            choices.append(Choice(int(index), regime, chosen, cell.leader, loss, chosen in cell.may_be_best))
    return Validation(checked, choices, left_open, among)


def _paces(
    model: SweepModel, point: Point, took: Mapping[SideKey, float], found: Mapping[SideKey, Prediction]
) -> dict[SideKey, float]:
    """The host's pace at a point, for each side told without it."""
    if model.pace.usual_ns is not None:
        (reference,) = references([point])
        pace = float(reference) - log(model.pace.usual_ns)
        return dict.fromkeys(took, pace if isfinite(pace) else 0.0)
    off, shares = {}, {}
    for side, ns in took.items():
        each = found[side]
        if each.ns is not None and each.host_ns is not None and each.device_ns is not None:
            off[side] = np.array([log(ns / each.ns) / each.follows])
            shares[side] = hosts_share(np.array([each.host_ns]), np.array([each.device_ns]))
    return {side: float(in_common(off, shares, without=side[0])[0]) if off else 0.0 for side in took}
