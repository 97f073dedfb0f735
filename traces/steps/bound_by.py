"""What bounds a program: each nanosecond of its steps put down to the host, a wait, communication, copies or the GPU's own work.

    device    |- kernels -|- collective alone -|      idle, by its causes      |
    put to    [    gpu   ][   communication   ][ host ][ sync ][ … ][ unknown ]

The shares sum to one. The largest names what bounds the program; where that is what nobody recorded, it is `unknown`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from launchlens.traces.analyses.coverage import covered_ns
from launchlens.traces.documents.advice import BoundBy
from launchlens.traces.intervals import union
from launchlens.traces.steps.gaps import CAUSES, find_gaps
from launchlens.traces.steps.stepped import Stepped

#: In this order; of equal shares the first wins.
BOUNDS: tuple[BoundBy, ...] = ("host", "sync", "communication", "copies", "gpu", "unknown")
#: Whose each cause of idle time is.
_OF_CAUSE: dict[str, BoundBy] = {
    "host-python": "host", "host-dispatch": "host", "host-launch": "host", "host-api": "host", "data": "host",
    "allocation": "host", "launch-latency": "host", "sync": "sync", "communication": "communication", "copy": "copies",
    "dependency": "gpu", "not-recorded": "unknown", "unknown": "unknown",
}  # fmt: skip


@dataclass(frozen=True)
class Bound:
    """What bounds a program. `shares` are of the window by BOUNDS and sum to 1; `part` is the cause of idle time that weighs most
    of those that are the host's, with its share of the window, where the host bounds it.
    """

    bound_by: BoundBy
    shares: dict[BoundBy, float]
    part: str | None
    part_share: float
    window_ns: int

    @property
    def share(self) -> float:
        return self.shares[self.bound_by]


def bound_by(stepped: Stepped) -> Bound | None:
    """What bounds the program of a trace in its steps (of three or more, without the first); None where no GPU work was recorded, or there is no time."""
    starts, ends = stepped.times
    steps = stepped.steps
    if steps is not None and len(steps) > 2:  # the first holds what was launched before it
        starts, ends = (starts[1:], ends[1:]) if steps.apart else (steps.start_ns[1:2], ends)
    whole = int((ends - starts).sum())
    if stepped.device is None or whole <= 0:
        return None
    window, between = (int(starts[0]), int(ends[-1])), (ends[:-1], starts[1:])
    gaps = find_gaps(stepped.joined, stepped.host, stepped.device, window, between)
    ns: dict[BoundBy, int] = dict.fromkeys(BOUNDS, 0)
    parts = gaps.by_part()
    for cause, spent in zip(CAUSES, parts.tolist(), strict=True):
        ns[_OF_CAUSE[cause]] += spent
    alone: tuple[tuple[npt.NDArray[np.bool_], BoundBy], ...] = (
        (stepped.is_collective, "communication"),
        (stepped.is_copy, "copies"),
    )
    for chosen, name in alone:
        ns[name] += int(covered_ns(starts, ends, *stepped.alone(chosen)).sum())
    work = union(stepped.start[stepped.work], stepped.end[stepped.work])
    busy = int(covered_ns(starts, ends, *work).sum())
    # what is neither a gap nor work: nobody knows whether something ran
    ns["unknown"] += whole - busy - int(gaps.length_ns.sum())
    ns["gpu"] = whole - sum(ns[name] for name in BOUNDS if name != "gpu")
    # a dependency is the GPU's own, and counted among what is left
    shares = {name: ns[name] / whole for name in BOUNDS}
    found = max(BOUNDS, key=lambda name: shares[name])
    own = {cause: spent for cause, spent in zip(CAUSES, parts.tolist(), strict=True) if _OF_CAUSE[cause] == "host"}
    part = max(own, key=lambda cause: own[cause]) if found == "host" else None
    return Bound(found, shares, part, own[part] / whole if part else 0.0, whole)
