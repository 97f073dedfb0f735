"""One Triton launch for all tensors, every pointer an argument: what "batched" should have meant."""

from __future__ import annotations

from launchlens.kernels.launches import Launches
from launchlens.kernels.registry import Iteration, NotForTheseInputsError, variant
from launchlens.kernels.small_copies.triton_signature import ROOM, kernel_of, refuse_too_long
from launchlens.kernels.small_copies.workload import SmallCopies

BLOCK = 1024


@variant(
    "small-copies",
    "triton-batched",
    needs=("torch", "cuda", "triton"),
    says="one Triton launch, all pointers as arguments",
    launches="1",
    structure=lambda inputs: [Launches("triton", arguments=3 * len(inputs.sources), items=len(inputs.sources))],
)
def triton_batched(inputs: SmallCopies) -> Iteration:
    """One launch of N x ceil(longest / 1024) programs with 3 N arguments: 21 for the note's seven tensors.

    Raises NotForTheseInputsError for more tensors than a signature has room for, and for longer ones than a grid has.
    """
    count = len(inputs.sources)
    if count > ROOM:
        raise NotForTheseInputsError(f"copies at most {ROOM} tensors in one launch, not {count}")
    lengths = [source.numel() for source in inputs.sources]
    programs = (max(lengths) + BLOCK - 1) // BLOCK
    refuse_too_long(programs)
    launch = kernel_of(count)[(count, programs)]
    arguments = (*inputs.destinations, *inputs.sources, *lengths)

    def iteration() -> None:
        launch(*arguments, BLOCK=BLOCK)

    return iteration
