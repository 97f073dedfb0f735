"""The pieces of work whose engine is asked for: memory operations of CUDA, and copies by kernels to compare with."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from launchlens.kernels.small_copies.raw_cuda import check
from launchlens.profiling.probes.apparatus.bare_kernel import BareKernel
from launchlens.profiling.probes.apparatus.bystander import Bystander
from launchlens.traces.captures.probe_codes.copy_engine import (
    BARE,
    BATCH,
    BATCH_OVERLAP,
    DTOD,
    DTOH,
    HTOD,
    MEMSET,
    TORCH_ADD,
    TORCH_COPY,
    TRITON,
)

#: How many copies a batch copy is of; together they are of the operation's size.
BATCH_OF = 4
MEMSET_VALUE = 0x5A
TRITON_BLOCK = 1024


@dataclass(frozen=True)
class Operation:
    """One piece of work of one size. `submit` puts it on the bystander's stream; `right` looks at what it wrote."""

    name: str
    bytes: int
    submit: Callable[[], object]
    prepare: Callable[[], object]
    right: Callable[[], bool]


def operations(size: int, bystander: Bystander) -> Iterator[Operation]:
    """Every operation that this machine has, for `size` bytes, which 16 divides."""
    import torch
    from cuda.bindings import runtime

    kinds, stream = runtime.cudaMemcpyKind, bystander.stream
    count, whole = size // 4, torch.int32
    source = torch.randint(1, 2**30, (count,), dtype=whole, device="cuda")
    target = torch.zeros(count, dtype=whole, device="cuda")
    pinned_source = source.cpu().pin_memory()
    pinned_target = torch.zeros(count, dtype=whole).pin_memory()

    def copy(to: Any, at: Any, kind: Any) -> Callable[[], object]:
        return lambda: check(runtime.cudaMemcpyAsync(to.data_ptr(), at.data_ptr(), size, kind, stream))

    def make(name: str, submit: Callable[[], object], to: Any = target) -> Operation:
        wanted = source if to.is_cuda else pinned_source
        return Operation(name, size, submit, to.zero_, lambda: bool(torch.equal(to, wanted)))

    yield make(DTOD, copy(target, source, kinds.cudaMemcpyDeviceToDevice))
    yield make(HTOD, copy(target, pinned_source, kinds.cudaMemcpyHostToDevice))
    yield make(DTOH, copy(pinned_target, source, kinds.cudaMemcpyDeviceToHost), pinned_target)
    if hasattr(runtime, "cudaMemcpyBatchAsync"):  # CUDA 12.8
        for name, flag in ((BATCH, "cudaMemcpyFlagDefault"), (BATCH_OVERLAP, "cudaMemcpyFlagPreferOverlapWithCompute")):
            yield make(name, _batch(target, source, flag, stream))
    yield Operation(
        MEMSET,
        size,
        lambda: check(runtime.cudaMemsetAsync(target.data_ptr(), MEMSET_VALUE, size, stream)),
        target.zero_,
        lambda: bool((target.view(torch.uint8) == MEMSET_VALUE).all()),
    )
    bare = BareKernel()
    yield make(BARE, lambda: bare.launch(target.data_ptr(), source.data_ptr(), size, stream))

    def in_torch(call: Callable[[], object]) -> Callable[[], object]:
        def submit() -> None:
            with bystander.on_torch():
                call()

        return submit

    yield make(TORCH_COPY, in_torch(lambda: target.copy_(source)))
    yield make(TORCH_ADD, in_torch(lambda: target.add_(source)))  # to zeros
    if importlib.util.find_spec("triton") is not None:
        from launchlens.kernels.small_copies.triton_per_tensor import copy_one

        kernel: Any = copy_one
        launch = kernel[(-(-count // TRITON_BLOCK),)]
        yield make(TRITON, in_torch(lambda: launch(target, source, count, BLOCK=TRITON_BLOCK)))


def _batch(target: Any, source: Any, flag: str, stream: int) -> Callable[[], object]:
    from cuda.bindings import runtime

    attributes = runtime.cudaMemcpyAttributes()
    attributes.srcAccessOrder = runtime.cudaMemcpySrcAccessOrder.cudaMemcpySrcAccessOrderStream
    attributes.flags = int(getattr(runtime.cudaMemcpyFlags, flag))
    part = source.nbytes // BATCH_OF
    to, at = ([item.data_ptr() + index * part for index in range(BATCH_OF)] for item in (target, source))
    sizes = [part] * BATCH_OF
    return lambda: check(runtime.cudaMemcpyBatchAsync(to, at, sizes, BATCH_OF, [attributes], [0], 1, stream))
