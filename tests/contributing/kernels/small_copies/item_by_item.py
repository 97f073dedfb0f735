"""A variant that is added: every element by itself."""

from __future__ import annotations

from launchlens.kernels.registry import Iteration, variant
from launchlens.kernels.small_copies.workload import SmallCopies


@variant("small-copies", "item-by-item", regimes=("eager",), says="each element of each tensor, one after the other")
def item_by_item(inputs: SmallCopies) -> Iteration:
    def iteration() -> None:
        for source, destination in zip(inputs.sources, inputs.destinations, strict=True):
            for at in range(source.numel()):
                destination[at] = source[at]

    return iteration
