"""What one trace holds: totals, ranges, launch costs and an account, and the document of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from msgspec import UNSET

from launchlens.traces.advice.advise import advise
from launchlens.traces.advice.candidate import Saving
from launchlens.traces.advice.document import advice_of, verdict_of
from launchlens.traces.analyses.answers import Answers, answers
from launchlens.traces.analyses.catalogue import questions
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.columns import numbers
from launchlens.traces.documents.analysis import (
    AccountOfTrace,
    AnalysisDocument,
    CopyTotals,
    CountedSpread,
    GraphTotals,
    KernelTotals,
    LaunchCostRow,
    LaunchCount,
    RangeRow,
    Source,
    Spread,
    Totals,
)
from launchlens.traces.documents.problem import problem_rows
from launchlens.traces.documents.table import table_of
from launchlens.traces.grouping import by_key
from launchlens.traces.intervals import Ints, union_length
from launchlens.traces.joined import JoinedTrace, join
from launchlens.traces.launches.hardware_queue import HardwareQueue
from launchlens.traces.launches.ledger import ledger
from launchlens.traces.launches.table import SUBMITS, Launches
from launchlens.traces.problems import InputError, Problems
from launchlens.traces.ranges import overlapping_across_threads, range_totals
from launchlens.traces.schema import GPU_KINDS
from launchlens.traces.slice import Slice
from launchlens.traces.step_timelines import StepTimeline, step_timelines
from launchlens.traces.steps.stepped import Stepped
from launchlens.traces.threads import find_thread
from launchlens.traces.trace import Trace
from launchlens.traces.windows import of_devices, of_range, whole_trace

#: Of an analysis of which no tables were asked for.
NO_ANSWERS = Answers({}, {})


@dataclass(frozen=True)
class Analysis:
    """A trace joined, the totals of its ranges by name, and the slice of it that is accounted for.

    `slice` is None for a trace in which no thread launches anything and neither a range nor a thread was asked for; `of_range` says
    that a range was, and `steps` which ranges were named as its steps.
    """

    joined: JoinedTrace
    ranges: pd.DataFrame
    slice: Slice | None
    of_range: bool = False
    steps: str | None = None

    @property
    def stepped(self) -> Stepped:
        """The trace as a row of steps, or the range that was asked for as its instances."""
        return self.joined.stepped(self.steps, self.slice if self.of_range else None)

    @cached_property
    def savings(self) -> list[Saving]:
        """The changes that are worth most, what saves most first."""
        return advise(self.stepped)

    def timelines(self, step: str | None = None) -> list[StepTimeline]:
        """What happened in a few of its steps: in the one that `step` names, the median one, the odd ones, the first and the last.

        Raises InputError where there is no such step.
        """
        return step_timelines(self.stepped, self.savings, step)

    def scope(self, *, by_shape: bool = False) -> Scope:
        """What its tables are about: the whole trace, or the range that was asked for."""
        return Scope(self.joined, self.slice if self.of_range else None, by_shape, self.steps)

    def answers(self, names: Iterable[str] | None = None, *, by_shape: bool = False) -> Answers:
        """The tables of some analyses, all without names (see `launchlens.traces.analyses.catalogue`), with why others are absent.

        `by_shape` tells ops apart by the shapes of their inputs as well. Raises InputError for a name that is no analysis.
        """
        return answers(questions(names), self.scope(by_shape=by_shape))

    @property
    def slices(self) -> list[Slice]:
        """What is accounted for, a slice a device."""
        return [] if self.slice is None else of_devices(self.joined, self.slice)

    @property
    def problems(self) -> Problems:
        """What was met in the trace and in the windows of the slice."""
        of_ranges = Problems()
        of_ranges.add("ranges-overlap-across-threads", overlapping_across_threads(self.joined.instances))
        found = self.joined.problems + of_ranges
        return found if self.slice is None else found + self.slice.problems


def analyze(
    trace: Trace, *, range_name: str | None = None, thread: str | None = None, steps: str | None = None
) -> Analysis:
    """Join, assign and account for `trace`; the account covers the whole trace, or all instances of one range.

    It is of the process that launches most, or of the one thread that is asked for by its id. `steps` is a pattern of ranges that
    are its steps. Raises InputError when no range is called `range_name`, no thread `thread`, or no range fits `steps`.
    """
    joined = join(trace)
    if steps is not None and joined.stepped(steps).steps is None:
        known = ", ".join(repr(str(name)[:60]) for name in joined.instances["name"].unique()[:8]) or "none"
        raise InputError(trace.path, f"holds no range that fits {steps!r}", f"its ranges: {known}")
    only = None if thread is None else find_thread(trace, thread)
    accounted = whole_trace(joined, only) if range_name is None else of_range(joined, range_name, only)
    return Analysis(joined, range_totals(joined.instances), accounted, range_name is not None, steps)


def as_document(analysis: Analysis, answered: Answers = NO_ANSWERS) -> AnalysisDocument:
    """The analysis as `analyze --json` prints it, with the tables of `answered`.

    All times are whole nanoseconds; what the trace does not hold is null.
    """
    joined, trace = analysis.joined, analysis.joined.trace
    return AnalysisDocument(
        source=Source(
            path=str(trace.path),
            recorded_by=trace.recorded_by,
            recorded_by_version=trace.recorded_by_version,
            bytes=trace.bytes,
            devices={str(number): name for number, name in trace.devices.items()},
        ),
        verdict=verdict_of(analysis.stepped),
        advice=advice_of(analysis.savings, of_range=analysis.stepped.windows is not None),
        problems=problem_rows(analysis.problems + answered.problems),
        totals=_totals(joined),
        ranges=_ranges(analysis.ranges, joined.saw_gpu),
        launch_cost=launch_cost(joined.launches, joined.hardware_queue),
        account=None if analysis.slice is None else _account_of(analysis.slice),
        accounts=[_account_of(each) for each in analysis.slices],
        tables={name: table_of(table) for name, table in answered.tables.items()},
    )


def _totals(joined: JoinedTrace) -> Totals:
    events, launches = joined.events, joined.launches
    start, duration = events["start_ns"].to_numpy(), events["dur_ns"].to_numpy()
    end = start + duration
    kinds, copy_kind, device = (events[each].array for each in ("kind", "copy_kind", "device"))
    code_of = {str(name): code for code, name in enumerate(kinds.categories)}
    kernels, memcpys, memsets, graphs = (
        np.flatnonzero(kinds.codes == code_of.get(name, -2)) for name in ("kernel", "memcpy", "memset", "graph")
    )
    saw_gpu = joined.saw_gpu
    has_bytes = ~events["bytes"].array.isna()
    moved = numbers(events, "bytes", absent=0)

    def group(rows: Ints) -> CopyTotals:
        counted = moved[rows][has_bytes[rows]]
        return CopyTotals(
            count=len(rows),
            bytes=sum(counted.tolist()) if len(counted) else (None if len(rows) else 0),
            total_ns=int(duration[rows].sum()),
        )

    def busy(rows: Ints) -> dict[str, int]:
        rows = rows[~device.isna()[rows]]
        return {
            str(number): union_length(start[mine], end[mine]) if len(mine) > 1 else int(duration[mine[0]])
            for number, mine in by_key(device[rows].to_numpy(np.int64), rows)
        }

    kind_name = np.array([*map(str, copy_kind.categories), "unknown"], object)[copy_kind.codes[memcpys]]
    orphans = kinds.codes[launches.orphan_rows]
    return Totals(
        events=len(events),
        kernels=KernelTotals(count=len(kernels), total_ns=int(duration[kernels].sum()), busy_ns=busy(kernels))
        if saw_gpu
        else None,
        gpu_busy_ns=busy(launches.activity_rows) if saw_gpu else None,
        memcpy={str(name): group(mine) for name, mine in by_key(kind_name, memcpys)} if saw_gpu else None,
        memset=group(memsets) if saw_gpu else None,
        # a key of its own only where there are any: graphs recorded whole are the exception
        graph=GraphTotals(count=len(graphs), total_ns=int(duration[graphs].sum())) if len(graphs) else UNSET,
        launches=_launch_counts(launches, saw_gpu),
        gpu_activities_without_launch={
            name: int((orphans == code_of.get(name, -2)).sum()) for name in GPU_KINDS if name != "graph" or len(graphs)
        }
        if saw_gpu
        else None,
        first_ns=int(start.min()) if len(events) else None,
        last_ns=int(end.max()) if len(events) else None,
    )


def _launch_counts(launches: Launches, saw_gpu: bool) -> dict[str, LaunchCount]:
    counts = {}
    for name in SUBMITS:
        chosen = np.asarray(launches.columns["submits"] == name)
        calls, joined = int(chosen.sum()), int((chosen & launches.caused_work).sum())
        counts[name] = LaunchCount(
            calls=calls,
            with_gpu_activity=joined if saw_gpu else None,
            without_gpu_activity=calls - joined if saw_gpu else None,
        )
    return counts


def _ranges(ranges: pd.DataFrame, saw_gpu: bool) -> list[RangeRow]:
    def of_gpu(value: Any) -> int | None:
        return int(value) if saw_gpu and not pd.isna(value) else None

    cells = {name: ranges[name].array.tolist() for name in ranges}
    rows = [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]
    return [
        RangeRow(
            name=str(row["name"]),
            names=int(row["names"]),
            instances=int(row["instances"]),
            host_ns=int(row["host_ns"]),
            gpu_projection_ns=int(row["gpu_projection_ns"]) if saw_gpu else None,
            launches=int(row["launches"]),
            kernels=int(row["kernels"]) if saw_gpu else None,
            memcpys=int(row["memcpys"]) if saw_gpu else None,
            memsets=int(row["memsets"]) if saw_gpu else None,
            gpu_ns=int(row["gpu_ns"]) if saw_gpu else None,
            launches_all_threads=int(row["launches_all_threads"]),
            kernels_all_threads=of_gpu(row["kernels_all_threads"]),
            gpu_ns_all_threads=of_gpu(row["gpu_ns_all_threads"]),
            launches_linked=None if pd.isna(row["launches_linked"]) else int(row["launches_linked"]),
            kernels_linked=of_gpu(row["kernels_linked"]),
            gpu_ns_linked=of_gpu(row["gpu_ns_linked"]),
        )
        for row in rows
    ]


def launch_cost(launches: Launches, queue: HardwareQueue) -> list[LaunchCostRow]:
    """A row per (API call, what it caused), dearest first: count, API time, queue time and GPU time in whole ns.

    Launches that caused no recorded activity have `activity` null and no GPU time. Queue time counts only launches
    whose work starts at or after the end of the call (see `Launches.queued`). Two keys are there only where the recorder
    tells: `queued_to_start_ns`, from when a kernel was put into a buffer for the GPU until it started, and `channel`.
    """
    return [
        LaunchCostRow(
            api=kind.api,
            activity=kind.activity,
            count=len(kind.api_ns),
            api_total_ns=kind.total_api_ns,
            api_ns=_spread(kind.api_ns),
            queue_ns=_counted(kind.queue_ns),
            gpu_ns=None if kind.activity is None else _spread(kind.gpu_ns),
            queued_to_start_ns=_counted(kind.queued_to_start_ns) if len(kind.queued_to_start_ns) else UNSET,
            channel=UNSET if kind.channel is None else kind.channel,
        )
        for kind in ledger(launches, np.arange(len(launches)), queue)
    ]


def _spread(values: Ints) -> Spread:
    if len(values) == 1:  # a trace of many names has many of these, and numpy takes its time for one number
        only = int(values[0])
        return Spread(median=only, mean=only, min=only, max=only)
    return Spread(
        median=round(float(np.median(values))),
        mean=round(float(values.mean())),
        min=int(values.min()),
        max=int(values.max()),
    )


def _counted(values: Ints) -> CountedSpread:
    if not len(values):
        return CountedSpread(count=0, median=None, mean=None, min=None, max=None)
    spread = _spread(values)
    return CountedSpread(count=len(values), median=spread.median, mean=spread.mean, min=spread.min, max=spread.max)


def _account_of(accounted: Slice) -> AccountOfTrace:
    return AccountOfTrace(
        window=accounted.covers,
        windows=accounted.account.windows,
        window_ns=int(accounted.account.total_ns),
        process=accounted.process_name,
        thread=accounted.thread_name,
        device=accounted.device_name,
        cells=accounted.account.rows(),
    )
