"""One cudaMemcpyAsync per tensor from Python, through cuda.bindings."""

from __future__ import annotations

from launchlens.kernels.launches import Launches
from launchlens.kernels.registry import Iteration, variant
from launchlens.kernels.small_copies.raw_cuda import NEEDS, check, current_stream_reader
from launchlens.kernels.small_copies.workload import SmallCopies


@variant(
    "small-copies",
    "memcpy-async",
    needs=NEEDS,
    says="one cudaMemcpyAsync per tensor, through cuda.bindings",
    launches="1 per tensor",
    structure=lambda inputs: [
        Launches("cudaMemcpyAsync-cuda-bindings", len(inputs.sources), arguments=3, node="memcpy")
    ],
)
def memcpy_async(inputs: SmallCopies) -> Iteration:
    """The runtime's call from a Python loop; pointers and lengths are read here, once.

    `memcpy-async-cpp` makes the same calls from C++, which costs less and needs a compiler.
    """
    from cuda.bindings import runtime

    copy, kind, stream = (
        runtime.cudaMemcpyAsync,
        runtime.cudaMemcpyKind.cudaMemcpyDeviceToDevice,
        current_stream_reader(),
    )
    calls = [
        (destination.data_ptr(), source.data_ptr(), source.nbytes)
        for destination, source in zip(inputs.destinations, inputs.sources, strict=True)
    ]

    def iteration(kept: SmallCopies = inputs) -> None:  # the default keeps alive what `calls` only points to
        current = stream()
        for destination, source, size in calls:
            check(copy(destination, source, size, kind, current))

    return iteration
