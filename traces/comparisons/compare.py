"""Two sides of traces against each other: their steps matched, and the difference of a typical step split so that it sums.

steps of a     |1|2|3|4|5|        those that both sides have a phase of: the first of each is left out, the others of its kind
steps of b     |1|2|3|4|          of either side make its typical step
b - a          kernels + idle causes + unknown = operators = ranges = account = the difference
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from launchlens.traces.comparisons import renames, sides
from launchlens.traces.comparisons.conditions import Condition, differing, ops_are_known
from launchlens.traces.comparisons.measured import (
    FIGURES,
    NO_OP,
    NO_RANGE,
    TABLES,
    FigureName,
    Measured,
    aligned,
    host_aligned,
)
from launchlens.traces.comparisons.metrics import Metric, metrics_of
from launchlens.traces.comparisons.pace import HostPace, Pace, pace_of_gpu, pace_of_host
from launchlens.traces.comparisons.phases import Paired, Phase, paired, phases
from launchlens.traces.comparisons.recording_setup import Told
from launchlens.traces.comparisons.renames import Pairing
from launchlens.traces.comparisons.rows import Row, largest_first, row
from launchlens.traces.comparisons.sides import Given, Reading, Skipped, given
from launchlens.traces.comparisons.typical import Floats, Sampled, intervals, typical, whole
from launchlens.traces.comparisons.windows import Windows
from launchlens.traces.problems import InputError
from launchlens.traces.thresholds import THRESHOLDS

#: What an interval of a difference rests on: traces of either side, their steps, or nothing, where there are too few.
RestsOn = Literal["recordings", "steps", "one sample each", "too few steps"]


@dataclass(frozen=True)
class Side:
    """One side: the traces that stand for it, and of each the steps that are compared. `first_left_out`: the first step of every trace is not among them."""

    given: tuple[Given, ...]
    traces: tuple[Measured, ...]
    compared: tuple[Measured, ...]
    skipped: tuple[Skipped, ...]
    first_left_out: bool

    @property
    def steps(self) -> int:
        """How many steps are compared."""
        return sum(len(one) for one in self.compared)

    @property
    def steps_in_all(self) -> int:
        return sum(len(one) for one in self.traces)

    @property
    def run_of(self) -> tuple[int, ...]:
        """The run of each compared trace, by number: traces that were recorded at one time are one run's, as those of its ranks are."""
        return runs([one.told for one in self.compared])

    @property
    def runs(self) -> int:
        return len(set(self.run_of))

    @property
    def odd(self) -> int:
        """How many of the compared steps take far longer or shorter than the median one of their trace: counted, not left out."""
        return sum(_odd(one.figures["wall"].astype(float)) for one in self.compared)

    @property
    def wall_median_ns(self) -> float:
        """The median time of a compared step; of several traces the median of their medians."""
        return float(np.median([np.median(one.figures["wall"]) for one in self.compared]))

    @cached_property
    def metrics(self) -> Mapping[str, Metric]:
        """Every number of the compared steps by name (`metrics_of`); what was not recorded is not there."""
        return metrics_of(self.compared)


@dataclass(frozen=True)
class PhaseCompared:
    """One phase of the program on both sides: how many steps of it there are, and what one takes (median); None where a side has none."""

    kind: str
    steps_was: int
    steps_now: int
    was_ns: float | None
    now_ns: float | None
    alike: float
    compared: bool


@dataclass(frozen=True)
class Figure:
    """A whole that tables sum to, of a typical step; null where GPU work was not recorded on both sides."""

    name: FigureName
    was_ns: int
    now_ns: int
    interval_ns: tuple[int, int] | None
    at_equal_pace_ns: int | None = None

    @property
    def difference_ns(self) -> int:
        return self.now_ns - self.was_ns


@dataclass(frozen=True)
class DeviceCompared:
    """The same of one device, by its number: of the steps in which something of theirs ran there, on either side."""

    device: int
    steps: tuple[int, int]
    figures: Mapping[str, Figure]
    tables: Mapping[str, tuple[Row, ...]]


