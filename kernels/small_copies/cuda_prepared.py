"""The kernel of `cuda-batched` with everything prepared: one iteration is one call into C++, and there one launch."""

from __future__ import annotations

from launchlens.kernels.launches import Launches
from launchlens.kernels.registry import Iteration, variant
from launchlens.kernels.small_copies.cuda_batched import refuse_too_many
from launchlens.kernels.small_copies.extension import NEEDS, extension
from launchlens.kernels.small_copies.workload import SmallCopies


@variant(
    "small-copies",
    "cuda-prepared",
    needs=NEEDS,
    says="one launch from a C++ object that holds the arguments",
    launches="1",
    structure=lambda inputs: [
        Launches("cpp-prepared-launch", arguments=len(inputs.sources), items=len(inputs.sources))
    ],
)
def cuda_prepared(inputs: SmallCopies) -> Iteration:
    """The tensors must stay where they are: their addresses are read here, once.

    What is returned is the C function itself, as a Python function around it would add to what is measured.
    """
    refuse_too_many(inputs)
    iteration: Iteration = extension().prepare_launch(inputs.destinations, inputs.sources)
    return iteration
