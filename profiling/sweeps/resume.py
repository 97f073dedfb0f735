"""Whether a sweep can go on here: of the same workload, in the same order, on the same machine, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from launchlens.kernels.registry import Variant, WorkloadSpec
from launchlens.profiling.environment import describe
from launchlens.profiling.rounds import Lengths
from launchlens.profiling.sweeps.point import LENGTHS, HowTimed
from launchlens.profiling.sweeps.run import SweepPlan
from launchlens.traces.problems import InputError
from launchlens.traces.sweeps.sweep import Sweep, SweepRecord

#: What of a machine times depend on: points of two that differ in it make no map.
_MACHINE = ("gpu", "cpu", "cpu_count", "driver", "cuda", "torch", "triton", "launchlens")
_ANEW = "begin a sweep anew, without --resume"


def plan_to_resume(
    earlier: Sweep, workload: WorkloadSpec, known: Sequence[Variant], minutes: float, command: Sequence[str]
) -> SweepPlan:
    """The plan of an earlier sweep, to go on with for so many minutes. Raises InputError with one line where it can't be."""
    record, place = earlier.record, earlier.path
    name = str(record.workload.get("name"))
    if workload.name != name:
        raise InputError(place, f"is of workload {name}, not {workload.name}", _ANEW)
    if record.device != "cpu" and record.device != "cuda":
        raise InputError(place, f"is of a device {record.device!r} that nobody knows", _ANEW)
    _check_machine(earlier, describe(record.device))
    variants = [variant for variant in known if variant.name in record.says]
    gone = [variant for variant in record.says if variant not in {each.name for each in variants}]
    if gone or record.baseline != workload.baseline:
        raise InputError(place, f"has a variant {(gone or [record.baseline])[0]} that {name} has no more", _ANEW)
    return SweepPlan(
        _with_parameters(earlier, workload),
        variants,
        record.axes,
        record.device,
        tuple(record.timing.get("regimes", ())),
        record.seed,
        minutes,
        _how(record),
        command,
    )


def _check_machine(earlier: Sweep, here: Mapping[str, Any]) -> None:
    was = earlier.record.environment
    for name in _MACHINE:
        if was.get(name) != here.get(name):
            then, now = was.get(name) or "none", here.get(name) or "none"
            raise InputError(earlier.path, f"was measured with {name} {then}, and here it is {now}", _ANEW)


def _with_parameters(earlier: Sweep, workload: WorkloadSpec) -> WorkloadSpec:
    """The workload with the parameters that were not swept."""
    names = [axis.name for axis in earlier.record.axes]
    gone = [name for name in names if name not in workload.parameters]
    if gone:
        raise InputError(earlier.path, f"sweeps {gone[0]}, which {workload.name} has no more", _ANEW)
    said = {name: value for name, value in earlier.record.workload.items() if name in workload.parameters}
    try:
        return workload.with_parameters({name: _text(value) for name, value in said.items() if name not in names})
    except ValueError as error:
        raise InputError(earlier.path, f"can't go on: {error}", _ANEW) from None


def _text(value: Any) -> str:
    """A parameter as a record holds it, as the command line has it."""
    return ",".join(str(part) for part in value) if isinstance(value, list) else str(value)


def _how(record: SweepRecord) -> HowTimed:
    """How its points were timed; what it doesn't say is as it is now."""
    said, usual = record.timing, HowTimed()
    iterations = said.get("iterations")
    return HowTimed(
        _count(said, "rounds", usual.rounds),
        _count(said, "most_rounds", usual.most_rounds),
        iterations if isinstance(iterations, int) else None,
        Lengths(
            _count(said, "short_ns", LENGTHS.short_ns),
            LENGTHS.fewest,
            LENGTHS.most,
            _count(said, "warm", LENGTHS.warm),
            LENGTHS.trials,
        ),
    )


def _count(said: Mapping[str, Any], name: str, usual: int) -> int:
    value = said.get(name)
    return value if isinstance(value, int) and value >= 0 else usual
