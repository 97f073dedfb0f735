"""One cudaMemcpyAsync per tensor from a C++ loop: what `.copy_()` costs without torch around it."""

from __future__ import annotations

from launchlens.kernels.launches import Launches
from launchlens.kernels.registry import Iteration, variant
from launchlens.kernels.small_copies.extension import NEEDS, extension
from launchlens.kernels.small_copies.workload import SmallCopies


@variant(
    "small-copies",
    "memcpy-async-cpp",
    needs=NEEDS,
    says="one cudaMemcpyAsync per tensor, in a C++ loop",
    launches="1 per tensor",
    structure=lambda inputs: [Launches("cudaMemcpyAsync-cpp", len(inputs.sources), arguments=3, node="memcpy")],
)
def memcpy_async_cpp(inputs: SmallCopies) -> Iteration:
    """Pointers and lengths are read here, once; an iteration is one call into C++. The least that memcpys one by one cost."""
    iteration: Iteration = extension().prepare_memcpys(inputs.destinations, inputs.sources)
    return iteration
