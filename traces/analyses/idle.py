"""Idle: the gaps of the device, the longest first, and what all of them, long or short, were for."""

from __future__ import annotations

import numpy as np

from launchlens.traces.analyses.kernel_names import short_name
from launchlens.traces.analyses.question import Need, Question
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.intervals import Ints
from launchlens.traces.steps.gaps import CAUSES, Gaps
from launchlens.traces.steps.host_line import STATES
from launchlens.traces.steps.stepped import Stepped
from launchlens.traces.tables.rows import Rows, one_below_another
from launchlens.traces.tables.table import Column
from launchlens.traces.thresholds import THRESHOLDS

#: So many gaps are listed at most: all of them are summed.
MOST_LISTED = 1_000
GAPS = Need(lambda scope: scope.stepped.gaps is not None, "no GPU work")


def _inside(scope: Scope, gaps: Gaps) -> Ints:
    """The gaps that begin in the windows, as positions; all where the windows are the steps, beyond which none is looked at."""
    if scope.stepped.windows is not None:
        return np.arange(len(gaps.start_ns))
    return np.flatnonzero(scope.inside(gaps.start_ns))


def _gaps(scope: Scope) -> Rows:
    found = one_below_another([_gaps_of(scope, each) for each in scope.stepped.each_device])
    return found.ordered("-length_ns").taken(np.arange(min(len(found), MOST_LISTED)))


def _gaps_of(scope: Scope, stepped: Stepped) -> Rows:
    """The long gaps of one device, the longest first."""
    gaps = stepped.gaps
    assert gaps is not None
    mine = _inside(scope, gaps)
    length = gaps.length_ns[mine]
    mine = mine[length >= THRESHOLDS.idle_gap_ns]
    mine = mine[np.argsort(-gaps.length_ns[mine], kind="stable")][:MOST_LISTED]
    segment = _longest_segment(stepped, gaps.start_ns[mine], gaps.end_ns[mine])
    host = stepped.host
    row = np.where(segment >= 0, host.row[segment] if len(host.row) else -1, -1)
    state = np.where(segment >= 0, host.state[segment] if len(host.state) else -1, STATES.index("nothing"))
    moment = np.where(segment >= 0, host.edges[segment] if len(host.edges) else 0, gaps.start_ns[mine])
    place = stepped.place(np.maximum(moment, gaps.start_ns[mine]))
    _, outer = stepped.op_around(row) if len(row) else (row, row)
    cause = gaps.cause[mine]
    return Rows(
        {
            "start_ns": gaps.start_ns[mine],
            "at_ns": gaps.start_ns[mine] - int(scope.start.min()),
            "length_ns": gaps.length_ns[mine],
            "device": [str(gaps.device)] * len(mine),
            "cause": [CAUSES[each] for each in cause.tolist()],
            "cause_ns": gaps.parts[mine, cause],
            "before": [name and short_name(name) for name in stepped.names(gaps.before_row[mine])],
            "after": [name and short_name(name) for name in stepped.names(gaps.after_row[mine])],
            "host_state": [STATES[each] if STATES[each] != "nothing" else "not-recorded" for each in state.tolist()],
            "host_event": stepped.names(row),
            "op": stepped.names(np.where(row >= 0, outer, -1)),
            "range": stepped.names(place),
            "step": _steps(stepped, gaps.start_ns[mine]),
        }
    )


def _longest_segment(stepped: Stepped, start: Ints, end: Ints) -> Ints:
    """The piece of the host's line that fills most of each of some times, -1 where nothing is open in it."""
    host = stepped.host
    found = np.full(len(start), -1, np.int64)
    if not len(host.state):
        return found
    first = np.maximum(np.searchsorted(host.edges, start, side="right") - 1, 0)
    last = np.minimum(np.searchsorted(host.edges, end, side="left"), len(host.state))
    reach = np.maximum(last - first, 0)
    gap = np.repeat(np.arange(len(start)), reach)
    segment = first[gap] + np.arange(len(gap)) - np.repeat(np.cumsum(reach) - reach, reach)
    length = np.minimum(host.edges[segment + 1], end[gap]) - np.maximum(host.edges[segment], start[gap])
    length[host.row[segment] < 0] = 0
    order = np.lexsort((segment, -length, gap))
    first_of = order[np.flatnonzero(np.diff(gap[order], prepend=-1))]
    told = length[first_of] > 0
    found[gap[first_of][told]] = segment[first_of][told]
    return found


def _steps(stepped: Stepped, moment: Ints) -> list[str | None]:
    steps = stepped.steps
    if steps is None:
        return [None] * len(moment)
    at = np.minimum(np.searchsorted(steps.done_ns, moment, side="right"), len(steps) - 1)
    return [steps.names[each] for each in at.tolist()]