@dataclass(frozen=True)
class TraceComparison:
    """b against a, of a typical step: `figures` by name (FIGURES) and `tables` by name (TABLES), whose rows sum to their figure.

    These are of the device that does most of each trace; `devices` has every one that both sides use, where there are several.
    """

    a: Side
    b: Side
    conditions: tuple[Condition, ...]
    phases: tuple[PhaseCompared, ...]
    figures: Mapping[str, Figure]
    tables: Mapping[str, tuple[Row, ...]]
    launches: tuple[float, float]
    rests_on: RestsOn
    host_pace: HostPace | None = None
    devices: tuple[DeviceCompared, ...] = ()

    @property
    def wall(self) -> Figure:
        return self.figures["wall"]

    @property
    def is_shown(self) -> bool:
        """Whether a difference of the steps is shown: by three runs or more of either side."""
        interval = self.wall.interval_ns
        return self.rests_on == "recordings" and interval is not None and not interval[0] <= 0 <= interval[1]


def compare_traces(
    a: Sequence[str | Path | Given],
    b: Sequence[str | Path | Given],
    *,
    steps: str | None = None,
    reading: Reading | None = None,
) -> TraceComparison:
    """Compare the steps of some traces with those of others, b against a.

    Each side is one or several of what `sides.given` takes apart: a trace, a folder or pattern of traces, a capture, and `PATH::RANGE`. `steps`
    is a pattern of ranges that are the steps, where no range is named. Raises InputError with one line for what can't be used.
    """
    ours, theirs = ([each if isinstance(each, Given) else given(each) for each in side] for side in (a, b))
    if len({each.range_name is None for each in (*ours, *theirs)}) > 1:
        without = next(each for each in (*theirs, *ours) if each.range_name is None)
        what = "is compared by its steps, and another side names a range"
        raise InputError(without.path, what, "write all as PATH::RANGE, or none")
    (of_a, left_a), (of_b, left_b) = (sides.measured(each, steps=steps, reading=reading) for each in (ours, theirs))
    # a trace without steps is one window: it is compared with all of the other, not with a step of it
    if {each.windows.is_whole for each in (*of_a, *of_b)} == {True, False}:
        of_a, of_b = ([each.as_whole() for each in side] for side in (of_a, of_b))
    return compare_measured((tuple(ours), of_a, left_a), (tuple(theirs), of_b, left_b))


#: A side as it was given, its traces measured, and the files that could not be used.
_Measured = tuple[tuple[Given, ...], Sequence[Measured], Sequence[Skipped]]


def compare_measured(a: _Measured, b: _Measured) -> TraceComparison:
    """The same of traces that are measured already."""
    if not ops_are_known(a[1], b[1]):
        a, b = ((side[0], [one.host_folded() for one in side[1]], side[2]) for side in (a, b))
    drop = all(one.windows.begins_with_itself and len(one) > 2 for one in (*a[1], *b[1]))
    without_first = [[one.only(np.arange(len(one)) > 0) if drop else one for one in side[1]] for side in (a, b)]
    pairs = paired(*(phases(each) for each in without_first))
    main = max((pair for pair in pairs if pair.a and pair.b), key=lambda pair: _weight(pair, without_first))
    assert main.a is not None and main.b is not None
    left = Side(a[0], tuple(a[1]), tuple(main.a.traces(without_first[0])), tuple(a[2]), drop)
    right = Side(b[0], tuple(b[1]), tuple(main.b.traces(without_first[1])), tuple(b[2]), drop)
    shown = tuple(_phase(pair, without_first, compared=pair is main) for pair in pairs)
    host_pace = pace_of_host(left.compared, right.compared)
    figures, tables, rests_on = _split(left, right, host_pace)
    launches = tuple(
        float(np.mean([typical(np.stack([one.figures["wall"], one.launches], axis=1).astype(float))[1] for one in side.compared]))
        for side in (left, right)
    )  # fmt: skip
    conditions = (
        *differing(left.traces, right.traces),
        *_other_devices(left, right),
        *_unlike(main, left.compared[0].windows, right.compared[0].windows),
        *_paces(pace_of_gpu(tables), host_pace),
    )
    return TraceComparison(
        left, right, conditions, shown, figures, tables, (launches[0], launches[1]), rests_on, host_pace,
        _by_device(left, right, host_pace),
    )  # fmt: skip


