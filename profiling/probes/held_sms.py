"""The probe `held-sms`: with one large block on every SM and half of the threads free, which kernels start, and why?

Some do and some don't, though by threads, registers and shared memory all of them would fit. So the holding kernel and the
one beside it are changed in one thing at a time, and the answer is what the trials show: which change flips it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import groupby

from launchlens.profiling.probes.captured import Node
from launchlens.profiling.probes.held_sms_experiments import (
    CONTROL,
    OBSERVED,
    Experiment,
    Holding,
    Work,
    experiments,
)
from launchlens.profiling.probes.held_sms_kernels import Kernels, preferring
from launchlens.profiling.probes.held_sms_verdict import Block, Checked, Tried, conclude, fits
from launchlens.profiling.probes.held_trial import Occupied, Outcome, Share, independent, trial
from launchlens.profiling.probes.hold import Hold
from launchlens.profiling.probes.probing import Bench
from launchlens.profiling.probes.raw_kernel import NEEDS, Attributes, device, make_stream
from launchlens.traces.captures.probes import Probe, ProbeTable

__all__ = ["NEEDS", "probe"]

TRIALS = 2
#: These kernels take microseconds; one that has not ended after this waits.
BOUND_S = 0.02


def probe(bench: Bench) -> Probe:
    """Try every experiment, about 10 s in all. Raises RuntimeError where CUDA refuses what the probe itself needs."""
    made = _Maker(1 if bench.quick else TRIALS)
    rows: list[Tried] = []
    wanted = list(experiments())
    # the holding kernel is compiled once for all that is tried beside it; what is fresh stays last
    ordered = sorted(wanted, key=lambda item: (item.work.fresh, wanted.index(_first_with(wanted, item.holding))))
    for holding, members in groupby(ordered, key=lambda item: item.holding):
        with ExitStack() as stack:
            occupied = made.occupy(holding, stack)
            for experiment in members:
                row = made.tried(experiment, occupied)
                if row is not None:
                    rows.append(row)
                bench.advance(1)
    place = {(item.hypothesis, item.factor, item.of, item.level): at for at, item in enumerate(wanted)}
    rows.sort(key=lambda row: place[row.hypothesis, row.factor, row.of, row.level])
    return conclude(rows, made.checked("half"), made.checked("all"), made.tables(), made.notes())


def _first_with(wanted: Sequence[Experiment], holding: Holding) -> Experiment:
    return next(item for item in wanted if item.holding == holding)


class _Maker:
    """Makes the trials, each of a holding kernel and a work but once, and keeps what it learnt of the kernels."""

    def __init__(self, trials: int) -> None:
        self.trials, self.device = trials, device()
        self.hold_stream, self.blocking_stream = make_stream(), make_stream(blocking=True)
        self.bystander = independent([self.hold_stream])
        self.kernels = Kernels(self.bystander)
        self.nodes: dict[Work, list[Node]] = {}
        self.holds: dict[Holding, Attributes] = {}
        self.outcomes: dict[tuple[Holding, Work], list[Outcome]] = {}
        self.refused: dict[str, str] = {}

    def occupy(self, holding: Holding, stack: ExitStack) -> Occupied | None:
        """One block on every SM; None, with a note, where such a block can't be."""
        stream = self.blocking_stream if holding.blocking_stream else self.hold_stream
        try:
            hold = Hold(
                self.device.sms,
                holding.threads or self.device.filling_block,
                shared_bytes=holding.shared_bytes,
                carveout=holding.carveout,
                registers=holding.registers,
                local_bytes=holding.local_bytes,
            )
        except RuntimeError as error:
            self.refused[str(holding)] = str(error)
            return None
        stack.callback(hold.close)
        self.holds[holding] = hold.attributes
        return Occupied("one block per SM", hold, stream)

    def tried(self, experiment: Experiment, occupied: Occupied | None) -> Tried | None:
        """The row of one experiment; None, with a note, where it can't be made here."""
        if occupied is None:
            return None
        work, key = experiment.work, (experiment.holding, experiment.work)
        try:
            if key not in self.outcomes:
                self.outcomes[key] = list(self._outcomes(work, occupied, experiment.holding.before))
        except (RuntimeError, LookupError) as error:
            self.refused[f"{experiment.of}, {experiment.level}"] = str(error).partition("\n")[0]
            return None
        found = self.outcomes[key]
        return Tried(
            *(experiment.hypothesis, experiment.factor, experiment.of, experiment.level),
            kernel=replace(work, carveout=None).name,
            fits=self._fits(experiment),
            trials=len(found),
            held=sum(item.held for item in found),
            started=sum(item.finished for item in found),
            right=sum(item.right for item in found),
            call_waited=sum(item.call_waited for item in found),
            wish_bytes=self._wish(experiment),
        )

    def _outcomes(self, work: Work, occupied: Occupied, before: int | None = None) -> Iterator[Outcome]:
        for turn in range(self.trials):
            submit, right = self.kernels.make(work, turn)
            if not work.fresh and not turn:
                self._learn(work)
            node = next((item for item in self.nodes.get(work, []) if item.asks is not None), None)
            with preferring(node, work.carveout) as took:
                if not took:
                    raise RuntimeError(f"a carve-out of {work.carveout} % did not take on {work.name}")
                bystander = self.kernels.bystanders[work.legacy_stream]
                prepare = partial(self._prepare, before)
                yield trial(occupied, bystander, submit, prepare=prepare, right=right, bound_s=BOUND_S)

    def _prepare(self, before: int | None) -> None:
        self.kernels.prepare()
        if before is not None:
            self.kernels.run_on_every_sm(before, self.device.sms)

    def _learn(self, work: Work) -> None:
        """Run it with nothing held, and read what it launches."""
        import torch

        if work in self.nodes:
            return
        submit, right = self.kernels.make(work)
        self.kernels.prepare()
        torch.cuda.synchronize()
        submit()
        torch.cuda.synchronize()
        if not right():
            raise RuntimeError(f"{work.name} writes wrong values with nothing held")
        own, _ = self.kernels.make(replace(work, legacy_stream=False))
        self.nodes[work] = self.kernels.nodes(own)

    def _wish(self, experiment: Experiment) -> int | None:
        """`Tried.wish_bytes`; None where either kernel's carve-out is set, or the code or the stack is new to CUDA."""
        work = experiment.work
        chosen = work.carveout is None and work.demands.carveout is None
        if experiment.holding != Holding() or not chosen or work.fresh:
            return None
        node = next((item for item in self.nodes.get(work, []) if item.asks is not None), None)
        if node is None or node.asks is None or node.blocks_per_sm is None:
            return None
        each = node.asks.static_shared + node.dynamic_shared + self.device.reserved_shared_per_block
        return node.blocks_per_sm * each

    def _fits(self, experiment: Experiment) -> bool | None:
        held = self.holds[experiment.holding]
        nodes = self.nodes.get(experiment.work) or self.nodes.get(replace(experiment.work, fresh=False))
        node = next((item for item in nodes or [] if item.asks is not None), None)
        if node is None or node.asks is None or experiment.hypothesis == CONTROL:
            return None
        threads = experiment.holding.threads or self.device.filling_block
        return fits(
            self.device,
            Block(threads, held.registers, held.static_shared + experiment.holding.shared_bytes),
            Block(node.threads, node.asks.registers, node.asks.static_shared + node.dynamic_shared),
        )

    def checked(self, share: Share) -> list[Checked]:
        """The kernels of the observation with another share of the SMs held."""
        occupied = Occupied.of(share, self.hold_stream)
        try:
            rows = []
            for work in OBSERVED:
                try:
                    found = list(self._outcomes(work, occupied))
                except LookupError:
                    continue  # noted when it was tried
                held, started = sum(item.held for item in found), sum(item.finished for item in found)
                rows.append(Checked(work.name, len(found), held, started))
            return rows
        finally:
            occupied.close()

    def tables(self) -> list[ProbeTable]:
        """What the kernels and the holding kernels ask for."""
        columns: tuple[str, ...] = (
            "kernel",
            "carve-out set, %",
            "node",
            "function",
            "blocks",
            "threads",
            "registers",
            "static shared, bytes",
        )
        columns += (
            "dynamic shared, bytes",
            "local, bytes",
            "carve-out, %",
            "cluster",
            "blocks that fit an SM, by the driver",
        )
        cells = []
        for work, nodes in self.nodes.items():
            for node in nodes:
                asks = node.asks
                row = (work.name, work.demands.carveout if work.carveout is None else work.carveout, node.kind)
                cells.append(
                    (*row, *(None,) * (len(columns) - 3))
                    if asks is None
                    else (
                        *(*row, asks.name[:120], node.blocks, node.threads, asks.registers, asks.static_shared),
                        *(
                            node.dynamic_shared,
                            asks.local,
                            asks.carveout,
                            "×".join(map(str, asks.cluster)),
                            node.blocks_per_sm,
                        ),
                    )
                )
        holds: tuple[str, ...] = (
            "threads",
            "dynamic shared, bytes",
            "carve-out set, %",
            "more registers",
            "stack, bytes",
        )
        holds += ("registers", "local, bytes", "carve-out, %")
        held = [
            (
                *(item.threads or self.device.filling_block, item.shared_bytes, item.carveout),
                *(item.registers, item.local_bytes, asks.registers, asks.local, asks.carveout),
            )
            for item, asks in self.holds.items()
        ]
        return [
            ProbeTable(
                "What each call launches, from a CUDA graph, and what the kernel asks for",
                columns,
                tuple(dict.fromkeys(cells)),
            ),
            ProbeTable("The holding kernels", holds, tuple(held)),
        ]

    def _more_than_one(self) -> str:
        several = [f"{work.name}: {len(nodes)}" for work, nodes in self.nodes.items() if len(nodes) != 1]
        return f"Calls that launch more or less than one thing: {', '.join(dict.fromkeys(several)) or 'none'}."

    def notes(self) -> list[str]:
        """What was not made, and what the numbers are."""
        facts = self.device
        return [
            (
                f"{self.trials} trials each, beside {facts.sms} blocks, one on each SM by %smid. Not started means: not ended "
                f"within {BOUND_S * 1e3:.0f} ms. An SM has {facts.threads_per_sm:,} threads, {facts.registers_per_sm:,} registers, "
                f"{facts.shared_per_sm:,} bytes of shared memory at most; CUDA reserves {facts.reserved_shared_per_block:,} for each block."
            ),
            self._more_than_one(),
            *(f"Not tried here: {what}: {why}" for what, why in self.refused.items()),
        ]
