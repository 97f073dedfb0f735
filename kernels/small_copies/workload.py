"""The workload `small-copies`: seven contiguous int32 tensors, as an LLM server refreshes before a graph replay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from launchlens.kernels.registry import WorkloadSpec, workload

if TYPE_CHECKING:
    import torch

#: Elements per tensor: the published note's sizes (NOTE, "Test Setup").
SIZES = (32, 64, 128, 256, 512, 1024, 2048)
#: What destinations hold before a check. Sources are never negative, so that a word not written shows.
POISON = -1_717_986_919


@dataclass(frozen=True)
class SmallCopies:
    """`sources` and `destinations`: as many int32 tensors as there are sizes, each [size], contiguous, on one device."""

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


def make(*, device: str, seed: int, sizes: tuple[int, ...] = SIZES, dtype: Any = None) -> SmallCopies:
    """Sources of seeded random numbers >= 0 and as many destinations, on `device`."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    sources = [
        torch.randint(0, 2**31 - 1, (size,), dtype=dtype or torch.int32, generator=generator).to(device)
        for size in sizes
    ]
    return SmallCopies(sources, [torch.empty_like(source) for source in sources])


workload(
    WorkloadSpec(
        name="small-copies",
        says="seven contiguous int32 tensors of 32 to 2048 elements, device to device",
        baseline="copy_",
        make=make,
        parameters={"sizes": list(SIZES), "dtype": "int32", "copies": len(SIZES), "bytes": 4 * sum(SIZES)},
    )
)
