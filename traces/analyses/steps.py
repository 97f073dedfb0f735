"""Steps: a row per iteration, with what it is made of, and in what the odd ones are odd."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.analyses.idle import GAPS
from launchlens.traces.analyses.question import Need, Question
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.intervals import Ints, union
from launchlens.traces.steps.gaps import CAUSES
from launchlens.traces.steps.stepped import Stepped
from launchlens.traces.steps.steps import Steps
from launchlens.traces.tables.rows import Rows, one_below_another
from launchlens.traces.tables.table import Column, Pivot
from launchlens.traces.thresholds import THRESHOLDS

_ABSENT = "not recorded"
HAS_STEPS = Need(lambda scope: scope.stepped.steps is not None, "no steps: no ProfilerStep, and nothing repeats")


COLUMNS = (
    Column("name", "name", "the step's range, or its number", title="step"),
    Column("start_ns", "time", "where the step before ended, on the recorder's clock: the first begins with its own range", hint="title"),
    Column("at_ns", "time", "the same, from the first event of the trace on", title="from"),
    Column("wall_ns", "time", "from there to the end of its own last work, on host or GPU: steps tile", title="wall"),
    Column("host_ns", "time", "how long its range was open, or until the next began", title="on the host"),
    Column("gpu_busy_ns", "time", "how long the GPU did something in it", title="GPU busy", absent=_ABSENT),
    Column("idle_ns", "time", "how long the GPU had nothing to do", title="GPU idle", absent=_ABSENT),
    Column("idle_cause", "code", "the cause of most of that", title="idle for", absent=_ABSENT),
    Column("exposed_communication_ns", "time", "how long nothing but collectives ran", title="exposed communication", absent=_ABSENT),
    Column("launches", "count", "launches that it made, on any thread"),
    Column("is_median", "flag", "whether its wall time is the middle one of all", title="the median"),
    Column("odd_in", "text", "of a step far from the median one: what differs most, in per cent of that one's wall time", title="odd in"),
    Column("note", "text", "which is the first, that begins with its own range, and what was launched before it; which is the last", title="to know"),
    Column("device", "text", "the device that this is said of: of those of its process the one that does most; `steps_devices` has all", absent=_ABSENT),
)  # fmt: skip


@dataclass(frozen=True)
class _Done:
    """What a device did in each of some steps, ns: busy, idle by cause ([steps, CAUSES]), in nothing but collectives."""

    busy: Ints
    idle: Ints
    exposed: Ints

    def causes(self) -> list[str | None]:
        """The cause of most of the idle time of each step; None where it had none."""
        spent = self.idle.sum(axis=1).tolist()
        return [
            CAUSES[cause] if ns else None for cause, ns in zip(self.idle.argmax(axis=1).tolist(), spent, strict=True)
        ]


def _of_device(stepped: Stepped, steps: Steps) -> _Done:
    start, end = steps.start_ns, steps.done_ns
    gaps = stepped.gaps
    return _Done(
        busy=overlap(start, end, stepped.start[stepped.work], stepped.end[stepped.work]),
        idle=np.zeros((len(steps), len(CAUSES)), np.int64) if gaps is None else gaps.within(start, end),
        exposed=overlap(start, end, *stepped.alone(stepped.is_collective)),
    )


def _answer(scope: Scope) -> Rows:
    stepped, steps = scope.stepped, scope.stepped.steps
    assert steps is not None
    known, done = stepped.gaps is not None, _of_device(stepped, steps)
    parts = {"GPU busy": done.busy, **{cause: done.idle[:, number] for number, cause in enumerate(CAUSES)}}
    median = int(np.argsort(steps.wall_ns, kind="stable")[(len(steps) - 1) // 2])
    found = Rows(
        {
            "name": list(steps.names),
            "start_ns": steps.start_ns,
            "at_ns": steps.start_ns - int(scope.start.min()),
            "wall_ns": steps.wall_ns,
            "host_ns": steps.host_end_ns - steps.host_start_ns,
            "gpu_busy_ns": _if(known, done.busy),
            "idle_ns": _if(known, done.idle.sum(axis=1)),
            "idle_cause": done.causes(),
            "exposed_communication_ns": _if(known, done.exposed),
            "launches": steps.launches,
            "is_median": np.arange(len(steps)) == median,
            "odd_in": _odd(steps, median, parts),
            "note": _notes(steps),
            "device": [None if stepped.device is None else str(stepped.device)] * len(steps),
        }
    )
    return found.taken(scope.inside(steps.host_start_ns))


def _if(known: bool, values: Ints) -> pd.arrays.IntegerArray:
    return pd.arrays.IntegerArray(values.astype(np.int64), np.full(len(values), not known))


def overlap(start: Ints, end: Ints, low: Ints, high: Ints) -> Ints:
    """How much of the union of some intervals lies in each of some windows."""
    low, high = union(low, high)
    total = np.concatenate(([0], np.cumsum(high - low)))

    def until(moment: Ints) -> Ints:
        at = np.searchsorted(low, moment, side="right")
        part = np.where(at > 0, np.minimum(moment, high[at - 1]) - low[at - 1], 0) if len(low) else 0
        return np.asarray(total[np.maximum(at - 1, 0)] + part, np.int64)

    return until(end) - until(start)


def _odd(steps: Steps, median: int, parts: dict[str, Ints]) -> list[str | None]:
    """For each step far from the median one what differs most; None for the others."""
    wall = steps.wall_ns
    away = np.abs(wall - wall[median])
    spread = float(np.median(away)) * THRESHOLDS.odd_step_spreads
    odd = (away > spread) & (away > THRESHOLDS.odd_step_share * wall[median])
    if len(steps) > 2:
        odd[0] = False  # it begins with its own range, where others begin with the end of the step before
    found: list[str | None] = []
    for step in range(len(steps)):
        if not odd[step] or not wall[median]:
            found.append(None)
            continue
        differs = {name: int(values[step] - values[median]) for name, values in parts.items()}
        name = max(differs, key=lambda each: abs(differs[each]))
        share = differs[name] / wall[median]
        found.append(
            f"{'GPU idle: ' if name in CAUSES else ''}{name} {'+' if share >= 0 else '−'}{100 * abs(share):.0f} %"
        )
    return found


def _notes(steps: Steps) -> list[str | None]:
    notes: npt.NDArray[np.object_] = np.full(len(steps), None, object)
    notes[-1] = "last"
    earlier = f"; {steps.earlier_work} pieces of GPU work were launched before it" if steps.earlier_work else ""
    notes[0] = f"first{earlier}"
    return notes.tolist()  # type: ignore[no-any-return]


STEPS = Question(
    name="steps",
    title="Steps",
    asks="How long does each iteration take, what is it made of, and which ones are odd?",
    columns=COLUMNS,
    needs=(HAS_STEPS,),
    answer=_answer,
    nothing="no steps in the range",
    order="by time",
    of_several="device",
    brief=("name", "at_ns", "wall_ns", "host_ns", "gpu_busy_ns", "idle_ns", "idle_cause", "exposed_communication_ns", "launches", "odd_in"),
)  # fmt: skip


def _idle(scope: Scope) -> Rows:
    steps = scope.stepped.steps
    assert steps is not None
    inside = scope.inside(steps.host_start_ns)
    found = []
    for stepped in scope.stepped.each_device:
        assert stepped.gaps is not None
        idle = stepped.gaps.within(steps.start_ns, steps.done_ns)
        step, cause = np.nonzero((idle > 0) & inside[:, np.newaxis])
        found.append(
            Rows(
                {
                    "step": [steps.names[each] for each in step.tolist()],
                    "cause": [CAUSES[each] for each in cause.tolist()],
                    "idle_ns": idle[step, cause],
                    "device": [str(stepped.device)] * len(step),
                }
            )
        )
    return one_below_another(found)


def _devices(scope: Scope) -> Rows:
    steps = scope.stepped.steps
    assert steps is not None
    inside = np.flatnonzero(scope.inside(steps.host_start_ns))
    found = []
    for stepped in scope.stepped.each_device:
        done = _of_device(stepped, steps)
        causes = done.causes()
        found.append(
            Rows(
                {
                    "step": [steps.names[each] for each in inside.tolist()],
                    "device": [str(stepped.device)] * len(inside),
                    "gpu_busy_ns": done.busy[inside],
                    "idle_ns": done.idle.sum(axis=1)[inside],
                    "idle_cause": [causes[each] for each in inside.tolist()],
                    "exposed_communication_ns": done.exposed[inside],
                }
            )
        )
    return one_below_another(found).ordered("at", at=np.tile(inside, len(found)))


STEPS_IDLE = Question(
    name="steps_idle",
    title="What the GPU waited for in each step",
    asks="In each iteration, what was the GPU idle for?",
    columns=(
        Column("step", "name", "the step"),
        Column("cause", "code", "what was waited for"),
        Column("idle_ns", "time", "idle time of the GPU of that cause in it: over the causes it sums to the step's idle time", title="idle"),
        Column("device", "text", "the device"),
    ),
    needs=(HAS_STEPS, GAPS),
    answer=_idle,
    nothing="no idle time in the steps",
    order="by time",
    pivot=Pivot("step", "cause", "idle_ns", group="device"),
    of_several="device",
)  # fmt: skip

STEPS_DEVICES = Question(
    name="steps_devices",
    title="What each GPU did in each step",
    asks="In each iteration, what did each device of the process do?",
    columns=(
        Column("step", "name", "the step"),
        Column("device", "text", "the device"),
        Column("gpu_busy_ns", "time", "how long it did something in the step", title="GPU busy"),
        Column("idle_ns", "time", "how long it had nothing to do", title="GPU idle"),
        Column("idle_cause", "code", "the cause of most of that", title="idle for"),
        Column("exposed_communication_ns", "time", "how long nothing but collectives ran on it", title="exposed communication"),
    ),
    needs=(HAS_STEPS, GAPS),
    answer=_devices,
    nothing="no steps in the range",
    order="by time",
)  # fmt: skip
