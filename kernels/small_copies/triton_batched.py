"""One Triton launch for all tensors, every pointer an argument: what "batched" should have meant."""

from __future__ import annotations

from typing import Any

from launchlens.kernels.optional_triton import tl, triton
from launchlens.kernels.registry import Iteration, variant
from launchlens.kernels.small_copies.workload import SmallCopies

BLOCK = 1024
#: Pairs that the kernel's signature has room for.
ROOM = 7


@triton.jit  # type: ignore[untyped-decorator]
def copy_block(destination, source, elements, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Copy this program's block (second grid axis) of one tensor; blocks past its end do nothing."""
    offset = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = offset < elements
    tl.store(destination + offset, tl.load(source + offset, mask=inside), mask=inside)


@triton.jit  # type: ignore[untyped-decorator]
def copy_seven(  # type: ignore[no-untyped-def]
    d0, d1, d2, d3, d4, d5, d6, s0, s1, s2, s3, s4, s5, s6, n0, n1, n2, n3, n4, n5, n6, BLOCK: tl.constexpr
):
    """Copy tensor number program_id(0); the branch is the same for a whole program, so no lane diverges."""
    which = tl.program_id(0)
    if which == 0:
        copy_block(d0, s0, n0, BLOCK)
    elif which == 1:
        copy_block(d1, s1, n1, BLOCK)
    elif which == 2:
        copy_block(d2, s2, n2, BLOCK)
    elif which == 3:
        copy_block(d3, s3, n3, BLOCK)
    elif which == 4:
        copy_block(d4, s4, n4, BLOCK)
    elif which == 5:
        copy_block(d5, s5, n5, BLOCK)
    else:
        copy_block(d6, s6, n6, BLOCK)


@variant(
    "small-copies",
    "triton-batched",
    needs=("torch", "cuda", "triton"),
    says="one Triton launch, all pointers as arguments",
)
def triton_batched(inputs: SmallCopies) -> Iteration:
    """One launch of 7 x ceil(longest / 1024) programs with 21 arguments.

    Raises ValueError for any other number of tensors than the signature has room for.
    """
    if len(inputs.sources) != ROOM:
        raise ValueError(f"the kernel copies {ROOM} tensors, not {len(inputs.sources)}")
    lengths = [source.numel() for source in inputs.sources]
    kernel: Any = copy_seven
    launch = kernel[(ROOM, (max(lengths) + BLOCK - 1) // BLOCK)]
    arguments = (*inputs.destinations, *inputs.sources, *lengths)

    def iteration() -> None:
        launch(*arguments, BLOCK=BLOCK)

    return iteration
