"""What recorded blocks say of one side: its account, its launch ledger, its work, and one iteration to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.account import (
    DEVICE_STATES,
    HOST_STATES,
    Accountant,
    busiest_device,
    count_late_work,
    thread_name,
)
from launchlens.traces.captures.capture import TraceRecord
from launchlens.traces.intervals import union_length
from launchlens.traces.launches.join import Launches, alike, find_launches, queue_ns
from launchlens.traces.launches.told import AND, Told
from launchlens.traces.problems import Problems
from launchlens.traces.ranges import range_instances
from launchlens.traces.trace import Trace

BLOCK, ITERATION = "variant:", "iteration:"
#: What was recorded says how busy the GPU was when its state is unknown for at most this share of the time.
UNKNOWN_SHARE = 0.01


@dataclass(frozen=True)
class LedgerRow:
    """Launches of one kind per iteration: how many, and what each costs. Times are ns per launch unless they say so.

    `api_ns` is the mean time in the call, so that `per_iteration * api_ns` is the time per iteration; `queue_ns` the
    median of the launches that queue (`queued` of them, per iteration); `gpu_ns` the mean GPU time of one launch's work.
    `channels` says of how many launches per iteration each kind of hardware channel took the work; none where the recorder
    does not tell.
    """

    api: str
    activity: str | None
    per_iteration: float
    api_ns: float
    queued: float
    queue_ns: float | None
    gpu_ns: float | None
    channels: Mapping[str, float] = field(default_factory=dict)

    @property
    def channel(self) -> str | None:
        """The kind of hardware channel that took the work, or all of them by name; None where the recorder does not tell."""
        return AND.join(sorted({kind for kinds in self.channels for kind in kinds.split(AND)})) or None


@dataclass(frozen=True)
class WorkRow:
    """GPU work of one kind and name per iteration: how often, and the mean GPU time of one, ns."""

    kind: str
    name: str
    per_iteration: float
    gpu_ns: float


@dataclass(frozen=True)
class Timeline:
    """One recorded iteration: host and GPU events in ns from the iteration's start.

    `events` has columns lane (`host` or `gpu`), kind, name, start_ns, end_ns, depth (nesting on the host, 0 outermost),
    stream (null on the host), and launch (a number shared by a launch call and the work it caused, -1 for none).
    """

    length_ns: int
    events: pd.DataFrame


@dataclass(frozen=True)
class Recording:
    """What the profiled blocks of one side say. `cells` is int64 ns, [blocks, HOST_STATES, DEVICE_STATES].

    `per_block` has a row per block: launches and activities (counts), and the medians within the block of a launch's time
    in its call `api_ns`, of its time queued `queue_ns` and of an activity's time on the GPU `gpu_ns`, NaN without any.
    `reference_ns` is the unprofiled time of one iteration just before (`TraceRecord`); None where the timed rounds serve.

    `gpu_recorded_ns` is how long the GPU was recorded to be busy, ns per iteration; `gpu_busy_ns` is the same where it is
    how long the GPU was busy: not where replays of graphs were recorded in part (see UNKNOWN_SHARE).
    """

    iterations: int
    cells: npt.NDArray[np.int64]
    gpu_recorded_ns: float | None
    gpu_busy_ns: float | None
    counts: Mapping[str, float]
    ledger: tuple[LedgerRow, ...]
    work: tuple[WorkRow, ...]
    timeline: Timeline | None
    trace: str
    thread: str
    device: str | None
    per_block: pd.DataFrame
    reference_ns: float | None = None

    @property
    def per_iteration(self) -> npt.NDArray[np.float64]:
        """The account of one iteration, ns, [HOST_STATES, DEVICE_STATES]: the mean over all blocks."""
        mean: npt.NDArray[np.float64] = self.cells.sum(axis=0) / (len(self.cells) * self.iterations)
        return mean

    @property
    def profiled_ns(self) -> float:
        """Profiled time of one iteration, ns: what the account sums to."""
        return float(self.per_iteration.sum())


def recordings(trace: Trace, record: TraceRecord) -> tuple[dict[str, Recording], Problems]:
    """The recording of every variant that a capture's trace holds blocks of, and the problems met on the way."""
    problems = trace.problems.copy()
    launches = find_launches(trace.events, problems)
    instances = range_instances(trace.events, launches)
    names = instances["name"].astype(str)
    found, accountants = {}, Accountants(trace, launches)
    for name in dict.fromkeys(names[names.str.startswith(BLOCK)]):
        variant = name.removeprefix(BLOCK)
        blocks = outermost(instances[names == name], problems)
        shown = instances[names == ITERATION + variant]
        count_late_work(launches, blocks["start_ns"].to_numpy(), blocks["end_ns"].to_numpy(), problems)
        made = recording_of(trace, record, accountants, blocks, shown)
        found[variant] = replace(made, reference_ns=(record.reference_ns or {}).get(variant))
    return found, problems