def _by_device(a: Side, b: Side, pace: HostPace | None) -> tuple[DeviceCompared, ...]:
    """Every device that both sides use, where there are several."""
    used = _used(a), _used(b)
    if len(used[0] | used[1]) < 2:
        return ()
    found = []
    for device in sorted(used[0] & used[1]):
        ours, theirs = (_on(side, device) for side in (a, b))
        figures, tables, _ = _split(ours, theirs, pace)
        found.append(DeviceCompared(device, (ours.steps, theirs.steps), figures, tables))
    return tuple(found)


def _used(side: Side) -> set[int]:
    return {device for one in side.compared for device in one.devices}


def _on(side: Side, device: int) -> Side:
    there = tuple(one.on(device) for one in side.compared if device in one.devices)
    return replace(side, compared=there)


def _other_devices(a: Side, b: Side) -> list[Condition]:
    """Whether one side uses devices that the other does not: these are compared with none."""
    used = [sorted(_used(side)) for side in (a, b)]
    if used[0] == used[1] or not used[0] or not used[1]:
        return []
    was, now = (", ".join(map(str, each)) for each in used)
    return [Condition("GPUs in use, by number", was, now)]


def _weight(pair: Paired, traces: Sequence[Sequence[Measured]]) -> tuple[float, float]:
    """How much of both sides a pair of phases is about: by its steps, then by their time."""
    steps = time = 0.0
    for phase, side in ((pair.a, traces[0]), (pair.b, traces[1])):
        assert phase is not None
        steps += phase.count / sum(len(one) for one in side)
        everything = sum(float(one.figures["wall"].sum()) for one in side) or 1.0
        time += sum(float(one.figures["wall"].sum()) for one in phase.traces(side)) / everything
    return steps, time


def _phase(pair: Paired, traces: Sequence[Sequence[Measured]], *, compared: bool) -> PhaseCompared:
    def time(phase: Phase | None, side: Sequence[Measured]) -> float | None:
        if phase is None:
            return None
        return float(np.median([np.median(one.figures["wall"]) for one in phase.traces(side)]))

    either = pair.a or pair.b
    assert either is not None
    counts = [0 if phase is None else phase.count for phase in (pair.a, pair.b)]
    return PhaseCompared(
        either.kind, counts[0], counts[1], time(pair.a, traces[0]), time(pair.b, traces[1]), pair.alike, compared
    )  # fmt: skip


def _odd(wall: Floats) -> int:
    away = np.abs(wall - np.median(wall))
    spread = float(np.median(away)) * THRESHOLDS.odd_step_spreads
    return int(((away > spread) & (away > THRESHOLDS.odd_step_share * np.median(wall))).sum())


