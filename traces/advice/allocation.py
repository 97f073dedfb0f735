"""`avoid-allocation`: steps that get memory from the driver, or give it back: calls that take long and wait for the device."""

from __future__ import annotations

import numpy as np

from launchlens.traces.advice.candidate import Candidate
from launchlens.traces.advice.region import Region
from launchlens.traces.columns import is_any
from launchlens.traces.launches.apis import allocates
from launchlens.traces.steps.replay import Change
from launchlens.traces.thresholds import THRESHOLDS


def propose(region: Region) -> list[Candidate]:
    """One candidate: all such calls of the steps."""
    stepped = region.stepped
    rows = region.inside(np.flatnonzero(is_any(stepped.events, "kind", "api")))
    rows = rows[region.says([allocates(name) for name in region.names], rows)]
    rows = rows[stepped.events["process"].array.codes[rows] == stepped.process]
    if not len(rows) or not region.in_most_steps(rows):
        return []
    start, end = stepped.start[rows], stepped.end[rows]
    _, outer = stepped.op_around(rows)
    named = region.named(int(outer[0] if outer[0] >= 0 else rows[0]))
    return [
        Candidate(
            "avoid-allocation",
            region.where(stepped.place(start), f"`{named}`"),
            # where the memory is kept, it still has to be found
            Change(gone=((start, end, THRESHOLDS.kept_allocation),), unwaited=rows),
            Change(gone=((start, end, 0.0),), unwaited=rows),
            region.evidence(rows),
        )
    ]