def outermost(blocks: pd.DataFrame, problems: Problems) -> pd.DataFrame:
    """`blocks` (range instances) without those that begin before an earlier one has ended: no time may count twice."""
    ordered = blocks.sort_values(["start_ns", "end_ns"], ascending=[True, False], kind="stable")
    reach = ordered["end_ns"].cummax().shift(fill_value=np.iinfo(np.int64).min)
    kept = ordered[ordered["start_ns"] >= reach]
    problems.add("overlapping-blocks", len(blocks) - len(kept))
    return kept


class Accountants:
    """An accountant per thread and device, made once: cutting the lanes of a trace is most of the work."""

    def __init__(self, trace: Trace, launches: Launches) -> None:
        self.events, self.launches = trace.events, launches
        self._made: dict[tuple[int, int, int | None], Accountant] = {}

    def of(self, process: int, thread: int) -> Accountant:
        device = busiest_device(self.events, self.launches, process, thread)
        lane = process, thread, device
        if lane not in self._made:
            self._made[lane] = Accountant(self.events, self.launches, process=process, thread=thread, device=device)
        return self._made[lane]


def recording_of(
    trace: Trace, record: TraceRecord, accountants: Accountants, blocks: pd.DataFrame, shown: pd.DataFrame
) -> Recording:
    """The recording of some range instances (`range_instances`): `blocks` to account for, one of `shown` to look at."""
    launches = accountants.launches
    process, thread = int(blocks["process"].iloc[0]), int(blocks["thread"].iloc[0])
    accountant = accountants.of(process, thread)
    device = accountant.device
    start, end = blocks["start_ns"].to_numpy(), blocks["end_ns"].to_numpy()
    iterations = len(blocks) * record.iterations
    inside = _inside(launches, process, thread, start, end)
    counts = {
        column: float(blocks[column].sum()) / iterations for column in ("launches", "kernels", "memcpys", "memsets")
    }
    cells = accountant.per_window(start, end)
    recorded = _busy(trace.events, launches, inside, device) / iterations if device is not None else None
    return Recording(
        iterations=record.iterations,
        cells=cells,
        gpu_recorded_ns=recorded,
        gpu_busy_ns=recorded if unknown_share(cells) <= UNKNOWN_SHARE else None,
        counts=counts,
        ledger=ledger(launches, inside, iterations, Told(launches, trace.events)),
        work=work(trace.events, launches.activity_rows[np.isin(launches.launch_of, inside)], iterations),
        timeline=_timeline(trace.events, launches, shown) if len(shown) else None,
        trace=record.path,
        thread=thread_name(trace.events, process, thread),
        device=None if device is None else str(device),
        per_block=_per_block(trace.events, launches, inside, blocks),
    )


def unknown_share(cells: npt.NDArray[np.int64]) -> float:
    """The share of some accounts in which the device's state is unknown; 0 for accounts of no time."""
    total = int(cells.sum())
    return int(cells[..., DEVICE_STATES.index("unknown")].sum()) / total if total else 0.0