def _split(a: Side, b: Side, pace: HostPace | None) -> tuple[dict[str, Figure], dict[str, tuple[Row, ...]], RestsOn]:
    both = (*a.compared, *b.compared)
    known = [name for name in FIGURES if all(name in one.figures for one in both)]
    tables = [name for name in TABLES if all(name in one.tables for one in both)]
    if len({one.device is None for one in both}) > 1:  # cells of one side have a device, and those of the other none
        tables = [name for name in tables if name != "account"]
    pairings = {name: _pairings(a, b, name) for name in tables}
    names = {name: _names(a, b, name, pairings[name]) for name in tables}
    left, right = (_sampled(side, known, names, now=now) for side, now in ((a, False), (b, True)))
    ends = intervals(left, right)
    values = left.value(), right.value()

    def interval(at: int) -> tuple[int, int] | None:
        return None if ends is None else (_rounded(ends[0][at]), _rounded(ends[1][at]))

    figures: dict[str, Figure] = {}
    totals: list[dict[str, int]] = []
    for value in values:
        wall = round(float(value[0]))
        parts = dict(zip(known[1:], whole(value[1 : len(known)], wall).tolist(), strict=True)) if len(known) > 1 else {}
        totals.append({"wall": wall} | parts)
    for at, name in enumerate(known):
        figures[name] = Figure(name, totals[0][name], totals[1][name], interval(at))
    at_equal_pace = _at_equal_pace(a, b, names, values, totals, pace) if pace is not None and "idle" in known else {}
    figures |= {
        name: replace(figures[name], at_equal_pace_ns=ns) for name, ns in at_equal_pace.get("figures", {}).items()
    }
    found: dict[str, tuple[Row, ...]] = {}
    at = len(known)
    for table in tables:
        width = len(names[table])
        ns = [
            whole(value[at : at + width], total[TABLES[table]]).tolist()
            for value, total in zip(values, totals, strict=True)
        ]
        calls = [value[at + width : at + 2 * width] for value in values]
        rows = []
        for number, (was, now) in enumerate(names[table]):
            pairing = next((each for each in pairings[table] if each.now == now), None) if was != now else None
            often = None
            if table != "account" and now not in (NO_OP, NO_RANGE):
                often = (float(calls[0][number]), float(calls[1][number]))
            equal = at_equal_pace.get(table, {}).get(now)
            rows.append(row(now, (ns[0][number], ns[1][number]), often, interval(at + number), pairing, equal))
        found[table] = tuple(largest_first(rows))
        at += 2 * width
    return figures, found, _rests_on(a, b, known=ends is not None)


def _at_equal_pace(
    a: Side,
    b: Side,
    names: Mapping[str, _Names],
    values: tuple[Floats, Floats],
    totals: Sequence[Mapping[str, int]],
    pace: HostPace,
) -> dict[str, dict[str, int]]:
    """The differences of figures, and of tables by name, were the host as quick on either side: rows sum to their figure still."""
    given = {table: pairs for table, pairs in names.items() if table in ("operators", "ranges", "idle_causes")}
    sides = []
    for side, now, value, total in zip((a, b), (False, True), values, totals, strict=True):
        traces = []
        for one in side.compared:
            columns = [one.figures["wall"].astype(float)[:, np.newaxis]]
            for table, pairs in given.items():
                mine = [pair[now] for pair in pairs]
                main, others = (host_aligned(one.tables[table], mine, others=each) for each in (False, True))
                by, others_by = pace.by(now=now)
                columns.append(main * (by - 1) + others * (others_by - 1))
            traces.append(np.concatenate(columns, axis=1))
        left = Sampled(tuple(traces), side.run_of).value()[1:]
        more = {}
        for table, pairs in given.items():
            more[table], left = left[: len(pairs)], left[len(pairs) :]
        wall = round(float(more["ranges"].sum()))
        figures = {"wall": total["wall"] + wall, "idle": total["idle"] + wall}
        found, at = {"figures": figures}, len(total)
        for table, pairs in names.items():
            if table in given:
                rows = whole(value[at : at + len(pairs)] + more[table], figures[TABLES[table]])
                found[table] = dict(zip((pair[True] for pair in pairs), rows.tolist(), strict=True))
            at += 2 * len(pairs)
        sides.append(found)
    return {
        table: {name: sides[1][table][name] - was for name, was in rows.items()} for table, rows in sides[0].items()
    }


def _rests_on(a: Side, b: Side, *, known: bool) -> RestsOn:
    if min(a.runs, b.runs) >= THRESHOLDS.least_runs:
        return "recordings"
    if known:
        return "steps"
    return "one sample each" if a.steps == b.steps == 1 else "too few steps"


#: The name that each row has on either side: alike but for what was renamed.
_Names = list[tuple[str, str]]


def _names(a: Side, b: Side, table: str, pairings: Sequence[Pairing]) -> _Names:
    renamed = {each.was: each.now for each in pairings}
    names = sorted({name for one in (*a.compared, *b.compared) for name in _present(one, table)})
    found = {each.now: each.was for each in pairings}
    pairs = [(found.get(name, name), name) for name in names if name not in renamed]
    return sorted(pairs, key=lambda pair: sorted(pair))  # in the same order whichever side is which


