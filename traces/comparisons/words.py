"""What a comparison of traces says in sentences; what changed most comes first."""

from __future__ import annotations

from collections.abc import Iterator

from launchlens.traces.comparisons.compare import TraceComparison
from launchlens.traces.comparisons.measured import NO_OP, NO_RANGE
from launchlens.traces.comparisons.pace import HostPace
from launchlens.traces.comparisons.rows import Row
from launchlens.traces.comparisons.windows import WHOLE
from launchlens.traces.units import duration, signed_duration, two_durations

#: What one recording a side can't show, and what several can't.
CAVEAT = (
    "These are differences of recorded steps; a recorder's cost differs between the sides, and one recording a side "
    "can't rule out drift."
)
CAVEAT_OF_SEVERAL = (
    "These are differences of recorded steps; a recorder's cost differs between the sides, and what drifts from one day "
    "to the next drifts in all recordings of a side alike."
)
#: Of a difference by kinds, how much a row explains at least to be named beside the first.
_WORTH_NAMING = 0.1


def caveat(found: TraceComparison) -> str:
    """What the differences don't show."""
    return CAVEAT_OF_SEVERAL if found.rests_on == "recordings" else CAVEAT


def sentences(found: TraceComparison) -> list[str]:
    """What differs: the step and what changed most of it, what the GPU waited for, what more calls and what dearer ones explain, what is left at one pace."""
    return [_first(found), *_waits(found), *_calls(found), *_at_equal_pace(found)]


def _first(found: TraceComparison) -> str:
    wall = found.wall
    unit = _window(found)
    rests = _rests(found)
    if not any(row.difference_ns for rows in found.tables.values() for row in rows) and not wall.difference_ns:
        return (
            f"Nothing differs: {unit} takes {duration(wall.was_ns)} on either side, kernel by kernel and wait by wait."
        )
    most = _most(found)
    named = f"; what changed most is {most}" if most else ""
    was, now = two_durations(wall.was_ns, wall.now_ns)
    step = f"{was} before and {now} now, {_more(wall.difference_ns)}"
    if wall.interval_ns is not None and wall.interval_ns[0] <= 0 <= wall.interval_ns[1]:
        return f"No difference of {unit} is shown beyond what its times spread ({step}{rests}){named}."
    return f"As recorded, {unit} takes {step}{rests}{named}."


def _window(found: TraceComparison) -> str:
    windows = found.a.compared[0].windows
    if windows.is_whole:
        return WHOLE
    return f"an instance of {windows.found_by}" if windows.is_range else "a step"


def _rests(found: TraceComparison) -> str:
    interval = found.wall.interval_ns
    if interval is None:
        said = "one sample each" if found.rests_on == "one sample each" else "too few steps for an interval"
        return f", {said}"
    of = f"{found.a.steps} and {found.b.steps} steps"
    if found.rests_on == "recordings":
        of = f"{found.a.runs} and {found.b.runs} runs"
    return f", 95 % interval {signed_duration(interval[0])} to {signed_duration(interval[1])}, of {of}"


def _most(found: TraceComparison) -> str:
    """What changed most: the range, where the program has some, and what in it; and the next one, where it is large as well."""
    ranges = [row for row in found.tables["ranges"] if row.name != NO_RANGE and row.difference_ns]
    whole = max(abs(found.wall.difference_ns), 1)
    said = []
    if ranges and abs(ranges[0].difference_ns) >= whole / 4:
        said = [f"range `{_short(row.name)}` ({_row(row)})" for row in ranges[:2]
                if abs(row.difference_ns) >= max(_WORTH_NAMING * whole, abs(ranges[0].difference_ns) / 5)]  # fmt: skip
    else:
        rows = [
            (row, kind)
            for table, kind in (("kernels", "kernel"), ("operators", "operator"))
            for row in found.tables.get(table, ())
            if row.name != NO_OP and row.difference_ns
        ]
        if rows:
            row, kind = max(rows, key=lambda each: abs(each[0].difference_ns))
            said = [f"{kind} `{_short(row.name)}` ({_row(row)})"]
    return ", then ".join(said)


