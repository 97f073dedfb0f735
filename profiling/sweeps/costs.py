"""What launches cost, by bursts between the points of a sweep: spread over it, so that they have the drift that its points have."""

from __future__ import annotations

from time import monotonic

from launchlens.profiling.environment import missing, quiet_collector
from launchlens.profiling.probes.launch_costs import probe as launch_costs
from launchlens.profiling.probes.launch_costs.bench import LaunchCosts
from launchlens.traces.captures.probes import Probe

#: A round of bursts so often, seconds; and of how many rounds costs are worked out at least, and at most.
EVERY_S = 5.0
FEWEST_ROUNDS, MOST_ROUNDS = 10, 40


class CostsBetweenPoints:
    """Rounds of the probe `launch-costs` in the process of a sweep. Where it can't be made, or isn't `wanted`, nothing is timed."""

    def __init__(self, device: str, *, wanted: bool) -> None:
        self._able = wanted and not missing(launch_costs.NEEDS, device)
        self._costs: LaunchCosts | None = None
        self._rounds = 0
        self._last = 0.0

    def get_ready(self) -> None:
        """Build the points, which compiles extensions where they have not been compiled before."""
        if self._able:
            self._costs = launch_costs.between_points_of_a_sweep()

    def between_points(self) -> None:
        """A round of bursts, where the last was long ago."""
        if self._rounds < MOST_ROUNDS and monotonic() - self._last >= EVERY_S:
            self._round()

    def finish(self) -> None:
        """The rounds that costs can't do without."""
        while self._costs is not None and self._rounds < FEWEST_ROUNDS:
            self._round()

    def found(self) -> Probe | None:
        """What the rounds say; None of too few."""
        return None if self._costs is None or self._rounds < FEWEST_ROUNDS else self._costs.probe()

    def _round(self) -> None:
        if self._costs is None:
            return
        with quiet_collector():
            self._costs.round(self._rounds)
        self._rounds += 1
        self._last = monotonic()
