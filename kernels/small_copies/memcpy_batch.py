"""One cudaMemcpyBatchAsync for all tensors, through cuda.bindings."""

from __future__ import annotations

from launchlens.kernels.launches import Launches
from launchlens.kernels.registry import Iteration, NotForTheseInputsError, variant
from launchlens.kernels.small_copies.raw_cuda import NEEDS, check, current_stream_reader
from launchlens.kernels.small_copies.workload import SmallCopies


# CUDA refuses to capture this call (cudaErrorStreamCaptureUnsupported; seen with CUDA 13.0, driver 580)
@variant(
    "small-copies",
    "memcpy-batch",
    needs=NEEDS,
    regimes=("eager",),
    says="one cudaMemcpyBatchAsync, through cuda.bindings",
    launches="1",
    structure=lambda inputs: [
        Launches(
            "cudaMemcpyBatchAsync-cuda-bindings",
            arguments=len(inputs.sources),
            items=len(inputs.sources),
            node="memcpy",
        )
    ],
)
def memcpy_batch(inputs: SmallCopies) -> Iteration:
    """CUDA 12.8's batch copy; pointers and lengths are read here, once, and turned into C arrays at every call.

    The call refuses the legacy default stream, on which torch works unless told otherwise. In its place stands a stream of
    ours that blocks: CUDA itself orders such a stream after what the legacy stream was given before, and before what that
    is given later. Raises NotForTheseInputsError where cuda.bindings lacks the call.
    """
    from cuda.bindings import runtime

    batch = getattr(runtime, "cudaMemcpyBatchAsync", None)
    if batch is None:
        raise NotForTheseInputsError("cuda.bindings has no cudaMemcpyBatchAsync: it came with 12.8")
    attributes = runtime.cudaMemcpyAttributes()
    attributes.srcAccessOrder = runtime.cudaMemcpySrcAccessOrder.cudaMemcpySrcAccessOrderStream
    (ordered,) = check(runtime.cudaStreamCreate())  # one for the life of the process, as torch's streams are
    destinations = [destination.data_ptr() for destination in inputs.destinations]
    sources = [source.data_ptr() for source in inputs.sources]
    sizes, count = [source.nbytes for source in inputs.sources], len(inputs.sources)
    all_alike, first, stream = [attributes], [0], current_stream_reader()

    def iteration(kept: SmallCopies = inputs) -> None:  # the default keeps alive what the lists only point to
        # CUDA 12's call also answers which copy failed; cuda.bindings gives that back, so the arguments are the same
        check(batch(destinations, sources, sizes, count, all_alike, first, 1, stream() or ordered))

    return iteration
