"""One `torch._foreach_copy_` call for all tensors."""

from __future__ import annotations

from launchlens.kernels.launches import Launches
from launchlens.kernels.registry import Iteration, variant
from launchlens.kernels.small_copies.workload import SmallCopies


@variant(
    "small-copies",
    "foreach",
    says="torch._foreach_copy_(destinations, sources)",
    structure=lambda inputs: [
        Launches("torch-foreach-copy_", arguments=2 * len(inputs.sources), items=len(inputs.sources))
    ],
)
def foreach(inputs: SmallCopies) -> Iteration:
    """One op; on CUDA its fast path launches one multi-tensor kernel when dtypes and layouts agree."""
    import torch

    destinations, sources = inputs.destinations, inputs.sources

    def iteration() -> None:
        torch._foreach_copy_(destinations, sources)

    return iteration
