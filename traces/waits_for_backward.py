"""When a thread waits because another one does its work, as the caller of a backward pass does while autograd's thread runs it.

    forward thread    | aten::mm |        range or nothing        | aten::add |
    autograd thread                 | MmBackward0 | |AddBackward0|
    forward thread                  |         waiting            |

A thread waits from the first to the last backward op of its own forward ops that another thread runs, where it has no op and no call
open itself from before the first to after the last: autograd's `backward()` returns only then.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from launchlens.traces.backward import BackwardOps
from launchlens.traces.columns import codes
from launchlens.traces.event_names import named
from launchlens.traces.grouping import by_keys
from launchlens.traces.intervals import Ints, union
from launchlens.traces.lanes import DOING, HostEvents

#: What autograd's engine opens for each step of a backward pass, on whichever thread it runs it.
_ENGINE = "autograd::engine::evaluate_function"


def waits_for_backward(
    events: pd.DataFrame, found: HostEvents, linked: BackwardOps
) -> Mapping[tuple[int, int], tuple[Ints, Ints]]:
    """When each thread waits, by its process's code and its own: starts and ends.

    A backward op that nothing links is of the one other thread of its process that does anything, where there is just one.
    """
    rows, process, thread = _engine_ops(events, found, linked)
    start = events["start_ns"].to_numpy()[rows]
    end = start + events["dur_ns"].to_numpy()[rows]
    waits = {}
    for lane, mine in by_keys(np.arange(len(rows)), process, thread).items():
        if lane in found.of_thread:
            waits[lane] = _while_idle(found, found.of_thread[lane], start[mine], end[mine])
    return waits


def _engine_ops(events: pd.DataFrame, found: HostEvents, linked: BackwardOps) -> tuple[Ints, Ints, Ints]:
    """Backward ops by their rows, each with process and thread for which another thread runs it."""
    of_process, of_thread = (codes(events, each) for each in ("process", "thread"))
    process, thread = of_process[linked.forward], of_thread[linked.forward]
    elsewhere = (process == of_process[linked.rows]) & (thread != of_thread[linked.rows])
    parts = [(linked.rows[elsewhere], process[elsewhere], thread[elsewhere])]
    ops = found.rows[named(events["name"], lambda name: name.startswith(_ENGINE), found.rows)]
    lanes_of_engine = (
        {(int(of), int(own)) for of, own in zip(of_process[ops], of_thread[ops], strict=True)} if len(ops) else set()
    )
    unlinked = np.setdiff1d(ops, linked.rows)
    for lane, mine in by_keys(unlinked, of_process[unlinked], of_thread[unlinked]).items():
        others = [other for other in found.threads_of(lane[0]) if (lane[0], other) not in lanes_of_engine]
        if len(others) == 1 and others[0] >= 0:
            parts.append((mine, np.full(len(mine), lane[0]), np.full(len(mine), others[0])))
    rows, processes, threads = (np.concatenate(each) for each in zip(*parts, strict=True))
    return rows, processes, threads


def _while_idle(found: HostEvents, own: Ints, start: Ints, end: Ints) -> tuple[Ints, Ints]:
    """From the first to the last of some intervals in each gap between a thread's own events, those that it does something in."""
    doing = own[np.isin(found.evident[own], DOING)]
    opens, closes = union(found.start_ns[doing], found.end_ns[doing])
    gap = np.searchsorted(opens, start, side="right")
    free = (gap == 0) | (np.append(0, closes)[gap] <= start)
    gap, start, end = gap[free], start[free], end[free]
    end = np.minimum(end, np.append(opens, np.iinfo(np.int64).max)[gap])
    first = np.full(len(opens) + 1, np.iinfo(np.int64).max)
    last = np.full(len(opens) + 1, np.iinfo(np.int64).min)
    np.minimum.at(first, gap, start)
    np.maximum.at(last, gap, end)
    met = last > first
    return first[met], last[met]
