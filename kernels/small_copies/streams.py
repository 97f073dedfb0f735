"""One stream per `.copy_()`, created once: what the note expects of parallel launches.

current  --fork-------------------------wait-wait-->     the streams wait for the fork, the current stream for each
stream 0    \\--wait--copy--join--------/   /             of them: no host waits, and a capture holds the same shape
stream 1     \\--wait--copy--join----------/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from launchlens.kernels.launches import Launches
from launchlens.kernels.registry import Iteration, variant
from launchlens.kernels.small_copies.workload import SmallCopies

if TYPE_CHECKING:
    import torch

    Lane = tuple[torch.cuda.Stream, torch.cuda.Event, torch.Tensor, torch.Tensor]


def fork_and_join(fork: torch.cuda.Event, lanes: list[Lane]) -> None:
    """Copy on every lane's stream, after what the current stream holds and before what it is given next."""
    import torch

    current = torch.cuda.current_stream()
    fork.record(current)
    for stream, join, destination, source in lanes:
        stream.wait_event(fork)
        with torch.cuda.stream(stream):
            destination.copy_(source)
        join.record(stream)
        current.wait_event(join)


@variant(
    "small-copies",
    "streams",
    needs=("torch", "cuda"),
    says="one copy_ on a stream of its own per tensor",
    structure=lambda inputs: [Launches("torch-copy_-own-streams", len(inputs.sources), arguments=2, node="memcpy")],
)
def streams(inputs: SmallCopies) -> Iteration:
    """Streams and events are made here, once. torch has 32 streams to give, so beyond 32 tensors streams are shared."""
    import torch

    fork = torch.cuda.Event()
    lanes = [
        (torch.cuda.Stream(), torch.cuda.Event(), destination, source)
        for destination, source in zip(inputs.destinations, inputs.sources, strict=True)
    ]

    def iteration() -> None:
        fork_and_join(fork, lanes)

    return iteration
