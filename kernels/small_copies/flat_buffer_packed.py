"""One `.copy_()` of a flat buffer that is packed from scattered sources every time."""

from __future__ import annotations

from launchlens.kernels.launches import Launches
from launchlens.kernels.registry import Iteration, variant
from launchlens.kernels.small_copies.flat import lay_flat
from launchlens.kernels.small_copies.workload import SmallCopies


@variant(
    "small-copies",
    "flat-buffer-packed",
    says="torch.cat into a flat buffer, then one copy_ of it",
    structure=lambda inputs: [
        Launches("torch-cat", arguments=len(inputs.sources), items=len(inputs.sources)),
        Launches("torch-copy_", arguments=2, items=len(inputs.sources), node="memcpy"),
    ],
)
def flat_buffer_packed(inputs: SmallCopies) -> Iteration:
    """The sources stay where they are and are packed at every iteration; only the destinations are views of a flat buffer."""
    import torch

    destination = lay_flat(inputs.destinations)
    staging = torch.empty_like(destination)
    sources = [source.reshape(-1) for source in inputs.sources]

    def iteration() -> None:
        torch.cat(sources, out=staging)
        destination.copy_(staging)

    return iteration
