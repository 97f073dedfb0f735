"""The workload `small-copies`: contiguous int32 tensors, as an LLM server refreshes before a graph replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

from launchlens.kernels.registry import workload

if TYPE_CHECKING:
    import torch

#: Elements per tensor: the published note's sizes (NOTE, "Test Setup").
SIZES = (32, 64, 128, 256, 512, 1024, 2048)
#: What destinations hold before a check. Sources are never negative, so that a word not written shows.
POISON = -1_717_986_919
#: Most copies, and most elements of one: beyond them a mistyped number is likelier than a wish.
MOST_COPIES, MOST_ELEMENTS = 10_000, 2**31 - 1
#: Where copies are said by their bytes, each is a multiple of so many elements, 64 bytes: alignment, by which code is chosen, and
#: by which Triton compiles a kernel anew, is then the same for all of them.
GRAIN = 16
_ITEM = 4


@dataclass(frozen=True)
class SmallCopies:
    """`sources` and `destinations`: as many int32 tensors as there are copies, each [size], contiguous, on one device."""

    sources: list[torch.Tensor]
    destinations: list[torch.Tensor]

    def poison(self) -> None:
        for destination in self.destinations:
            destination.fill_(POISON)

    def wrong(self) -> str | None:
        for index, (source, destination) in enumerate(zip(self.sources, self.destinations, strict=True)):
            differing = int((source != destination).sum())
            if differing:
                return f"{differing} of {source.numel()} elements of copy {index} are not the source's"
        return None


def lengths(sizes: Sequence[int], count: int | None, bytes: int | None = None) -> list[int]:
    """Elements of each of `count` copies, `sizes` over and over; every size once when `count` is None.

    With `bytes`, copies are so long on average, and `sizes` are only how they differ from each other. Raises ValueError, in one
    line, for what can't be copied.
    """
    if not sizes:
        raise ValueError("sizes: give at least one")
    for size in sizes:
        if not 1 <= size <= MOST_ELEMENTS:
            raise ValueError(f"sizes: {size} is not between 1 and {MOST_ELEMENTS} elements")
    if count is not None and not 1 <= count <= MOST_COPIES:
        raise ValueError(f"count: {count} is not between 1 and {MOST_COPIES} copies")
    made = list(islice(cycle(sizes), len(sizes) if count is None else count))
    return made if bytes is None else _of_bytes(made, bytes)


def _of_bytes(shares: Sequence[int], bytes: int) -> list[int]:
    """Elements of copies of `bytes` on average: a grain for each, and the rest by `shares`, whole grains by largest remainders."""
    if bytes < GRAIN * _ITEM or bytes % (GRAIN * _ITEM):
        raise ValueError(f"bytes: {bytes} is not a multiple of {GRAIN * _ITEM}")
    left, whole = (bytes // (GRAIN * _ITEM) - 1) * len(shares), sum(shares)
    grains = [1 + left * share // whole for share in shares]
    remainders = sorted(range(len(shares)), key=lambda index: (-(left * shares[index] % whole), index))
    for index in remainders[: left + len(shares) - sum(grains)]:
        grains[index] += 1
    if max(grains) * GRAIN > MOST_ELEMENTS:
        raise ValueError(f"bytes: {bytes} makes a copy of more than {MOST_ELEMENTS} elements")
    return [GRAIN * number for number in grains]


def facts(sizes: Sequence[int], count: int | None, bytes: int | None = None) -> dict[str, Any]:
    """What a manifest says of these copies; `sizes` are then the elements of every copy in order, `bytes` those of an iteration."""
    made = lengths(sizes, count, bytes)
    number = "seven" if len(made) == 7 else str(len(made))
    of = f"{min(made)} to {max(made)} elements" if min(made) < max(made) else f"{made[0]} elements"
    says = f"{number} contiguous int32 tensors of {of}, device to device"
    return {"says": says, "sizes": made, "dtype": "int32", "copies": len(made), "bytes": _ITEM * sum(made)}


@workload(
    "small-copies",
    baseline="copy_",
    says="seven contiguous int32 tensors of 32 to 2048 elements, device to device",
    facts=facts,
    usual=("copy_", "triton-per-tensor", "triton-batched", "foreach"),
)
def make(
    *, device: str, seed: int, sizes: Sequence[int] = SIZES, count: int | None = None, bytes: int | None = None
) -> SmallCopies:
    """Sources of seeded random numbers >= 0 and as many destinations, on `device`; `lengths` says how many and how long."""
    import torch

    # on the device itself: the host would need seconds for copies of gigabytes
    generator = torch.Generator(device).manual_seed(seed)
    sources = [
        torch.randint(0, 2**31 - 1, (size,), dtype=torch.int32, generator=generator, device=device)
        for size in lengths(sizes, count, bytes)
    ]
    return SmallCopies(sources, [torch.empty_like(source) for source in sources])