def _row(row: Row) -> str:
    how = {"added": ", added", "gone": ", gone", "renamed": ", renamed", "same": ""}[row.status]
    return f"{signed_duration(row.difference_ns)}{how}"


def _waits(found: TraceComparison) -> Iterator[str]:
    """What the GPU did and waited for."""
    if "busy" not in found.figures:
        return
    busy, idle = found.figures["busy"], found.figures["idle"]
    causes = [row for row in found.tables["idle_causes"] if row.difference_ns][:2]
    if abs(idle.difference_ns) >= abs(busy.difference_ns) and causes:
        named = " and ".join(f"`{row.name}` ({signed_duration(row.difference_ns)})" for row in causes)
        yield (
            f"The GPU is idle for {_more(idle.difference_ns)} of a step, most of it for {named}, and busy for "
            f"{_more(busy.difference_ns)}."
        )
    elif busy.difference_ns:
        kernel = next(iter(found.tables["kernels"]))
        yield (
            f"The GPU is busy for {_more(busy.difference_ns)} of a step, most of it in `{_short(kernel.name)}` ({_row(kernel)}), and "
            f"idle for {_more(idle.difference_ns)}."
        )


def _calls(found: TraceComparison) -> Iterator[str]:
    """What more calls explain, and what the same calls at another cost do; what is no hundredth of a step is not told."""
    rows = [row for row in found.tables.get("operators", ()) if row.calls_was is not None]
    by_calls, by_cost = sum(row.by_calls_ns for row in rows), sum(row.by_cost_ns for row in rows)
    least = max(found.wall.was_ns, found.wall.now_ns) / 100
    was, now = found.launches
    said = []
    if abs(by_calls) >= least:
        said.append(f"operators that are gone, added, or called more or less often make {signed_duration(by_calls)}")
    if abs(by_cost) >= least:
        idle, busy = (found.figures[name].difference_ns if name in found.figures else 0 for name in ("idle", "busy"))
        drift = ", as a host that drifts does as well" if abs(idle) >= abs(busy) else ""
        said.append(f"the same calls at another cost make {signed_duration(by_cost)}{drift}")
    if round(was) != round(now):
        said.append(f"launches of a step: {was:,.0f} before, {now:,.0f} now")
    if said:
        text = "; ".join(said)
        yield f"{text[0].upper()}{text[1:]}."


def _at_equal_pace(found: TraceComparison) -> Iterator[str]:
    """What differs besides the pace of the host, where that differs."""
    pace, whole = found.host_pace, found.wall.at_equal_pace_ns
    if pace is None or whole is None or not pace.differs:
        return
    rows = [row for row in found.tables["ranges"] if row.name != NO_RANGE and row.at_equal_pace_ns]
    rows = rows or [row for row in found.tables.get("operators", ()) if row.name != NO_OP and row.at_equal_pace_ns]
    most = max(rows, key=lambda row: abs(row.at_equal_pace_ns or 0), default=None)
    named = (
        "" if most is None else f", and most in `{_short(most.name)}` ({signed_duration(most.at_equal_pace_ns or 0)})"
    )
    yield (
        f"For the calls that both make the host took {_paces(pace)} as long: "
        f"at one pace {_window(found)} would differ by {signed_duration(whole)}{named}."
    )


def _paces(pace: HostPace) -> str:
    said = f"{pace.main.ratio:.2f} ×"
    return said if pace.others is pace.main else f"{said} (other threads {pace.others.ratio:.2f} ×)"


def _short(name: str) -> str:
    from launchlens.traces.analyses.kernel_names import short_name

    shortened = short_name(name)
    return shortened if len(shortened) <= 60 else f"{shortened[:59]}…"


def _more(ns: int) -> str:
    return f"{duration(abs(ns))} {'less' if ns < 0 else 'more'}" if ns else "as long"
