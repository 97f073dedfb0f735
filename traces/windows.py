"""Which windows of a trace are looked at, as slices: all of it, the instances of a range, the blocks of a capture's variants."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from launchlens.traces.grouping import by_keys
from launchlens.traces.intervals import Ints
from launchlens.traces.joined import JoinedTrace
from launchlens.traces.problems import InputError, Problems
from launchlens.traces.slice import Slice
from launchlens.traces.threads import busiest_device, launching_thread

#: What the ranges of a capture are called before the variant's name: a block of iterations, and one iteration.
BLOCK, ITERATION = "variant:", "iteration:"


def whole_trace(joined: JoinedTrace) -> Slice | None:
    """All of a trace as one window, on the thread that launches most; None where no thread launches anything."""
    thread = launching_thread(joined.launches)
    if thread is None:
        return None
    start = joined.events["start_ns"].to_numpy()
    end = start + joined.events["dur_ns"].to_numpy()
    return _slice(joined, *thread, start.min()[None], end.max()[None], "the whole trace, first event to last")


def of_range(joined: JoinedTrace, name: str, *, lasting: bool = False) -> Slice:
    """The instances of a range, see `of_instances`; only those that take any time, where they must be `lasting`.

    Raises InputError when the trace holds none.
    """
    chosen = joined.instances[joined.instances["name"] == name]
    chosen = chosen[chosen["host_ns"] > 0] if lasting else chosen
    if not len(chosen):
        known = ", ".join(repr(str(other)[:60]) for other in joined.instances["name"].unique()[:8]) or "none"
        raise InputError(joined.trace.path, f"holds no range {name!r}", f"its ranges: {known}")
    made = of_instances(joined, chosen)
    return replace(made, covers=f"{len(made.start_ns)} instances of range {name!r}")


def blocks(joined: JoinedTrace) -> dict[str, Slice]:
    """The blocks of every variant that a capture's trace holds, by the variant's name: its `variant:` ranges."""
    names = joined.instances["name"].astype(str)
    found = {}
    for name in dict.fromkeys(names[names.str.startswith(BLOCK)]):
        mine = joined.instances[names == name]
        made = of_instances(joined, mine, f"the `{BLOCK}` ranges: one a block of iterations")
        threads = zip(mine["process"].cat.codes, mine["thread"].cat.codes, strict=True)
        of_its_thread = sum(at == (made.process, made.thread) for at in threads)
        problems = Problems()
        problems.add("overlapping-blocks", of_its_thread - len(made.start_ns))
        found[name.removeprefix(BLOCK)] = replace(made, problems=problems + made.problems)
    return found


def middle_iteration(joined: JoinedTrace, variant: str) -> Slice | None:
    """Of the iterations of a variant that were recorded one by one, the one of middle length; None where there is none."""
    mine = joined.instances[joined.instances["name"] == ITERATION + variant]
    return of_instances(joined, mine).middle_window() if len(mine) else None


def of_instances(joined: JoinedTrace, instances: pd.DataFrame, covers: str = "") -> Slice:
    """Some range instances, of the thread that launches most in them: those on other threads are left out.

    Left out as well are those that begin before an earlier one has ended: no time may count twice.
    """
    process, thread = (instances[each].cat.codes.to_numpy().astype(np.int64) for each in ("process", "thread"))
    made = instances["launches"].to_numpy()
    groups = by_keys(np.arange(len(instances)), process, thread)
    busiest = max(sorted(groups), key=lambda at: made[groups[at]].sum())
    mine = groups[busiest]
    start, end = (instances[each].to_numpy()[mine] for each in ("start_ns", "end_ns"))
    order = np.lexsort((-end, start))
    start, end = start[order], end[order]
    reach = np.maximum.accumulate(end)
    apart = np.ones(len(start), bool)
    apart[1:] = start[1:] >= reach[:-1]
    return _slice(joined, int(busiest[0]), int(busiest[1]), start[apart], end[apart], covers)


def _slice(joined: JoinedTrace, process: int, thread: int, start: Ints, end: Ints, covers: str) -> Slice:
    device = busiest_device(joined.events, joined.launches, process, thread)
    made = Slice(joined, process, thread, device, start, end, covers, Problems())
    made.problems.add("gpu-work-after-window", _late(made))
    return made


def _late(slice_: Slice) -> int:
    """How many launches inside the windows, of any thread, have GPU work that outlasts its window: the account cuts it off."""
    of = slice_.joined.launches
    window = slice_.window_of(of.start_ns)
    worked = (window >= 0) & of.caused_work
    return int((of.gpu_end_ns[worked] > slice_.end_ns[window[worked]]).sum())