def _sampled(side: Side, figures: Sequence[FigureName], names: Mapping[str, _Names], *, now: bool) -> Sampled:
    """Of every step of a side its figures, and of every table the times and the calls of its names."""
    traces = []
    for one in side.compared:
        columns = [one.figures[name].astype(float)[:, np.newaxis] for name in figures]
        for table, pairs in names.items():
            columns += aligned(one.tables[table], [pair[now] for pair in pairs])
        traces.append(np.concatenate(columns, axis=1))
    return Sampled(tuple(traces), side.run_of)


def _pairings(a: Side, b: Side, table: str) -> list[Pairing]:
    """What is gone and what was added that is one thing renamed, told from the first trace of either side."""
    ours, theirs = (
        {name for one in side.compared for name in _present(one, table)} for side in (a, b)
    )  # fmt: skip
    gone, added = (
        _longest(side, table, names)[: renames.MOST_NAMES] for side, names in ((a, ours - theirs), (b, theirs - ours))
    )
    match table:
        case "kernels":
            return renames.of_work(a.compared[0], b.compared[0], gone, added)
        case "operators":
            return renames.of_operators(a.compared[0], b.compared[0], gone, added)
    return []


def _longest(side: Side, table: str, names: set[str]) -> list[str]:
    """Names by their time on a side, the longest first."""
    time = Counter[str]()
    for one in side.compared:
        measures = one.tables[table]
        time.update(dict(zip(measures.names, measures.ns.sum(axis=0).tolist(), strict=True)))
    return sorted(names, key=lambda name: (-time[name], name))


def _present(one: Measured, table: str) -> list[str]:
    measures = one.tables[table]
    here = np.atleast_1d((measures.ns != 0).any(axis=0) | (measures.calls != 0).any(axis=0))
    return [name for name, there in zip(measures.names, here.tolist(), strict=True) if there]


def _unlike(compared: Paired, a: Windows, b: Windows) -> list[Condition]:
    """Whether it is doubtful that the steps of both sides are the same step of the same program."""
    assert compared.a is not None and compared.b is not None
    ranges_of_two_names = all(windows.is_range for windows in (a, b)) and compared.a.kind != compared.b.kind
    if compared.alike >= THRESHOLDS.phases_paired or ranges_of_two_names:
        return []
    counts = [
        f"{sum(each.holds.values()):,.0f} ops, ranges and pieces of GPU work" for each in (compared.a, compared.b)
    ]
    common = f"{100 * compared.alike:.0f} % in common"
    return [
        Condition("what a step does, and it is not known that it is the same one", counts[0], f"{counts[1]}, {common}")
    ]


def _paces(gpu: Pace | None, host: HostPace | None) -> list[Condition]:
    """Whether all that both sides run takes longer on one: that is a clock, or a host that drifts, and no call's own."""
    found = []
    if gpu is not None and gpu.differs:
        found.append(Condition("pace of the GPU, by the kernels that both run", "1 ×", f"{gpu.ratio:.2f} × as long"))
    if host is not None:
        for pace, of in ((host.main, "on the steps' thread"), (host.others, "on other threads")):
            if pace.differs:
                what = f"pace of the host, by the calls that both make {of}"
                found.append(Condition(what, "1 ×", f"{pace.ratio:.2f} × as long"))
            if host.others is host.main:
                break
    return found


def runs(told: Sequence[Told]) -> tuple[int, ...]:
    """A number a trace: the same for those whose times overlap on the clock of the day, where their recorder tells that."""
    spans = [(*each.span_ns, at) for at, each in enumerate(told) if each.span_ns is not None]
    found = list(range(len(told)))
    reach, run = None, 0
    for low, high, at in sorted(spans):
        if reach is None or low >= reach:
            run = at
        found[at] = run
        reach = high if reach is None else max(reach, high)
    return tuple(found)


def _rounded(ns: float) -> int:
    """A whole number near a time; what floating point adds to a half does not decide which."""
    return round(round(float(ns), 3))
