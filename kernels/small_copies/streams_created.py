"""`streams` with the streams created, and destroyed, at every iteration."""

from __future__ import annotations

from launchlens.kernels.launches import Launches
from launchlens.kernels.registry import Iteration, variant
from launchlens.kernels.small_copies.raw_cuda import NEEDS, check
from launchlens.kernels.small_copies.streams import fork_and_join
from launchlens.kernels.small_copies.workload import SmallCopies


@variant(
    "small-copies",
    "streams-created",
    needs=NEEDS,
    regimes=("eager",),  # a replay would create none
    says="one copy_ per tensor, each on a stream created for it",
    structure=lambda inputs: [Launches("torch-copy_-new-streams", len(inputs.sources), arguments=2, node="memcpy")],
)
def streams_created(inputs: SmallCopies) -> Iteration:
    """Streams are created by CUDA itself: `torch.cuda.Stream()` hands out streams that torch made long before.

    Events are made once, as in `streams`, so that the two differ by the streams' creation and end. CUDA frees a destroyed
    stream when its work is done; nothing waits here.
    """
    import torch
    from cuda.bindings import runtime

    fork = torch.cuda.Event()
    pairs = [
        (torch.cuda.Event(), destination, source)
        for destination, source in zip(inputs.destinations, inputs.sources, strict=True)
    ]
    create, destroy, flags = (
        runtime.cudaStreamCreateWithFlags,
        runtime.cudaStreamDestroy,
        runtime.cudaStreamNonBlocking,  # as torch's are
    )

    def iteration() -> None:
        made = [check(create(flags))[0] for _ in pairs]
        fork_and_join(
            fork, [(torch.cuda.ExternalStream(int(stream)), *pair) for stream, pair in zip(made, pairs, strict=True)]
        )
        for stream in made:
            check(destroy(stream))

    return iteration
