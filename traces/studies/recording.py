"""What recorded blocks say of one side, per iteration: its account, its launch ledger, its work, and one iteration to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from launchlens.traces.account import Account
from launchlens.traces.captures.capture import TraceRecord
from launchlens.traces.gate.facts import RecordFacts, facts_of
from launchlens.traces.joined import join
from launchlens.traces.launches.hardware_queue import channel_names
from launchlens.traces.launches.ledger import LaunchKind
from launchlens.traces.problems import Problems
from launchlens.traces.slice import Calls, Slice, Work
from launchlens.traces.thresholds import THRESHOLDS
from launchlens.traces.timeline import Timeline, timeline
from launchlens.traces.trace import Trace
from launchlens.traces.windows import blocks, middle_iteration


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
        return channel_names(self.channels)

    @classmethod
    def of(cls, kind: LaunchKind, iterations: int) -> LedgerRow:
        """The launches of one kind made over so many iterations."""
        return cls(
            api=kind.api,
            activity=kind.activity,
            per_iteration=len(kind.api_ns) / iterations,
            api_ns=float(kind.api_ns.mean()),
            queued=len(kind.queue_ns) / iterations,
            queue_ns=float(np.median(kind.queue_ns)) if len(kind.queue_ns) else None,
            gpu_ns=None if kind.activity is None else float(kind.gpu_ns.mean()),
            channels={name: count / iterations for name, count in kind.channels.items()},
        )


@dataclass(frozen=True)
class WorkRow:
    """GPU work of one kind and name per iteration: how often, and the mean GPU time of one, ns."""

    kind: str
    name: str
    per_iteration: float
    gpu_ns: float

    @classmethod
    def of(cls, work: Work, iterations: int) -> WorkRow:
        """The work of one kind and name that ran over so many iterations."""
        return cls(work.kind, work.name, work.count / iterations, work.total_ns / work.count)


@dataclass(frozen=True)
class Recording:
    """What the profiled blocks of one side say. `account` has a window per block.

    `per_block` has a row per block (`launchlens.traces.slice.WINDOW_COLUMNS`). `reference_ns` is the unprofiled time of one
    iteration just before (`TraceRecord`); None where the timed rounds serve.

    `calls` are the API calls of all blocks together, by host state.

    `gpu_recorded_ns` is how long the GPU was recorded to be busy, ns per iteration; `gpu_busy_ns` is the same where it is
    how long the GPU was busy: not where replays of graphs were recorded in part (see `Thresholds.unknown_device`). `facts` are for
    the data gate. `knows_operators` and `adds_to_calls_alone` are its recorder's (`launchlens.traces.readers.reader.Reader`).
    """

    iterations: int
    account: Account
    gpu_recorded_ns: float | None
    gpu_busy_ns: float | None
    counts: Mapping[str, float]
    calls: Mapping[str, Calls]
    ledger: tuple[LedgerRow, ...]
    work: tuple[WorkRow, ...]
    timeline: Timeline | None
    trace: str
    thread: str | None
    device: str | None
    per_block: pd.DataFrame
    reference_ns: float | None = None
    facts: RecordFacts | None = None
    knows_operators: bool = False
    adds_to_calls_alone: bool = False

    @cached_property
    def per_iteration(self) -> Account:
        """The account of one iteration: the mean over all blocks."""
        return self.account.mean(self.iterations)

    @property
    def profiled_ns(self) -> float:
        """Profiled time of one iteration, ns: what the account sums to."""
        return self.per_iteration.total_ns


def preferred_first(found: Mapping[str, Recording]) -> dict[str, Recording]:
    """What several collectors recorded of one side, by collector: first the one whose account the side takes."""
    return dict(sorted(found.items(), key=lambda item: not item[1].knows_operators))


def recordings(
    trace: Trace, record: TraceRecord, *, knows_operators: bool = False, adds_to_calls_alone: bool = False
) -> tuple[dict[str, Recording], Problems]:
    """The recording of every variant that a capture's trace holds blocks of, and the problems met on the way."""
    joined = join(trace)
    found, problems = {}, joined.problems
    for variant, mine in blocks(joined).items():
        reference = (record.reference_ns or {}).get(variant)
        made = recording_of(mine, middle_iteration(joined, variant), record, reference)
        found[variant] = replace(made, knows_operators=knows_operators, adds_to_calls_alone=adds_to_calls_alone)
        problems += mine.problems
    return found, problems


def recording_of(
    blocks: Slice, shown: Slice | None, record: TraceRecord, reference_ns: float | None = None
) -> Recording:
    """The recording of some blocks of so many iterations each, with the one iteration to look at."""
    iterations = blocks.account.windows * record.iterations
    recorded = None if blocks.gpu_recorded_ns is None else blocks.gpu_recorded_ns / iterations
    return Recording(
        iterations=record.iterations,
        account=blocks.account,
        gpu_recorded_ns=recorded,
        gpu_busy_ns=recorded if blocks.account.share("device", "unknown") <= THRESHOLDS.unknown_device else None,
        counts={name: count / iterations for name, count in blocks.counts.items()},
        calls=blocks.calls,
        ledger=tuple(LedgerRow.of(kind, iterations) for kind in blocks.ledger),
        work=tuple(WorkRow.of(work, iterations) for work in blocks.work),
        timeline=None if shown is None else timeline(shown),
        trace=record.path,
        thread=blocks.thread_name,
        device=blocks.device_name,
        per_block=blocks.per_window,
        reference_ns=reference_ns,
        facts=facts_of(blocks, shown),
    )
