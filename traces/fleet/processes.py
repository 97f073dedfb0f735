"""Tells the ranks apart that lie in one file: a rank is a process that launches GPU work."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from launchlens.traces.joined import JoinedTrace, join
from launchlens.traces.readers.kineto.ranks import RANK
from launchlens.traces.trace import Trace


@dataclass(frozen=True)
class ProcessTrace:
    """One process of a file as a trace of its own; `process` is its id where there are several, `rank` what its name says."""

    joined: JoinedTrace
    process: str | None
    rank: int | None


def by_process(joined: JoinedTrace) -> list[ProcessTrace]:
    """The processes of a file that launch GPU work, in the order of their ids; the file as it is where there is one."""
    of = joined.launches
    processes = np.unique(of.process[of.owner])
    processes = processes[processes >= 0]
    if len(processes) < 2:
        return [ProcessTrace(joined, None, None)]
    events = joined.events
    names = [str(each) for each in events["process"].cat.categories]
    owner = events["process"].array.codes.astype(np.int64)
    # a row of a device is its launcher's
    owner[of.joined_rows] = of.process[of.owner]
    found = []
    for process in processes.tolist():
        kept = owner == process
        trace = _of_rows(joined.trace, kept, pd.Categorical.from_codes(np.where(kept, process, -1), names))
        said = RANK.search(str(dict(joined.trace.meta.get("process_names", {})).get(names[process], "")))
        found.append((names[process], ProcessTrace(join(trace), names[process], int(said[1]) if said else None)))
    return [part for _, part in sorted(found, key=lambda each: (len(each[0]), each[0]))]


def _of_rows(trace: Trace, kept: np.ndarray, process: pd.Categorical) -> Trace:
    """The trace of some rows alone, all of which are of one process."""
    events = trace.events.assign(process=process)[kept].reset_index(drop=True)
    devices = events["device"].dropna().unique()
    meta = {name: value for name, value in trace.meta.items() if name not in ("rank", "ranks")}
    return replace(
        trace,
        events=events,
        details=trace.details.of_rows(kept),
        devices={number: name for number, name in trace.devices.items() if number in devices},
        meta=meta,
        problems=trace.problems.copy(),
    )
