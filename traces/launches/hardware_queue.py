"""The queue between host and GPU, where the recorder tells of it: when work was put there, and which kind of channel took it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from launchlens.traces.intervals import Ints
from launchlens.traces.launches.table import Launches

#: Between the kinds of channels that took the work of some launches, where there are several.
AND = ", "


class HardwareQueue:
    """Looks up what CUPTI tells of the activities of some launches, given as their positions."""

    def __init__(self, launches: Launches, events: pd.DataFrame) -> None:
        by_launch = np.argsort(launches.owner, kind="stable")
        self._first = np.searchsorted(launches.owner[by_launch], np.arange(len(launches) + 1))
        work = launches.joined_rows[by_launch]
        channel = events["channel"].array
        self._channels = channel.categories
        self._channel = channel.codes[work]
        queued = events["queued_ns"].array[work]
        self._known = ~queued.isna()
        self._any_known = bool(self._known.any())
        self._waited = events["start_ns"].to_numpy()[work] - queued.to_numpy(np.int64, na_value=0)

    def queued_to_start_ns(self, chosen: Ints) -> Ints:
        """GPU start - the moment the recorder saw it queued, ns, of each activity of the `chosen` launches that tells.

        The recorder takes the first on the GPU's clock and the second on the host's: what comes out negative is left out.
        """
        if not self._any_known:
            return np.empty(0, np.int64)
        work = self._work_of(chosen)
        waited: Ints = self._waited[work][self._known[work]]
        return waited[waited >= 0]

    def channels(self, chosen: Ints) -> dict[str, int]:
        """How many of the `chosen` launches each kind of channel took the work of; none where not told.

        Launches whose work went to several kinds count under all their names together.
        """
        if not len(self._channels):
            return {}
        work = self._work_of(chosen)
        launch = np.repeat(np.arange(len(chosen)), self._first[chosen + 1] - self._first[chosen])
        code = self._channel[work].astype(np.int64)
        pairs = np.unique(launch[code >= 0] * len(self._channels) + code[code >= 0])
        launch, code = np.divmod(pairs, len(self._channels))
        alone = np.bincount(launch, minlength=len(chosen))[launch] == 1
        found = {str(self._channels[kind]): int(count) for kind, count in enumerate(np.bincount(code[alone])) if count}
        several: dict[int, list[str]] = {}
        for at, kind in zip(launch[~alone].tolist(), code[~alone].tolist(), strict=True):
            several.setdefault(at, []).append(str(self._channels[kind]))
        for names in several.values():
            together = AND.join(sorted(names))
            found[together] = found.get(together, 0) + 1
        return found

    def _work_of(self, chosen: Ints) -> Ints:
        """Where the activities of the `chosen` launches stand, which lie one launch after the other."""
        first, end = self._first[chosen], self._first[chosen + 1]
        count = end - first
        places: Ints = np.repeat(end - np.cumsum(count), count) + np.arange(count.sum())
        return places


def channel_names(channels: Iterable[str]) -> str | None:
    """The kinds of channels that `HardwareQueue.channels` counted, each once and by name; None where none was told."""
    return AND.join(sorted({kind for kinds in channels for kind in kinds.split(AND)})) or None
