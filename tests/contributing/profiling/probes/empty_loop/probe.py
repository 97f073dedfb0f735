"""The probe `empty-loop`, which is added: what one turn of a loop that does nothing costs the host."""

from __future__ import annotations

import time

from launchlens.profiling.probes.method.bench import Bench
from launchlens.profiling.probes.method.conclusion import concluded
from launchlens.traces.captures.probe_codes import empty_loop as codes
from launchlens.traces.captures.probes import Control, Probe, ProbeFigure
from launchlens.traces.statistics import median

ID, NEEDS = codes.ID, ()
TURNS = 10_000


def probe(bench: Bench) -> Probe:
    """Samples of a loop by itself; its control is that time passes at all."""
    samples = []
    for _ in range(9):
        start = time.perf_counter_ns()
        for _ in range(TURNS):
            pass
        samples.append((time.perf_counter_ns() - start) / TURNS)
        bench.advance(1)
    turn = median(samples)
    figure = ProbeFigure(what=codes.HOST_TIME, value=turn.value, unit="ns", interval=turn.interval)
    control = Control("a loop takes time", min(samples) > 0, f"{min(samples):.3g} ns")
    return concluded(ID, verdict=codes.SHORT, controls=[control], figures=[figure])
