"""What bounds a program: each nanosecond of its steps put down to the host, a wait, communication, copies or the GPU's own work.

    device    |- kernels -|- collective alone -|      idle, by its causes      |
    put to    [    gpu   ][   communication   ][ host ][ sync ][ … ][ unknown ]

The shares sum to one. The largest names what bounds the program; where that is what nobody recorded, it is `unknown`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from launchlens.traces.documents.advice import BoundBy
from launchlens.traces.intervals import union, union_length
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
    low, high = stepped.window
    steps = stepped.steps
    if steps is not None and len(steps) > 2:
        low = int(steps.start_ns[1])  # the first holds what was launched before it
    if stepped.device is None or high <= low:
        return None
    gaps = find_gaps(stepped.joined, stepped.host, stepped.device, (low, high))
    ns: dict[BoundBy, int] = dict.fromkeys(BOUNDS, 0)
    parts = gaps.by_part()
    for cause, spent in zip(CAUSES, parts.tolist(), strict=True):
        ns[_OF_CAUSE[cause]] += spent
    for chosen, name in ((stepped.is_collective, "communication"), (stepped.is_copy, "copies")):
        start, end = stepped.alone(chosen)
        ns[name] += int((np.clip(end, low, high) - np.clip(start, low, high)).sum())  # type: ignore[index]
    work = union(np.clip(stepped.start[stepped.work], low, high), np.clip(stepped.end[stepped.work], low, high))
    busy = union_length(*work)
    # what is neither a gap nor work: nobody knows whether something ran
    ns["unknown"] += high - low - busy - int(gaps.length_ns.sum())
    ns["gpu"] = high - low - sum(ns[name] for name in BOUNDS if name != "gpu")
    # a dependency is the GPU's own, and counted among what is left
    shares = {name: ns[name] / (high - low) for name in BOUNDS}
    found = max(BOUNDS, key=lambda name: shares[name])
    own = {cause: spent for cause, spent in zip(CAUSES, parts.tolist(), strict=True) if _OF_CAUSE[cause] == "host"}
    part = max(own, key=lambda cause: own[cause]) if found == "host" else None
    return Bound(found, shares, part, own[part] / (high - low) if part else 0.0, high - low)
