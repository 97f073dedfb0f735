"""The probe `profiler-tax`: what CUDA calls cost after a session of torch.profiler has ended, against before it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from launchlens.profiling.collectors.light.recorder import without_preloading
from launchlens.profiling.probes.method.bench import Bench
from launchlens.profiling.probes.profiler_tax import session
from launchlens.profiling.probes.profiler_tax.verdict import Process, conclude
from launchlens.traces.captures.probe_codes.profiler_tax import ID
from launchlens.traces.captures.probes import Probe
from launchlens.traces.programs import run_to_end

__all__ = ["ID", "NEEDS", "probe"]

NEEDS = ("torch", "cuda")
PROCESSES, QUICK_PROCESSES = 8, 5
SAMPLES = 200
#: Processes that take longer than this hang, seconds.
LONGEST_S = 240


def probe(bench: Bench) -> Probe:
    """Run the processes, about a second and a half each. Raises RuntimeError where one of them fails."""
    count = QUICK_PROCESSES if bench.quick else PROCESSES
    command = [sys.executable, "-P", str(Path(session.__file__)), str(count), str(SAMPLES)]
    environment = {name: value for name, value in without_preloading().items() if name != session.TEARDOWN}
    code, said = run_to_end(command, longest_s=LONGEST_S, environment=environment)
    lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.startswith('{"process"')]
    if code or len(lines) != count * len(session.PROCESSES):
        raise RuntimeError(f"{len(lines)} of {count * len(session.PROCESSES)} processes ended well")
    bench.advance(1)
    read = [json.loads(line) for line in lines]
    processes = [Process(each["process"], tuple(each["before"]), tuple(each["after"])) for each in read]
    return conclude(processes, _notes(count))


def _notes(count: int) -> list[str]:
    return [
        (
            f"{count} processes of each kind, in turn, forked before any used CUDA. In each, {SAMPLES} bursts of {session.SEVENS} × "
            "seven copies of 128 bytes to 8 KiB before, and as many after; the GPU is idle before each burst, and is waited for "
            f"outside of the timing. A process counts with its medians."
        ),
        "The session records CPU and CUDA activities of 20 × seven copies; it has ended, and nothing is recorded, when the second times are taken.",
    ]
