"""The probe `backlog`: the workload's variants with all their launches queued before the device may begin.

Eagerly, a variant of few launches wins because the host is slow. Behind a backlog the device never waits for the host, as where a
model keeps it busy all along: what is left is the device's own time. The probe says whether that turns the ranking round.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

from launchlens.kernels.registry import Iteration
from launchlens.profiling.checking import one_line
from launchlens.profiling.environment import quiet_collector
from launchlens.profiling.probes.apparatus.blocker import Blocker
from launchlens.profiling.probes.apparatus.raw_kernel import NEEDS, device
from launchlens.profiling.probes.backlog.iterations import NotQueuedError, choose_iterations, eagerly, limit_s
from launchlens.profiling.probes.backlog.kept import AGAIN, BACKLOG, EAGER, TWICE, How, Sample
from launchlens.profiling.probes.backlog.verdict import conclude
from launchlens.profiling.probes.method.bench import Bench
from launchlens.traces.captures.block_order import block_order
from launchlens.traces.captures.probe_codes.backlog import ID
from launchlens.traces.captures.probes import Probe
from launchlens.traces.thresholds import THRESHOLDS

__all__ = ["ID", "NEEDS", "probe"]

ROUNDS, QUICK_ROUNDS = 20, 6
#: Rounds are fewer where they would take longer than this in all, but never fewer than an interval needs.
BUDGET_S = 10.0
EAGER_NS, MOST_EAGER = 3_000_000, 200
WARM_UP = 5


@dataclass(frozen=True)
class Entry:
    """A variant that can be put behind a backlog, and how many iterations of it make a sample, there and eagerly."""

    name: str
    call: Iteration
    behind: int
    eager: int
    host_ns: float


def probe(bench: Bench) -> Probe:
    """Time every variant that is right, behind a backlog and eagerly: some 15 s for twenty variants.

    Raises RuntimeError where CUDA refuses what the probe itself needs, or a variant leaves the device unusable.
    """
    device()
    calls = {name: call for (name, regime), call in bench.calls.items() if regime == "eager"}
    parts = {variant.name for variant in bench.variants if variant.part_of is not None}
    baseline = bench.workload.baseline
    with Blocker() as blocker:
        timing = _Timing(bench, blocker)
        for name in sorted(calls, key=lambda name: (name != baseline, name)):
            timing.prepare(name, calls[name])
            bench.advance(1)
        timing.rounds(QUICK_ROUNDS if bench.quick else ROUNDS)
    return conclude(timing.samples, baseline, parts=parts, left_out=timing.left_out, notes=timing.notes())


class _Timing:
    """The variants that can be put behind a backlog, their samples, and why the others can't."""

    def __init__(self, bench: Bench, blocker: Blocker) -> None:
        self.bench, self.blocker = bench, blocker
        self.entries: list[Entry] = []
        self.samples: list[Sample] = []
        self.left_out: dict[str, str] = {}
        self.not_looked_at: list[str] = []

    def prepare(self, name: str, call: Iteration) -> None:
        """Find out how many iterations of a variant make a sample, and whether its work waits for the blocker at all."""
        try:
            for _ in range(2):  # the first pass pays for what is set up lazily
                host, wall = (ns / WARM_UP for ns in eagerly(call, WARM_UP))
            behind = choose_iterations(lambda count: self.blocker.behind(call, count, limit_s(count, host)), host)
            if self._ends_meanwhile(name):
                raise NotQueuedError("its work is not held by the blocker: it is on a stream that doesn't wait")
        except NotQueuedError as error:
            self.left_out[name] = str(error)
        except Exception as error:  # noqa: BLE001  anybody's code; the other variants go on
            self._failed(name, error)
        else:
            eager = int(min(max(EAGER_NS // wall, 1), MOST_EAGER))
            self.entries.append(Entry(name, call, behind, eager, host))

    def _ends_meanwhile(self, name: str) -> bool:
        """Whether it does its work though the stream is blocked, where that can be looked at.

        It needs not be where the variant was captured into a graph and was right: a graph holds only what waits for the
        stream that it was captured on.
        """
        if (name, "graph") in self.bench.calls:
            return False
        variant = next(made for made in self.bench.variants if made.name == name)
        inputs = self.bench.workload.inputs(device="cuda", seed=self.bench.seed)
        found = None
        if hasattr(inputs, "wrong") and hasattr(inputs, "poison"):
            found = self.blocker.ends_meanwhile(inputs, variant.build(inputs))
        if found is None:
            self.not_looked_at.append(name)
        return bool(found)

    def rounds(self, most: int) -> None:
        """Take the samples of every round in turn; as many rounds as fit the budget."""
        with quiet_collector():
            number, began, wanted = 0, perf_counter(), most
            while number < wanted and self.entries:
                self._round(number)
                self.bench.advance(1)
                number += 1
                if number == 1:
                    affordable = int(BUDGET_S / (perf_counter() - began))
                    wanted = min(most, max(affordable, THRESHOLDS.least_samples))

    def _round(self, number: int) -> None:
        baseline = self.bench.workload.baseline
        samples: list[tuple[Entry, How]] = []
        for entry in self.entries:
            samples += [(entry, BACKLOG), (entry, TWICE), (entry, EAGER)]
            if entry.name == baseline:
                samples.append((entry, AGAIN))
        for index in block_order(len(samples), number):
            entry, how = samples[index]
            if entry not in self.entries:
                continue  # failed in this round
            try:
                self.samples.append(self._sample(number, entry, how))
            except Exception as error:  # noqa: BLE001  anybody's code; the other variants go on
                self._failed(entry.name, error)

    def _sample(self, number: int, entry: Entry, how: How) -> Sample:
        if how == EAGER:
            host, wall = eagerly(entry.call, entry.eager)
            return Sample(number, entry.name, how, entry.eager, wall, host)
        count = 2 * entry.behind if how == TWICE else entry.behind
        found = self.blocker.behind(entry.call, count, limit_s(count, entry.host_ns))
        return Sample(number, entry.name, how, count, found.device_ns, found.submit_ns, found.held)

    def _failed(self, name: str, error: Exception) -> None:
        """Leave a variant out, and insist on a device that the others can use (raises RuntimeError without one)."""
        import torch

        torch.cuda.synchronize()
        self.left_out[name] = one_line(error, self.bench.workload)
        self.entries = [entry for entry in self.entries if entry.name != name]
        self.samples = [sample for sample in self.samples if sample.variant != name]

    def notes(self) -> list[str]:
        """What the numbers are, and what was not looked at."""
        made = [
            (
                "Device time behind a backlog: between two events around the iterations of a sample, all of which were submitted "
                "while one block of one thread held the stream. Eager time: wall time to the end of the device's work."
            ),
            (
                "An order is shown where the 95 % interval of a paired ratio excludes 1. Of pairs that differ eagerly and are alike "
                "behind a backlog, 1 in 40 is shown as a flip by chance."
            ),
        ]
        if self.not_looked_at:
            made.append(
                f"That the work of {', '.join(self.not_looked_at)} waited for the blocker follows only from its time, which "
                "grows with the iterations: it was neither in a graph nor could it be looked at meanwhile."
            )
        return made
