"""Unprofiled time between device events, held against what was recorded of a graph's replays: was the device busier?"""

from __future__ import annotations

from launchlens.traces.launches.apis import submits
from launchlens.traces.studies.recording import Recording

#: The device is taken to be busier than recorded beyond TIMES the recorded time and what its own steps may take: between
#: two activities of a replay, and between two replays, ns. Recorded whole, no side of the captures that ship comes near.
TIMES, PER_ACTIVITY_NS, PER_LAUNCH_NS = 2, 1_000, 5_000


def busier_than_recorded(device_ns: float | None, *, waited: bool, recording: Recording | None) -> bool:
    """Whether the device worked on an iteration for longer than its recorded replays explain.

    `device_ns` is the time between events around a block, unprofiled, per iteration. It tells how busy the device was only
    where the host `waited` for it, or where graph launches have no recorded activity; else the host's pace is in it.
    """
    if device_ns is None or recording is None or recording.gpu_recorded_ns is None:
        return False
    graphs = [row for row in recording.ledger if submits(row.api) == "graph"]
    if not graphs or not (waited or any(row.activity is None for row in graphs)):
        return False
    activities = sum(recording.counts[kind] for kind in ("kernels", "memcpys", "memsets"))
    own_steps = PER_ACTIVITY_NS * activities + PER_LAUNCH_NS * recording.counts["launches"]
    return device_ns > TIMES * recording.gpu_recorded_ns + own_steps
