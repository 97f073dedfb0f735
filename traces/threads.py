"""Which process and host thread launch most, which device they use, and what a thread is called."""

from __future__ import annotations

import numpy as np
import pandas as pd

from launchlens.traces.columns import is_any, is_on, most_first
from launchlens.traces.grouping import by_keys
from launchlens.traces.launches.table import Launches
from launchlens.traces.problems import InputError
from launchlens.traces.schema import HOST_KINDS
from launchlens.traces.trace import Trace


def thread_name(events: pd.DataFrame, process: int, thread: int) -> str:
    """What a thread is called in results: its id, with its process's where host events come from several processes."""
    name = str(events["thread"].array.categories[thread]) if thread >= 0 else "unknown"
    # categories may hold more than processes (readers number all ids together), and device rows may name others
    processes = events["process"].array
    codes = np.unique(processes.codes[is_any(events, "kind", *HOST_KINDS)])
    several = int((codes >= 0).sum()) > 1
    return f"{name} of process {processes.categories[process]}" if several and process >= 0 else name


def find_thread(trace: Trace, asked: str) -> tuple[int, int]:
    """The (process, thread) codes of the thread that `asked` names: by its id, or as results call it.

    Raises InputError where no thread with host events is called so, or several are.
    """
    events = trace.events
    on_host = np.flatnonzero(is_any(events, "kind", *HOST_KINDS))
    process, thread = (events[each].array.codes[on_host].astype(np.int64) for each in ("process", "thread"))
    count = by_keys(on_host, process, thread)
    names = {at: thread_name(events, *at) for at in sorted(count, key=lambda at: -len(count[at])) if at[1] >= 0}
    found = [at for at, name in names.items() if asked in (name, str(events["thread"].cat.categories[at[1]]))]
    if len(found) == 1:
        return int(found[0][0]), int(found[0][1])
    listed = ", ".join(repr(name) for name in ([names[at] for at in found] or list(names.values()))[:8]) or "none"
    if found:
        raise InputError(trace.path, f"holds several threads {asked!r}", f"say which: {listed}")
    raise InputError(trace.path, f"holds no thread {asked!r}", f"its threads: {listed}")


def launching_thread(launches: Launches) -> tuple[int, int] | None:
    """The (process, thread) codes with the most launches; None without launches."""
    groups = by_keys(np.arange(len(launches)), launches.process, launches.thread)
    if not groups:
        return None
    process, thread = max(sorted(groups), key=lambda at: len(groups[at]))
    return int(process), int(thread)


def launching_process(launches: Launches) -> int | None:
    """The code of the process with the most launches; None without launches."""
    groups = by_keys(np.arange(len(launches)), launches.process)
    return int(max(sorted(groups), key=lambda at: len(groups[at]))) if groups else None


def launching_process_of(events: pd.DataFrame, launches: Launches, device: int) -> int | None:
    """The code of the process that launched most of what ran on a device; None where no launch of it is known."""
    here = is_on(events, device, launches.joined_rows)
    processes, counts = np.unique(launches.process[launches.owner[here]], return_counts=True)
    return int(processes[counts.argmax()]) if len(processes) else None


def busiest_device(events: pd.DataFrame, launches: Launches, process: int, thread: int | None = None) -> int | None:
    """The device with the most GPU activities launched by a process or one thread of it, else with the most in all.

    None where there are no activities.
    """
    if thread is None:
        mine = launches.process == process
    else:
        mine = (launches.process == process) & (launches.thread == thread)
    rows = launches.joined_rows[mine[launches.owner]]
    return next(iter(most_first(events["device"].array[rows if len(rows) else launches.activity_rows])), None)
