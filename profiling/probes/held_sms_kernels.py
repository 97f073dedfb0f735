"""The kernels of the probe `held-sms`, ready to be launched beside a hold, and what each asks of an SM.

What kernel torch or Triton launches, and whether it launches anything else first, is read from a CUDA graph into which the
call is captured (captured.py).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from launchlens.profiling.probes import held_sms_experiments as named
from launchlens.profiling.probes.bare_kernel import WORD, BareKernel, Demands
from launchlens.profiling.probes.captured import Node, nodes
from launchlens.profiling.probes.held_sms_experiments import ELEMENTS, Work
from launchlens.profiling.probes.held_trial import Bystander
from launchlens.profiling.probes.raw_kernel import attributes_of, set_carveout

#: Operators of torch that nothing else here calls, so that CUDA loads each at its first use.
SELDOM = ("erfinv_", "lgamma_", "digamma_")
MOST_ELEMENTS = 1 << 20
FILL = 7


class Kernels:
    """Makes what a `Work` describes; buffers and kernels are made once, and `bystander.stream` is where they run."""

    def __init__(self, bystander: Bystander) -> None:
        import torch

        self.bystanders = {False: bystander, True: Bystander(stream=0)}
        self._source = torch.randint(1, 2**20, (MOST_ELEMENTS,), dtype=torch.int32, device="cuda")
        self._target = torch.zeros_like(self._source)
        self._real = torch.zeros(MOST_ELEMENTS, dtype=torch.float32, device="cuda")
        self._scratch = torch.empty_like(self._source)
        self._bare: dict[Demands, BareKernel] = {}

    def prepare(self) -> None:
        """Clear what the kernels write to."""
        self._target.zero_()
        self._real.fill_(0.5)

    def run_on_every_sm(self, carveout: int, sms: int) -> None:
        """Start a kernel with this carve-out on all SMs, which changes nothing that is looked at."""
        demands = Demands(threads=256, carveout=carveout)
        if demands not in self._bare:
            self._bare[demands] = BareKernel(demands)
        blocks = 2 * sms
        size = min(blocks * demands.threads * WORD, self._scratch.nbytes)
        to, at, stream = self._scratch.data_ptr(), self._source.data_ptr(), self.bystanders[False].stream
        self._bare[demands].launch(to, at, size, stream, blocks)

    def make(self, work: Work, turn: int = 0) -> tuple[Callable[[], object], Callable[[], bool]]:
        """What submits the work, and what says whether it wrote what it should.

        For `fresh` work, code that has not run for another `turn`. Raises LookupError for Triton where it isn't installed.
        """
        if work.kind == named.BARE:
            return self._bare_copy(work, turn)
        return self._in_framework(work, turn)

    def _bare_copy(self, work: Work, turn: int) -> tuple[Callable[[], object], Callable[[], bool]]:
        import torch

        demands = replace(work.demands, tag=turn + 1) if work.fresh else work.demands
        if work.fresh and demands.local_bytes:  # a stack no larger than one before would be there already
            demands = replace(demands, local_bytes=demands.local_bytes + (turn + 1) * named.KIB)
        if demands not in self._bare:
            self._bare[demands] = BareKernel(demands)
        kernel = self._bare[demands]
        size = work.blocks * demands.threads * WORD
        stream, to, at = self.bystanders[work.legacy_stream].stream, self._target, self._source
        elements = size // at.element_size()
        return (
            lambda: kernel.launch(to.data_ptr(), at.data_ptr(), size, stream, work.blocks),
            lambda: bool(torch.equal(to[:elements], at[:elements])),
        )

    def _in_framework(self, work: Work, turn: int) -> tuple[Callable[[], object], Callable[[], bool]]:
        import torch

        elements = work.blocks * ELEMENTS
        to, at, real = self._target[:elements], self._source[:elements], self._real[:elements]
        calls: dict[str, tuple[Callable[[], object], Callable[[], bool]]] = {
            named.ADD: (lambda: to.add_(at), lambda: bool(torch.equal(to, at))),  # to zeros
            named.FILL: (lambda: to.fill_(FILL), lambda: bool((to == FILL).all())),
            named.CONVERT: (lambda: real.copy_(at), lambda: bool(torch.equal(real, at.float()))),
            named.MEMCPY: (lambda: to.copy_(at), lambda: bool(torch.equal(to, at))),
        }
        if work.kind == named.FIRST_USE:
            name = SELDOM[1 + turn % (len(SELDOM) - 1) if work.fresh else 0]
            operator: Any = getattr(real, name)
            call, right = operator, lambda: bool((real != 0.5).all())  # all map 0.5 elsewhere
        elif work.kind == named.TRITON:
            call, right = self._triton(to, at, work.warps), lambda: bool(torch.equal(to, at))
        else:
            call, right = calls[work.kind]
        bystander = self.bystanders[work.legacy_stream]

        def submit() -> None:
            with bystander.on_torch():
                call()

        return submit, right

    def _triton(self, to: Any, at: Any, warps: int) -> Callable[[], object]:
        if importlib.util.find_spec("triton") is None:
            raise LookupError("Triton is not installed")
        from launchlens.kernels.small_copies.triton_per_tensor import copy_one

        kernel: Any = copy_one
        launch = kernel[(to.numel() // ELEMENTS,)]
        return lambda: launch(to, at, to.numel(), BLOCK=ELEMENTS, num_warps=warps)

    def nodes(self, submit: Callable[[], object]) -> list[Node]:
        """What a call on the bystander's own stream launches; it is not run. Raises RuntimeError where it can't be captured."""
        return nodes(submit, self.bystanders[False].stream)


@contextmanager
def preferring(node: Node | None, percent: int | None) -> Iterator[bool]:
    """A carve-out set on a kernel of torch's or Triton's, and left to the driver after; False where it did not take."""
    if percent is None:
        yield True
        return
    if node is None or not node.handle:
        yield False
        return
    set_carveout(node.handle, percent)
    try:
        yield attributes_of(node.handle).carveout == percent
    finally:
        set_carveout(node.handle, None)
