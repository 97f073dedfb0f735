"""The probe `launch-costs`: what a launch, an argument, a graph's launch and a node cost, each by a line through bursts.

No profiler runs. Every path is timed at several counts, all points in turn, in one process; what each point launches is counted
before. `profile` times the points in the rounds of the variants (`in_rounds_of_variants`), the command `probe` alone.
"""

from __future__ import annotations

from launchlens.profiling.environment import quiet_collector
from launchlens.profiling.probes.apparatus.raw_kernel import NEEDS
from launchlens.profiling.probes.launch_costs.bench import LaunchCosts, made_ready
from launchlens.profiling.probes.launch_costs.points import makers
from launchlens.profiling.probes.method.bench import Bench
from launchlens.traces.captures.probe_codes.launch_costs import ID
from launchlens.traces.captures.probes import Probe

__all__ = ["ID", "NEEDS", "in_rounds_of_variants", "probe"]

ROUNDS, QUICK_ROUNDS = 30, 6


def probe(bench: Bench) -> Probe:
    """Time every path that this machine has, some ten seconds in all, and more where extensions are built first.

    Raises RuntimeError where CUDA refuses what the probe itself needs.
    """
    costs = made_ready(list(makers()))
    with quiet_collector():
        for number in range(QUICK_ROUNDS if bench.quick else ROUNDS):
            costs.round(number)
            bench.advance(1)
    return costs.probe()


def in_rounds_of_variants() -> LaunchCosts:
    """The points, to be timed once in each round of a capture's timing."""
    return made_ready(list(makers()), beside="in the rounds in which the variants were timed")


def between_points_of_a_sweep() -> LaunchCosts:
    """The points, to be timed now and then while a sweep is measured."""
    return made_ready(list(makers()), beside="between the points of a sweep")
