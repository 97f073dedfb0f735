"""Recording in a run: every collector asked for records every regime, and what it could not do is written down."""

from __future__ import annotations

from collections.abc import Sequence

from launchlens.profiling.collectors.catalogue import USUAL
from launchlens.profiling.collectors.collector import Collector, Job
from launchlens.profiling.collectors.error import CollectorError
from launchlens.profiling.progress import Steps
from launchlens.traces.captures.capture import TraceRecord


class Recording:
    """The collectors of a run, asked job by job. One that said that it would fail again is not asked again."""

    def __init__(self, collectors: Sequence[Collector], steps: Steps) -> None:
        self._collectors = collectors
        self._steps = steps
        self._broken: dict[str, str] = {}

    def of(self, job: Job) -> list[TraceRecord]:
        """What each collector recorded of a job, and where none of them could, what the usual one did."""
        records = [self._by(collector, job) for collector in self._collectors]
        if records and all(record.problem for record in records) and USUAL not in self._collectors:
            # an account from another collector than asked for is worth more than none; the manifest says why
            records.append(self._by(USUAL, job))
        return records

    def _by(self, collector: Collector, job: Job) -> TraceRecord:
        if collector.name in self._broken:
            return collector.without_trace(job, self._broken[collector.name])
        with self._steps.step(f"recording under {collector.label} ({job.regime})", job.rounds + 1) as advance:
            try:
                collector.check(job.device)
                return collector.record(job, advance)
            except CollectorError as error:
                if error.for_good:
                    self._broken[collector.name] = str(error)
                return collector.without_trace(job, str(error))
