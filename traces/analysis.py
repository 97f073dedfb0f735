"""What one trace holds: totals, ranges, launch costs and an account, and the document of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from msgspec import UNSET

from launchlens.traces.account import Account, Accountant, busiest_device, count_late_work, launching_thread
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
from launchlens.traces.intervals import Ints, union_length
from launchlens.traces.launches.join import SUBMITS, Launches, alike, apart, find_launches, queue_ns
from launchlens.traces.launches.told import Told
from launchlens.traces.problems import InputError, Problems
from launchlens.traces.ranges import range_instances, range_totals
from launchlens.traces.schema import GPU_KINDS, MAX_TOTAL_NS
from launchlens.traces.trace import Trace


@dataclass(frozen=True)
class Analysis:
    """A trace with its launches, range instances and account worked out.

    `ranges` and `instances` are the frames of `launchlens.traces.ranges`; `account` is None for a trace in which no
    thread launches anything and no range was asked for.
    """

    trace: Trace
    launches: Launches
    instances: pd.DataFrame
    ranges: pd.DataFrame
    account: Account | None
    problems: Problems

    @property
    def saw_gpu(self) -> bool:
        """Whether the trace tells of GPU work: it holds some, or it shows that it looked and nothing was launched.

        It looked where it holds API calls of a GPU or a projection of a range on one, or, of Kineto, names a device
        (Nsight Systems names the machine's GPUs whatever it records). A trace of the host alone knows nothing of GPUs.
        """
        if len(self.launches.activity_rows):
            return True
        if len(self.launches.table):
            return False
        looked = self.trace.events["kind"].isin(["api", "gpu-range"]).any()
        return bool(looked) or (self.trace.recorded_by == "kineto" and bool(self.trace.devices))


def analyze(trace: Trace, *, range_name: str | None = None) -> Analysis:
    """Join, assign and account for `trace`; the account covers the whole trace, or all instances of one range.

    Raises InputError when no range is called `range_name`.
    """
    problems = trace.problems.copy()
    launches = find_launches(trace.events, problems)
    instances = range_instances(trace.events, launches)
    account = _account(trace, launches, instances, range_name, problems)
    return Analysis(trace, launches, instances, range_totals(_summable(instances)), account, problems)


def _summable(instances: pd.DataFrame) -> pd.DataFrame:
    """`instances` with Python's unbounded numbers where int64 can't hold the sum: projections may overlap without end."""
    if instances["gpu_projection_ns"].astype(np.float64).sum() < MAX_TOTAL_NS:
        return instances
    return instances.astype({"gpu_projection_ns": object})


def _account(
    trace: Trace, launches: Launches, instances: pd.DataFrame, range_name: str | None, problems: Problems
) -> Account | None:
    events = trace.events
    if range_name is None:
        lane = launching_thread(launches)
        if lane is None:
            return None
        start = np.array([events["start_ns"].min()], np.int64)
        end = np.array([(events["start_ns"] + events["dur_ns"]).max()], np.int64)
        covers = "the whole trace, first event to last"
    else:
        chosen = instances[instances["name"] == range_name]
        if not len(chosen):
            known = ", ".join(repr(str(name)[:60]) for name in instances["name"].unique()[:8]) or "none"
            raise InputError(trace.path, f"holds no range {range_name!r}", f"its ranges: {known}")
        busiest = chosen.groupby(["process", "thread"])["launches"].sum().idxmax()
        lane = (int(busiest[0]), int(busiest[1]))
        chosen = chosen[(chosen["process"] == lane[0]) & (chosen["thread"] == lane[1])]
        start, end = chosen["start_ns"].to_numpy(), chosen["end_ns"].to_numpy()
        covers = f"{len(chosen)} instances of range {range_name!r}"
        count_late_work(launches, start, end, problems)
    device = busiest_device(events, launches, *lane)
    return Accountant(events, launches, process=lane[0], thread=lane[1], device=device).account(start, end, covers)


def as_document(analysis: Analysis) -> AnalysisDocument:
    """The analysis as `analyze --json` prints it. All times are whole nanoseconds; what the trace does not hold is null."""
    trace = analysis.trace
    return AnalysisDocument(
        source=Source(
            path=str(trace.path),
            recorded_by=trace.recorded_by,
            recorded_by_version=trace.recorded_by_version,
            bytes=trace.bytes,
            devices={str(number): name for number, name in trace.devices.items()},
        ),
        problems=problem_rows(analysis.problems),
        totals=_totals(analysis),
        ranges=_ranges(analysis),
        launch_cost=launch_cost(analysis.launches, trace.events),
        account=_account_of(analysis.account),
    )


def _totals(analysis: Analysis) -> Totals:
    events, launches = analysis.trace.events, analysis.launches
    start, duration = events["start_ns"].to_numpy(), events["dur_ns"].to_numpy()
    end = start + duration
    kind = events["kind"].to_numpy(dtype=object)
    kernels, memcpys, memsets, graphs = (
        np.flatnonzero(kind == name) for name in ("kernel", "memcpy", "memset", "graph")
    )
    saw_gpu = analysis.saw_gpu
    has_bytes = events["bytes"].notna().to_numpy()
    moved = events["bytes"].fillna(0).to_numpy(np.int64)

    def group(rows: Ints) -> CopyTotals:
        counted = moved[rows][has_bytes[rows]]
        return CopyTotals(
            count=len(rows),
            bytes=sum(counted.tolist()) if len(counted) else (None if len(rows) else 0),
            total_ns=int(duration[rows].sum()),
        )

    def busy(rows: Ints) -> dict[str, int]:
        device = events["device"].iloc[rows]
        known = device.notna().to_numpy()
        return {
            str(number): union_length(start[mine], end[mine]) if len(mine) > 1 else int(duration[mine[0]])
            for number, mine in apart(device[known].to_numpy(np.int64), rows[known])
        }

    copy_kind = events["copy_kind"].iloc[memcpys]
    kind_name = np.array([*map(str, copy_kind.cat.categories), "unknown"], object)[copy_kind.cat.codes.to_numpy()]
    owned = launches.launch_of >= 0
    orphans = kind[launches.activity_rows[~owned]]
    return Totals(
        events=len(events),
        kernels=KernelTotals(count=len(kernels), total_ns=int(duration[kernels].sum()), busy_ns=busy(kernels))
        if saw_gpu
        else None,
        gpu_busy_ns=busy(launches.activity_rows) if saw_gpu else None,
        memcpy={str(name): group(mine) for name, mine in apart(kind_name, memcpys)} if saw_gpu else None,
        memset=group(memsets) if saw_gpu else None,
        # a key of its own only where there are any: graphs recorded whole are the exception
        graph=GraphTotals(count=len(graphs), total_ns=int(duration[graphs].sum())) if len(graphs) else UNSET,
        launches=_launch_counts(launches.table, saw_gpu),
        gpu_activities_without_launch={
            name: int((orphans == name).sum()) for name in GPU_KINDS if name != "graph" or len(graphs)
        }
        if saw_gpu
        else None,
        first_ns=int(start.min()) if len(events) else None,
        last_ns=int(end.max()) if len(events) else None,
    )


def _launch_counts(table: pd.DataFrame, saw_gpu: bool) -> dict[str, LaunchCount]:
    counts = {}
    for name in SUBMITS:
        chosen = table[table["submits"] == name]
        joined = int((chosen["activities"] > 0).sum())
        counts[name] = LaunchCount(
            calls=len(chosen),
            with_gpu_activity=joined if saw_gpu else None,
            without_gpu_activity=len(chosen) - joined if saw_gpu else None,
        )
    return counts


def _ranges(analysis: Analysis) -> list[RangeRow]:
    saw_gpu = analysis.saw_gpu
    return [
        RangeRow(
            name=str(row["name"]),
            instances=int(row["instances"]),
            host_ns=int(row["host_ns"]),
            gpu_projection_ns=int(row["gpu_projection_ns"]) if saw_gpu else None,
            launches=int(row["launches"]),
            kernels=int(row["kernels"]) if saw_gpu else None,
            memcpys=int(row["memcpys"]) if saw_gpu else None,
            memsets=int(row["memsets"]) if saw_gpu else None,
            gpu_ns=int(row["gpu_ns"]) if saw_gpu else None,
        )
        for row in analysis.ranges.to_dict("records")
    ]


def launch_cost(launches: Launches, events: pd.DataFrame) -> list[LaunchCostRow]:
    """A row per (API call, what it caused), dearest first: count, API time, queue time and GPU time in whole ns.

    Launches that caused no recorded activity have `activity` null and no GPU time. Queue time counts only launches
    whose work starts at or after the end of the call (see `queue_ns`). Two keys are there only where the recorder tells:
    `queued_to_start_ns`, from when a kernel was put into a buffer for the GPU until it started, and `channel`.
    """
    table = launches.table
    if not len(table):
        return []
    api_ns = table["end_ns"] - table["start_ns"]
    queued = queue_ns(table)
    queue = queued.reindex(table.index, fill_value=-1).to_numpy()
    told = Told(launches, events)
    rows = []
    for (api, activity), index in alike(table):
        waited = queue[index]
        waited = waited[waited >= 0]
        of_api = api_ns.to_numpy()[index]
        rows.append(
            LaunchCostRow(
                api=api,
                activity=activity,
                count=len(index),
                api_total_ns=int(of_api.sum()),
                api_ns=_spread(of_api),
                queue_ns=_counted(waited),
                gpu_ns=_spread(table["gpu_ns"].to_numpy()[index]) if activity is not None else None,
                queued_to_start_ns=_counted(in_buffer) if len(in_buffer := told.queued_to_start_ns(index)) else UNSET,
                channel=UNSET if (channel := told.channel(index)) is None else channel,
            )
        )
    return sorted(rows, key=lambda row: (-row.api_total_ns, row.api, row.activity or ""))


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


def _account_of(account: Account | None) -> AccountOfTrace | None:
    if account is None:
        return None
    return AccountOfTrace(
        window=account.covers,
        windows=account.windows,
        window_ns=account.window_ns,
        thread=account.thread,
        device=account.device,
        cells=account.rows(),
    )
