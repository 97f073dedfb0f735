"""Which host thread launches most, which device it uses, and what a thread is called."""

from __future__ import annotations

import numpy as np
import pandas as pd

from launchlens.traces.grouping import by_keys
from launchlens.traces.launches.table import Launches
from launchlens.traces.schema import HOST_KINDS


def thread_name(events: pd.DataFrame, process: int, thread: int) -> str:
    """What a thread is called in results: its id, with its process's where host events come from several processes."""
    name = str(events["thread"].cat.categories[thread]) if thread >= 0 else "unknown"
    # categories may hold more than processes (readers number all ids together), and device rows may name others
    kinds = events["kind"].cat
    of_host = np.isin(
        kinds.codes.to_numpy(), [kinds.categories.get_loc(kind) for kind in HOST_KINDS if kind in kinds.categories]
    )
    codes = np.unique(events["process"].cat.codes.to_numpy()[of_host])
    several = int((codes >= 0).sum()) > 1
    return f"{name} of process {events['process'].cat.categories[process]}" if several and process >= 0 else name


def launching_thread(launches: Launches) -> tuple[int, int] | None:
    """The (process, thread) codes with the most launches; None without launches."""
    groups = by_keys(np.arange(len(launches.table)), launches.process, launches.thread)
    if not groups:
        return None
    process, thread = max(sorted(groups), key=lambda at: len(groups[at]))
    return int(process), int(thread)


def busiest_device(events: pd.DataFrame, launches: Launches, process: int, thread: int) -> int | None:
    """The device with the most GPU activities launched by a thread, else with the most in all; None without any."""
    mine = (launches.process == process) & (launches.thread == thread)
    rows = launches.joined_rows[mine[launches.owner]]
    devices = events["device"].iloc[rows if len(rows) else launches.activity_rows].dropna()
    return int(devices.value_counts().idxmax()) if len(devices) else None
