"""A collector that is added: it records one range a block, as Kineto would write it, by a clock alone."""

from __future__ import annotations

import json
import time

from launchlens.profiling.collectors.collector import Advance, Collector, Job
from launchlens.profiling.environment import Examined
from launchlens.traces import files
from launchlens.traces.captures.capture import TraceRecord


class Stopwatch(Collector):
    """Needs nothing."""

    name = "stopwatch"
    label = "a stopwatch"

    def check(self, device: str) -> None:
        """A clock is everywhere."""

    def examined(self) -> Examined:
        return Examined(self.name, True, "1", "profile --collector stopwatch", None)

    def record(self, job: Job, advance: Advance) -> TraceRecord:
        events = []
        for entry in [*job.entries] * job.rounds:
            start = time.perf_counter_ns()
            for _ in range(job.iterations):
                entry.call()
            times = {"ts": start / 1000, "dur": (time.perf_counter_ns() - start) / 1000, "pid": 1, "tid": 1}
            name = f"variant:{entry.variant}"
            events.append({"ph": "X", "cat": "user_annotation", "name": name, "args": {}} | times)
            advance(1)
        path = job.folder / self.name / f"{job.regime}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_text(path, json.dumps({"schemaVersion": 1, "traceEvents": events}))
        return self.kept(job, path.name)
