"""Codes of the probe `copy-engine`. Figures are of an operation, over the sizes in which it was tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from launchlens.traces.captures.probes import ProbeFigure

ID: Final = "copy-engine"

#: Sizes in which the operation finished with every SM held, and sizes of which that can't be said.
WITHOUT_SM: Final = "sizes-without-an-sm"
UNCLEAR: Final = "sizes-unclear"
#: Of an operation that needs an SM from some size on: the sizes on both sides of the step, in bytes.
LARGEST_WITHOUT: Final = "largest-size-without-an-sm"
SMALLEST_WITH: Final = "smallest-size-with-an-sm"
#: How many SMs the GPU has.
SMS: Final = "sms"
FIGURES: Final = frozenset({WITHOUT_SM, UNCLEAR, LARGEST_WITHOUT, SMALLEST_WITH, SMS})

#: Operations: memory operations of CUDA, which it makes as it sees fit, and copies by kernels to compare with.
DTOD, HTOD, DTOH = "DtoD", "HtoD", "DtoH"
BATCH, BATCH_OVERLAP, MEMSET = "DtoD-batch", "DtoD-batch-overlap", "memset"
BARE, TORCH_COPY, TORCH_ADD, TRITON = "bare-kernel", "torch-copy_", "torch-add_", "triton-copy"

#: Verdicts, of copies within the device.
ON_SMS: Final = "sm"
ON_AN_ENGINE: Final = "copy-engine"
BY_SIZE: Final = "depends-on-size"

#: What an operation of one size needs.
Needs = Literal["an SM", "no SM", "unclear"]


def counted(needed: Mapping[tuple[str, int], Needs]) -> list[ProbeFigure]:
    """The figures of every operation, from what it needs by operation and bytes."""
    found: list[ProbeFigure] = []
    for operation in dict.fromkeys(name for name, _ in needed):
        by_size = {size: need for (name, size), need in needed.items() if name == operation}
        without = [size for size, need in by_size.items() if need == "no SM"]
        unclear = sum(need == "unclear" for need in by_size.values())
        others = [size for size in by_size if size not in without]
        for what, count in ((WITHOUT_SM, len(without)), (UNCLEAR, unclear)):
            if what == WITHOUT_SM or count:
                found.append(ProbeFigure(what=what, of=operation, value=count, unit="sizes", out_of=len(by_size)))
        if without and others and not unclear and max(without) < min(others):
            found.append(ProbeFigure(what=LARGEST_WITHOUT, of=operation, value=max(without), unit="bytes"))
            found.append(ProbeFigure(what=SMALLEST_WITH, of=operation, value=min(others), unit="bytes"))
    return found


def sms(count: int) -> ProbeFigure:
    """How many SMs were held."""
    return ProbeFigure(what=SMS, value=count, unit="SMs")
