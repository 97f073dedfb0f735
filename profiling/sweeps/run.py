"""A sweep: a workload timed at many values of its parameters, where time decides most.

    1. the grid that was asked for, ends first; one point in five of it is held out, drawn before anything is timed
    2. points between neighbours where it turns over which variant is faster, until these places are known or the time is up

The folder holds a complete sweep of what was measured at every moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, perf_counter_ns
from typing import Any

import msgspec
import pandas as pd

from launchlens import __version__
from launchlens.kernels.registry import REGIMES, Variant, WorkloadSpec
from launchlens.profiling.checking import synchronize
from launchlens.profiling.environment import describe
from launchlens.profiling.progress import Points, SweepSteps
from launchlens.profiling.request import plain_parameters
from launchlens.profiling.run import NothingToMeasureError
from launchlens.profiling.sweeps.axes import text_of
from launchlens.profiling.sweeps.costs import CostsBetweenPoints
from launchlens.profiling.sweeps.counted import LaunchCounter
from launchlens.profiling.sweeps.grid import Settings, grid, held_out
from launchlens.profiling.sweeps.memory import give_back, kept_apart
from launchlens.profiling.sweeps.point import HowTimed, Measured, PointOfSweep, orders
from launchlens.profiling.sweeps.reference import HostReference
from launchlens.profiling.sweeps.turnovers import NEAR, Orders, between, gaps
from launchlens.traces.sweeps.sweep import (
    MOST_POINTS,
    Axis,
    Point,
    Sweep,
    SweepRecord,
    no_timings,
    write_sweep,
)

#: What was measured is written down at least this often, seconds: a process that is killed loses no more.
_WRITTEN_EVERY_S = 15.0


@dataclass(frozen=True)
class SweepPlan:
    """What to sweep. `workload` has the parameters that are not swept; `minutes` is how long it may take from now on."""

    workload: WorkloadSpec
    variants: Sequence[Variant]
    axes: Sequence[Axis]
    device: str
    regimes: Sequence[str] = REGIMES
    seed: int = 0
    minutes: float = 10.0
    how: HowTimed = field(default_factory=HowTimed)
    command: Sequence[str] = ()

    def at(self, settings: Settings) -> WorkloadSpec:
        """The workload at a point. Raises ValueError, in one line, where its parameters don't go together."""
        return self.workload.with_parameters(
            {axis.name: text_of(value) for axis, value in zip(self.axes, settings, strict=True)}
        )

    def refusal(self, settings: Settings) -> str | None:
        """Why the workload can't be had at a point; None where it can."""
        try:
            self.at(settings)
        except ValueError as error:
            return str(error)
        return None


def sweep(plan: SweepPlan, folder: Path, steps: SweepSteps, earlier: Sweep | None = None) -> SweepRecord:
    """Measure `plan` into `folder`, which is empty or holds `earlier`, and return what was written there.

    An interruption (KeyboardInterrupt passes through, and whatever else ends it) leaves a sweep that says it is incomplete and
    holds every point that had been measured. Raises NothingToMeasureError where no variant could be measured at any point.
    """
    going = Sweeping(plan, folder, earlier)
    with kept_apart(), steps.points("measuring points") as show:
        going.run(show)
    return going.record