def _causes(scope: Scope) -> Rows:
    start, end = scope.stepped.times
    time = int((end - start).sum())
    by_device = {
        str(stepped.device): _by_cause(scope, gaps)
        for stepped in scope.stepped.each_device
        if (gaps := stepped.gaps) is not None
    }
    found = [_causes_of(device, sums, time) for device, sums in by_device.items()]
    if len(found) > 1:
        each = list(by_device.values())
        together = {name: np.sum([sums[name] for sums in each], axis=0) for name in ("count", "total_ns", "parts_ns")}
        together["longest_ns"] = np.max([sums["longest_ns"] for sums in each], axis=0)
        found.insert(0, _causes_of(None, together, time * len(each)))
    return one_below_another(found)


def _by_cause(scope: Scope, gaps: Gaps) -> dict[str, Ints]:
    """How many gaps of one device there are by cause, how long all of them and the longest are, and the parts of that cause."""
    mine = _inside(scope, gaps)
    cause, length = gaps.cause[mine], gaps.length_ns[mine]
    total, longest = np.zeros(len(CAUSES), np.int64), np.zeros(len(CAUSES), np.int64)
    np.add.at(total, cause, length)
    np.maximum.at(longest, cause, length)
    return {
        "count": np.bincount(cause, minlength=len(CAUSES)),
        "total_ns": total,
        "longest_ns": longest,
        "parts_ns": gaps.parts[mine].sum(axis=0),
    }


def _causes_of(device: str | None, sums: dict[str, Ints], time: int) -> Rows:
    """The rows of one device, or of all together: of the causes that have gaps, or parts of them."""
    found = Rows(
        {
            "cause": list(CAUSES),
            **sums,
            "share": sums["total_ns"] / max(int(sums["total_ns"].sum()), 1),
            "share_of_time": sums["total_ns"] / max(time, 1),
            "parts_share_of_time": sums["parts_ns"] / max(time, 1),
            "device": [device] * len(CAUSES),
        }
    )
    return found.taken((sums["count"] > 0) | (sums["parts_ns"] > 0)).ordered("-total_ns", "cause")


IDLE = Question(
    name="idle",
    title="Gaps of the GPU",
    asks="When did the GPU have nothing to do, what was before and after, and what did the host do then?",
    columns=(
        Column("start_ns", "time", "when the gap begins, on the recorder's clock", hint="title"),
        Column("at_ns", "time", "the same, from the first event of the trace on", title="from"),
        Column("length_ns", "time", "how long it is", title="length", bar=True),
        Column("device", "text", "the device"),
        Column("cause", "code", "what it waited for: the cause of its largest part"),
        Column("cause_ns", "time", "how long that part is", title="of that cause"),
        Column("before", "name", "the GPU work that ended last before it, its name shortened", absent="none"),
        Column("after", "name", "the GPU work that ends it, its name shortened", absent="none"),
        Column("host_state", "code", "what the process was in for most of it", title="host"),
        Column("host_event", "name", "the innermost event then", title="in", absent="nothing recorded"),
        Column("op", "name", "the outermost op around that", absent="none"),
        Column("range", "name", "the author's range around that", absent="none"),
        Column("step", "name", "the step in which it begins", absent="none"),
    ),
    needs=(GAPS,),
    answer=_gaps,
    nothing="no gap of the GPU that is long enough to be listed",
    order="by length",
    brief=("at_ns", "length_ns", "cause", "before", "after", "host_event", "range"),
)

IDLE_CAUSES = Question(
    name="idle_causes",
    title="What the GPU waited for",
    asks="What was the GPU idle for, over all gaps?",
    columns=(
        Column("cause", "code", "what was waited for"),
        Column("count", "count", "gaps of this cause", title="gaps"),
        Column(
            "total_ns", "time", "their time in all: over the causes it sums to the idle time", title="in all", bar=True
        ),
        Column("share", "share", "their share of the idle time", title="of idle"),
        Column("share_of_time", "share", "their share of the time of the steps", title="of all time"),
        Column("longest_ns", "time", "the longest of them", title="longest"),
        Column(
            "parts_ns",
            "time",
            "parts of this cause in gaps of any cause: over the causes they sum to the idle time as well",
            title="parts",
        ),
        Column(
            "parts_share_of_time",
            "share",
            "that as a share of the time of the steps: what the verdict goes by, which leaves out the first of three or more steps",
            title="parts, of all time",
        ),
        Column(
            "device",
            "text",
            "the device; null in the rows of all of them together, which stand first where there are several",
            absent="all",
        ),
    ),
    needs=(GAPS,),
    answer=_causes,
    nothing="no gap of the GPU",
    order="by time",
    brief=("device", "cause", "count", "total_ns", "share", "longest_ns", "parts_share_of_time"),
    of_several="device",
)
