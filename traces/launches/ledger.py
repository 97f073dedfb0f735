"""The launch ledger: launches by the call that was made and what it caused, with what each of them cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from launchlens.traces.grouping import by_key
from launchlens.traces.intervals import Ints
from launchlens.traces.launches.hardware_queue import HardwareQueue, channel_names
from launchlens.traces.launches.table import Launches


@dataclass(frozen=True)
class LaunchKind:
    """The launches of one kind: calls of `api` that caused `activity` (None where nothing was recorded).

    Each array holds a time per launch, ns: `api_ns` in the call, `queue_ns` queued (of those that queue), `gpu_ns` of its
    work (empty where nothing was recorded). `queued_to_start_ns` and `channels` are there only where the recorder tells
    them (see `HardwareQueue`).
    """

    api: str
    activity: str | None
    api_ns: Ints
    queue_ns: Ints
    gpu_ns: Ints
    queued_to_start_ns: Ints
    channels: Mapping[str, int]

    @property
    def channel(self) -> str | None:
        """The kinds of hardware channels that took the work, by name; None where the recorder does not tell."""
        return channel_names(self.channels)

    @property
    def total_api_ns(self) -> int:
        return int(self.api_ns.sum())


def ledger(launches: Launches, chosen: Ints, queue: HardwareQueue) -> list[LaunchKind]:
    """The ledger of some launches, given as positions: the kind that took most API time first."""
    api_ns = launches.end_ns - launches.start_ns
    found = [
        LaunchKind(
            api=api,
            activity=activity,
            api_ns=api_ns[mine],
            queue_ns=launches.queue_ns[mine][launches.queued[mine]],
            gpu_ns=launches.gpu_ns[mine[:0] if activity is None else mine],
            queued_to_start_ns=queue.queued_to_start_ns(mine),
            channels=queue.channels(mine),
        )
        for (api, activity), mine in _by_call_and_activity(launches, chosen)
    ]
    return sorted(found, key=lambda kind: (-kind.total_api_ns, kind.api, kind.activity or ""))


def _by_call_and_activity(launches: Launches, chosen: Ints) -> list[tuple[tuple[str, str | None], Ints]]:
    """The positions `chosen` of launches, apart for each pair of an API call and what it caused."""
    api, activity = launches.columns["api"], launches.columns["activity"]
    width = len(activity.categories) + 1
    calls, caused = api.categories, [*activity.categories, None]
    pair = api.codes[chosen].astype(np.int64) * width + activity.codes[chosen].astype(np.int64) % width
    return [
        ((str(calls[key // width]), None if caused[key % width] is None else str(caused[key % width])), mine)
        for key, mine in by_key(pair, chosen)
    ]
