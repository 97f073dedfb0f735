"""`prefetch-data`: the host gets the next data while nothing else goes on.

Getting data is told by the name of the range (`data`, `loader`, `enumerate(DataLoader)`, …). Prefetched, it goes on beside the step: then
it costs nothing while it is shorter than the rest of the step, and with one worker the step can't be shorter than it.
"""

from __future__ import annotations

import numpy as np

from launchlens.traces.advice.candidate import Candidate
from launchlens.traces.advice.region import Region
from launchlens.traces.intervals import union
from launchlens.traces.steps.gaps import CAUSES, segment_causes
from launchlens.traces.steps.replay import Change
from launchlens.traces.thresholds import THRESHOLDS


def propose(region: Region) -> list[Candidate]:
    """Fetch the next step's data meanwhile, where the GPU waits for it; nothing where a step waits less than `stall_ns`."""
    host = region.stepped.host
    if not len(host.state):
        return []
    loading = segment_causes(region.stepped.joined, host) == CAUSES.index("data")
    start, end = union(host.start_ns[loading], host.end_ns[loading])
    inside = region.replay.holds(start)
    start, end = start[inside], end[inside]
    total = float((end - start).sum()) / region.steps
    if total < THRESHOLDS.stall_ns:
        return []
    rows = np.unique(region.inside(host.row[loading & (host.row >= 0)]))
    if not len(rows) or not region.in_most_steps(rows):
        return []
    # one worker that takes longer than the rest of a step holds the step up by the difference
    rest = max(region.replay.play(Change(gone=((start, end, 0.0),)), THRESHOLDS.most_stretch), 1.0)
    stays = min(max((total - rest) / total, THRESHOLDS.stall_ns / total, 0.0), 1.0)
    place = region.stepped.place(start)
    named = f"`{region.named(int(rows[0]))}`"
    return [
        Candidate(
            "prefetch-data",
            region.where(place, named),
            Change(gone=((start, end, stays),)),
            Change(gone=((start, end, 0.0),)),
            region.evidence(rows),
        )
    ]
