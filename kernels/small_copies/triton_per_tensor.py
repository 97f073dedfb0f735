"""One Triton launch per tensor: what the note timed under the name "batched Triton copy"."""

from __future__ import annotations

from typing import Any

from launchlens.kernels.launches import Launches
from launchlens.kernels.optional_triton import tl, triton
from launchlens.kernels.registry import Iteration, variant
from launchlens.kernels.small_copies.workload import SmallCopies

BLOCK = 1024


@triton.jit  # type: ignore[untyped-decorator]
def copy_one(destination, source, elements, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Copy `elements` elements, BLOCK to a program."""
    offset = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = offset < elements
    tl.store(destination + offset, tl.load(source + offset, mask=inside), mask=inside)


@variant(
    "small-copies",
    "triton-per-tensor",
    needs=("torch", "cuda", "triton"),
    says="one Triton launch per tensor",
    launches="1 per tensor",
    structure=lambda inputs: [Launches("triton", len(inputs.sources), arguments=3)],
)
def triton_per_tensor(inputs: SmallCopies) -> Iteration:
    """A launch per tensor from a Python loop, with the note's block of 1024 elements."""
    kernel: Any = copy_one
    calls = [
        (kernel[((source.numel() + BLOCK - 1) // BLOCK,)], destination, source, source.numel())
        for destination, source in zip(inputs.destinations, inputs.sources, strict=True)
    ]

    def iteration() -> None:
        for launch, destination, source, elements in calls:
            launch(destination, source, elements, BLOCK=BLOCK)

    return iteration
