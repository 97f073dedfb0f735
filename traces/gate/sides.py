"""Checks of what was recorded of a side against what was timed of it, against its other regime, and against the light recorder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from launchlens.traces.gate.check import Met, Of, of_sides
from launchlens.traces.studies.side import Side
from launchlens.traces.thresholds import THRESHOLDS


@dataclass(frozen=True)
class Sides:
    """All sides of a capture, and how many launches the light recorder saw of an iteration of each, block by block: the least
    and the most. Empty where it recorded nothing."""

    sides: Mapping[Of, Side]
    light_launches: Mapping[Of, tuple[float, float]]


def busy_beyond_wall(evidence: Sides) -> Iterator[Met]:
    """Sides whose recorded work of an iteration takes longer than a whole iteration, unprofiled."""
    for of, side in evidence.sides.items():
        if side.busy_share is not None and side.busy_share > 1 + THRESHOLDS.gate_busy:
            yield Met(1, (of,), f"{of_sides([of])} {side.busy_share:.2f} × as long", where=_trace(side))


def recorded_faster(evidence: Sides) -> Iterator[Met]:
    """Sides of which a recorded iteration takes much less than an unprofiled one, though a recorder only adds to it.

    Recordings that are known to lack work of graph replays are told as such.
    """
    for of, side in evidence.sides.items():
        if side.recording is not None and side.recording.device is not None and side.recording.gpu_busy_ns is None:
            continue
        if side.inflation is not None and side.inflation < THRESHOLDS.gate_recorded_faster:
            yield Met(1, (of,), f"{of_sides([of])} {side.inflation:.2f} × as long", where=_trace(side))


def regimes_apart(evidence: Sides) -> Iterator[Met]:
    """Variants of which one kernel, run as often in both, takes much longer in one regime than in another."""
    times: dict[tuple[str, str, float], dict[str, float]] = {}
    for (variant, regime), side in evidence.sides.items():
        for row in side.recording.work if side.recording is not None else ():
            if row.kind == "kernel":
                times.setdefault((variant, row.name, row.per_iteration), {})[regime] = row.gpu_ns
    apart: dict[str, tuple[tuple[str, ...], float]] = {}
    for (variant, *_), by_regime in times.items():
        low, high = min(by_regime.values()), max(by_regime.values())
        if low > 0 and high > THRESHOLDS.gate_regimes_apart * low:
            apart[variant] = tuple(by_regime), max(high / low, apart.get(variant, ((), 0.0))[1])
    for variant, (regimes, factor) in apart.items():
        sides = tuple((variant, regime) for regime in regimes)
        yield Met(1, sides, f"{variant} {factor:.2f} × as long", where=_trace(evidence.sides[sides[0]]))


def _trace(side: Side) -> str | None:
    """The trace that a side's recording is of."""
    return None if side.recording is None else side.recording.trace


def light_launches_differ(evidence: Sides) -> Iterator[Met]:
    """Sides of which the light recorder saw more or fewer launches than the recorder beside it, or not the same in every block."""
    for of, (least, most) in evidence.light_launches.items():
        side = evidence.sides.get(of)
        if side is None or side.recording is None:
            continue
        counted = side.recording.counts["launches"]
        if max(abs(least - counted), abs(most - counted)) > THRESHOLDS.gate_launches * max(counted, 1):
            seen = f"{least:g}" if least == most else f"{least:g} to {most:g}"
            yield Met(1, (of,), f"{of_sides([of])} {seen} and {counted:g} an iteration")
