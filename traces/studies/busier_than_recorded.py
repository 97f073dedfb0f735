"""Unprofiled time between device events, held against what was recorded of a graph's replays: was the device busier?"""

from __future__ import annotations

from launchlens.traces.launches.apis import submits
from launchlens.traces.studies.recording import Recording
from launchlens.traces.thresholds import THRESHOLDS


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
    between_activities = THRESHOLDS.busier_per_activity_ns * activities
    between_replays = THRESHOLDS.busier_per_launch_ns * recording.counts["launches"]
    return device_ns > THRESHOLDS.busier_times * recording.gpu_recorded_ns + between_activities + between_replays