class Sweeping:
    """A sweep on its way."""

    def __init__(self, plan: SweepPlan, folder: Path, earlier: Sweep | None) -> None:
        self._plan, self._folder = plan, folder
        self._begun = self._written = monotonic()
        self._before = 0.0 if earlier is None else earlier.record.used_minutes
        self._origin_ns = perf_counter_ns()
        self._frames: list[pd.DataFrame] = []
        self._orders: dict[int, Orders] = {}
        self._refused: dict[Settings, bool] = {}
        self.record = self._new() if earlier is None else self._continued(earlier)
        self._counter = LaunchCounter(plan.device)
        self._reference = HostReference(plan.device)
        self._write()

    # -- what is known before anything was run

    def _new(self) -> SweepRecord:
        plan = self._plan
        places = grid(plan.axes)
        reserved = held_out(places, plan.axes, plan.seed, self._possible)
        if not any(self._possible(settings) for settings in places):
            raise NothingToMeasureError(str(plan.refusal(places[0])))
        names = [axis.name for axis in plan.axes]
        points = tuple(
            Point(index=index, settings=dict(zip(names, settings, strict=True)), held_out=index in reserved)
            for index, settings in enumerate(places)
        )
        return SweepRecord(
            workload=self._described(),
            says={variant.name: variant.says for variant in plan.variants},
            baseline=plan.workload.baseline,
            device=plan.device,
            axes=tuple(plan.axes),
            points=points,
            seed=plan.seed,
            timing={
                "regimes": list(plan.regimes),
                "rounds": plan.how.rounds,
                "most_rounds": plan.how.most_rounds,
                "iterations": plan.how.iterations,
                "short_ns": plan.how.lengths.short_ns,
                "warm": plan.how.lengths.warm,
                "order": "balanced pairs of rounds: Williams rows of variants, and of the blocks of each",
                "near": NEAR,
            },
            minutes=plan.minutes,
            used_minutes=0.0,
            command=tuple(plan.command),
            recorded_at=datetime.now(UTC).isoformat(timespec="seconds"),
            environment=describe(plan.device),
            launchlens=__version__,
        )

    def _described(self) -> dict[str, Any]:
        """The workload and the parameters that are not swept: what it is at one point is no property of the sweep."""
        spec, swept = self._plan.workload, {axis.name for axis in self._plan.axes}
        file = {"file": spec.file.name} if spec.file else {}
        plain = {name: value for name, value in plain_parameters(spec).items() if name not in swept}
        return {"name": spec.name, "says": spec.says} | file | plain

    def _continued(self, earlier: Sweep) -> SweepRecord:
        record = earlier.record
        done = {point.index for point in record.points if point.variants}
        timings = earlier.timings[earlier.timings["point"].isin(done)]
        ranked = [variant.name for variant in self._plan.variants if variant.part_of is None]
        self._frames.append(timings)
        for index, frame in timings.groupby("point"):
            self._orders[int(index)] = orders(frame, ranked)
        last = 0 if timings.empty else int((timings["start_ns"] + timings["wall_ns"]).max())
        self._origin_ns -= last  # blocks go on after those that were timed before
        return msgspec.structs.replace(record, minutes=self._before + self._plan.minutes, complete=False)

    # -- the run

    def run(self, show: Points) -> None:
        """Measure until nothing is left to be found out or the time is up; write what was measured, however it ends."""
        costs = CostsBetweenPoints(self._plan.device, wanted=self.record.costs is None)
        try:
            costs.get_ready()
            self._begun = monotonic()  # what is compiled once, for whatever follows, takes none of its time
            while (index := self._next()) is not None and self._left_s() > 0:
                self._show(show, index)
                self._measure(index)
                costs.between_points()
                if monotonic() - self._written > _WRITTEN_EVERY_S:
                    self._write()
            costs.finish()
            if not any(each.status == "measured" for point in self.record.points for each in point.variants):
                self._write()
                raise NothingToMeasureError(self._reasons())
            self._set(complete=True)
        finally:
            found = costs.found()
            self._set(costs=self.record.costs if found is None else found)
            self._write()

    def _left_s(self) -> float:
        return 60 * self._plan.minutes - (monotonic() - self._begun)

    def _next(self) -> int | None:
        """The point to measure now: of the grid, then one near a turn-over, which becomes a point here; None where all is known."""
        waiting = next((point.index for point in self.record.points if not point.variants), None)
        if waiting is not None or len(self.record.points) >= MOST_POINTS:
            return waiting
        settings = self._near_a_turn_over()
        if settings is None:
            return None
        names = [axis.name for axis in self._plan.axes]
        made = Point(
            index=len(self.record.points), settings=dict(zip(names, settings, strict=True)), stage="refinement"
        )
        self._set(points=(*self.record.points, made))
        return made.index

    def _near_a_turn_over(self) -> Settings | None:
        """Settings between two points where something turns over; of what is held out nothing is known here."""
        points = self.record.points
        kept_out = {self._settings(point) for point in points if point.held_out}
        taken = {self._settings(point) for point in points}
        seen = {self._settings(point): self._orders.get(point.index, {}) for point in points if not point.held_out}
        for gap in gaps(seen, self._plan.axes, self._plan.workload.baseline):
            settings = between(gap, taken, kept_out, self._possible)
            if settings is not None:
                return settings
        return None

    def _settings(self, point: Point) -> Settings:
        return tuple(point.settings[axis.name] for axis in self._plan.axes)

    def _possible(self, settings: Settings) -> bool:
        """Whether the workload takes these parameters; asked once for each point."""
        if settings not in self._refused:
            self._refused[settings] = self._plan.refusal(settings) is not None
        return not self._refused[settings]

    def _measure(self, index: int) -> None:
        """Measure a point and add it to what is known; nothing of it is kept where it is interrupted."""
        point = self.record.points[index]
        measured = self._measured(point, self._settings(point))
        give_back(self._plan.device)
        if not measured.variants:
            raise NothingToMeasureError(f"no variant runs here in any of {', '.join(self._plan.regimes)}")
        if len(measured.timings):
            self._frames.append(measured.timings.assign(point=index))
        self._orders[index] = measured.orders
        points, said = list(self.record.points), dict(self.record.workload)
        points[index] = msgspec.structs.replace(point, variants=measured.variants, reference_ns=measured.reference_ns)
        if measured.correctness:
            said["correctness"] = measured.correctness
        self._set(points=tuple(points), workload=said)

    def _measured(self, point: Point, settings: Settings) -> Measured:
        plan, how = self._plan, self._plan.how
        if point.stage == "coarse":  # what is not told apart there is looked at again between two points
            how = replace(how, most_rounds=max(how.rounds, min(how.most_rounds, 2 * how.rounds)))
        refused = plan.refusal(settings)
        one = PointOfSweep(
            plan.workload if refused else plan.at(settings),
            plan.variants,
            plan.device,
            plan.regimes,
            plan.seed + point.index,
            how,
            self._counter,
            self._reference,
            self._origin_ns,
            self._still_there,
        )
        return one.skipped(refused) if refused else one.measure()

    def _still_there(self, variant: str) -> None:
        """Raise NothingToMeasureError where a variant's fault has left the process without a usable device."""
        try:
            synchronize(self._plan.device)
        except RuntimeError as error:  # an illegal access, say: every later call answers the same
            why = str(error).splitlines()[0]
            raise NothingToMeasureError(
                f"variant {variant} left the device unusable ({why}); leave it out: name the others with --variant"
            ) from None

    def _reasons(self) -> str:
        said = dict.fromkeys(
            f"{each.variant} ({each.regime}): {each.why}" for point in self.record.points for each in point.variants
        )
        return "; ".join(list(said)[:5]) or "its time was up before the first point had been"

    def _show(self, show: Points, index: int) -> None:
        points = self.record.points
        done = sum(bool(point.variants) for point in points)
        coarse = points[index].stage == "coarse"
        show(done, len(points), max(self._left_s(), 0.0), "the grid" if coarse else "near turn-overs")

    # -- what is written down

    def _set(self, **known: Any) -> None:
        used = self._before + (monotonic() - self._begun) / 60
        self.record = msgspec.structs.replace(self.record, used_minutes=round(used, 3), **known)

    def _write(self) -> None:
        """Both files, of the points that were measured; one that was begun and not finished is none."""
        points = self.record.points
        if points and points[-1].stage == "refinement" and not points[-1].variants:
            points = points[:-1]
        timings = pd.concat(self._frames, ignore_index=True) if self._frames else no_timings()
        write_sweep(self._folder, msgspec.structs.replace(self.record, points=points), timings)
        self._written = monotonic()
