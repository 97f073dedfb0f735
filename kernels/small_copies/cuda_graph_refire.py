"""A CUDA graph with the kernel of `cuda-batched` as its only node, launched by the least host work."""

from __future__ import annotations

from launchlens.kernels.launches import Launches
from launchlens.kernels.registry import Iteration, variant
from launchlens.kernels.small_copies.cuda_batched import refuse_too_many
from launchlens.kernels.small_copies.extension import NEEDS, extension
from launchlens.kernels.small_copies.workload import SmallCopies


@variant(
    "small-copies",
    "cuda-graph-refire",
    needs=NEEDS,
    regimes=("eager",),  # it is a graph already
    says="a one-kernel CUDA graph, launched from a C++ object",
    launches="1",
    structure=lambda inputs: [Launches("cpp-graph-launch", items=len(inputs.sources))],
)
def cuda_graph_refire(inputs: SmallCopies) -> Iteration:
    """Instantiated here, once; an iteration is one cudaGraphLaunch, with none of what torch's `replay` does around it.

    The tensors must stay where they are, as for any graph.
    """
    refuse_too_many(inputs)
    iteration: Iteration = extension().prepare_graph(inputs.destinations, inputs.sources)
    return iteration