def _per_block(
    events: pd.DataFrame, launches: Launches, inside: npt.NDArray[np.int64], blocks: pd.DataFrame
) -> pd.DataFrame:
    """`Recording.per_block`, in the order of `blocks`; `inside` are the positions of the launches made in any of them."""
    table = launches.table.iloc[inside]
    block = pd.Series(_window_of(blocks["start_ns"].to_numpy(), table["start_ns"].to_numpy()), table.index)
    owned = np.isin(launches.launch_of, inside)
    activities = events["dur_ns"].iloc[launches.activity_rows[owned]].reset_index(drop=True)
    of_activity = block.reindex(launches.launch_of[owned]).reset_index(drop=True)
    waits = queue_ns(table)
    medians = {
        "api_ns": (table["end_ns"] - table["start_ns"]).groupby(block).median(),
        "queue_ns": waits.groupby(block[waits.index]).median(),
        "gpu_ns": activities.groupby(of_activity).median(),
    }
    counts = {name: blocks[name].to_numpy(np.int64) for name in ("launches", "activities")}
    columns = {name: values.reindex(range(len(blocks))).to_numpy(np.float64) for name, values in medians.items()}
    return pd.DataFrame(counts | columns)


def _window_of(start: npt.NDArray[np.int64], moment: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The position in `start` of the window that began last before each moment, -1 for none."""
    order = np.argsort(start, kind="stable")
    position = np.searchsorted(start[order], moment, side="right") - 1
    return np.where(position >= 0, order[position], -1)


def _inside(
    launches: Launches, process: int, thread: int, start: npt.NDArray[np.int64], end: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Positions of the launches made on one thread within any of some windows."""
    table = launches.table
    order = np.argsort(start, kind="stable")
    moment = table["start_ns"].to_numpy()
    which = np.searchsorted(start[order], moment, side="right") - 1
    mine = (which >= 0) & (table["process"] == process).to_numpy() & (table["thread"] == thread).to_numpy()
    mine[mine] = moment[mine] < end[order][which[mine]]
    return np.flatnonzero(mine)


def _busy(events: pd.DataFrame, launches: Launches, inside: npt.NDArray[np.int64], device: int) -> int:
    rows = launches.activity_rows[np.isin(launches.launch_of, inside)]
    rows = rows[(events["device"].iloc[rows] == device).fillna(False).to_numpy(bool)]
    start = events["start_ns"].to_numpy()[rows]
    return union_length(start, start + events["dur_ns"].to_numpy()[rows])


def ledger(
    launches: Launches, chosen: npt.NDArray[np.int64], iterations: int, told: Told | None = None
) -> tuple[LedgerRow, ...]:
    """The launch ledger of some launches made over `iterations` iterations, the dearest kind of launch first."""
    table = launches.table.iloc[chosen]
    waits = queue_ns(table).reindex(table.index, fill_value=-1).to_numpy()
    api_ns, gpu_ns = (table["end_ns"] - table["start_ns"]).to_numpy(), table["gpu_ns"].to_numpy()
    rows = []
    for (api, activity), group in alike(table):
        queued = waits[group]
        queued = queued[queued >= 0]
        channels = {} if told is None else told.channels(chosen[group])
        rows.append(
            LedgerRow(
                api=api,
                activity=activity,
                per_iteration=len(group) / iterations,
                api_ns=float(api_ns[group].mean()),
                queued=len(queued) / iterations,
                queue_ns=float(np.median(queued)) if len(queued) else None,
                gpu_ns=None if activity is None else float(gpu_ns[group].mean()),
                channels={kind: count / iterations for kind, count in channels.items()},
            )
        )
    return tuple(sorted(rows, key=lambda row: -row.per_iteration * row.api_ns))


def work(events: pd.DataFrame, rows: npt.NDArray[np.int64], iterations: int) -> tuple[WorkRow, ...]:
    """What ran on the GPU over `iterations` iterations, by kind and name, the longest in all first.

    A recorder's names tell what ran: a device-to-device memcpy replayed in a graph, say, runs as a kernel of the driver's.
    """
    chosen = events.iloc[rows][["kind", "name", "dur_ns"]]
    grouped = chosen.groupby(["kind", "name"], observed=True)["dur_ns"]
    found = [
        (int(each.sum()), WorkRow(str(kind), str(name), len(each) / iterations, float(each.mean())))
        for (kind, name), each in grouped
    ]
    return tuple(row for _, row in sorted(found, key=lambda item: (-item[0], item[1].kind, item[1].name)))


def _timeline(events: pd.DataFrame, launches: Launches, shown: pd.DataFrame) -> Timeline:
    """The recorded iteration of middle length, as rows to draw."""
    one = shown.sort_values("host_ns", kind="stable").iloc[len(shown) // 2]
    low, high = int(one["start_ns"]), int(one["end_ns"])
    start = events["start_ns"].to_numpy()
    end = start + events["dur_ns"].to_numpy()
    on_thread = (events["thread"].cat.codes == one["thread"]) & (events["process"].cat.codes == one["process"])
    host = np.flatnonzero(on_thread.to_numpy() & (start >= low) & (end <= high))
    mine = _inside(launches, int(one["process"]), int(one["thread"]), np.array([low]), np.array([high]))
    belongs = np.isin(launches.launch_of, mine)
    gpu = launches.activity_rows[belongs]
    number = {int(launch): index for index, launch in enumerate(mine)}
    launch_of_row = dict(zip(launches.table["row"].to_numpy()[mine], range(len(mine)), strict=True))
    rows = np.concatenate((host, gpu))
    chosen = events.iloc[rows]
    frame = pd.DataFrame(
        {
            "lane": ["host"] * len(host) + ["gpu"] * len(gpu),
            "kind": chosen["kind"].astype(str).to_numpy(dtype=object),
            "name": chosen["name"].astype(str).to_numpy(dtype=object),
            "start_ns": start[rows] - low,
            "end_ns": end[rows] - low,
            "depth": [*_depth(start[host], end[host]), *([0] * len(gpu))],
            "stream": chosen["stream"].to_numpy(dtype=object, na_value=None),
            "launch": [
                *(launch_of_row.get(row, -1) for row in host),
                *(number[int(launch)] for launch in launches.launch_of[belongs]),
            ],
        }
    )
    return Timeline(high - low, frame.sort_values(["lane", "start_ns", "depth"], kind="stable", ignore_index=True))


def _depth(start: npt.NDArray[np.int64], end: npt.NDArray[np.int64]) -> list[int]:
    """Nesting depth of each of a few intervals (one iteration's, so a loop over them is fine)."""
    depth = [0] * len(start)
    open_ends: list[int] = []
    for index in sorted(range(len(start)), key=lambda i: (start[i], -end[i])):
        while open_ends and open_ends[-1] <= start[index]:
            open_ends.pop()
        depth[index] = len(open_ends)
        open_ends.append(int(end[index]))
    return depth


def account_json(recording: Recording) -> list[dict[str, Any]]:
    """An account of one iteration as rows of whole ns that sum to the rounded total (largest remainders go up).

    `device` is null where no device was recorded: what is not known is not idle.
    """
    flat = [(host, device) for host in HOST_STATES for device in DEVICE_STATES]
    whole = apportion(recording.per_iteration.ravel())
    return [
        {"host": host, "device": device if recording.device is not None else None, "ns": int(ns)}
        for (host, device), ns in zip(flat, whole, strict=True)
        if ns
    ]


def apportion(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Whole numbers near `values` that sum to their rounded sum: Hamilton's method, as for seats in a parliament."""
    floors = np.floor(values)
    short = round(float(values.sum())) - int(floors.sum())
    order = np.argsort(-(values - floors), kind="stable")
    result: npt.NDArray[np.int64] = floors.astype(np.int64)
    result[order[:short]] += 1
    return result
