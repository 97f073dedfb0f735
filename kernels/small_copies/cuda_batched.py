"""One launch of a CUDA C++ kernel for all tensors, called as an extension usually is: with tensors, which it reads."""

from __future__ import annotations

from functools import partial

from launchlens.kernels.launches import Launches
from launchlens.kernels.registry import Iteration, NotForTheseInputsError, variant
from launchlens.kernels.small_copies.extension import MOST_COPIES, NEEDS, extension
from launchlens.kernels.small_copies.workload import SmallCopies


@variant(
    "small-copies",
    "cuda-batched",
    needs=NEEDS,
    says="one CUDA C++ launch, pointers in a struct argument",
    launches="1",
    structure=lambda inputs: [
        Launches("cpp-function-of-tensors", arguments=2 * len(inputs.sources), items=len(inputs.sources))
    ],
)
def cuda_batched(inputs: SmallCopies) -> Iteration:
    """Per call, the extension turns two lists of tensors into a struct of pointers and launches one kernel with it.

    Copies of any dtype, contiguous, at any byte offset. Raises NotForTheseInputsError for more than MOST_COPIES.
    """
    refuse_too_many(inputs)
    return partial(extension().copy_batched, inputs.destinations, inputs.sources)


def refuse_too_many(inputs: SmallCopies) -> None:
    """Raise NotForTheseInputsError for more copies than one launch takes."""
    count = len(inputs.sources)
    if count > MOST_COPIES:
        raise NotForTheseInputsError(f"copies at most {MOST_COPIES} tensors in one launch, not {count}")
