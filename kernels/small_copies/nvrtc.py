"""One launch of a kernel that NVRTC compiled, through `torch.cuda._compile_kernel`: CUDA C++ without a compiler installed.

torch's launcher takes tensors and C ints, no struct, so every pointer and length is an argument, as in `triton-batched`:

    copy_2(void* d0, void* d1, const void* s0, const void* s1, int n0, int n1)

and the block's row picks its three in a `switch`, which is the same for all of its threads.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from launchlens.kernels.launches import Launches
from launchlens.kernels.registry import Iteration, NotForTheseInputsError, variant
from launchlens.kernels.small_copies.workload import SmallCopies

THREADS, BYTES_A_THREAD = 256, 16
#: Most blocks of one copy (they stride over it), copies of one launch, and bytes of one copy, which are a C int.
MOST_BLOCKS, MOST_COPIES, MOST_BYTES = 2048, 64, 2**31 - 1


def source_of(count: int) -> str:
    """CUDA C++ of the kernel for `count` copies."""
    kinds = {"d": "void* d", "s": "const void* s", "n": "int n"}
    arguments = [f"{kind}{index}" for kind in kinds.values() for index in range(count)]
    cases = [f"case {index}: to = d{index}; from = s{index}; bytes = n{index}; break;" for index in range(count)]
    lines = [
        f'extern "C" __global__ void copy_{count}({", ".join(arguments)}) {{',
        "    void* to = nullptr; const void* from = nullptr; int bytes = 0;",
        "    switch (blockIdx.y) {",
        *(f"        {case}" for case in cases),
        "    }",
        "    const launchlens::Count threads = static_cast<launchlens::Count>(gridDim.x) * blockDim.x;",
        "    launchlens::copy_bytes(to, from, bytes, blockIdx.x * blockDim.x + threadIdx.x, threads);",
        "}",
    ]
    header = (Path(__file__).parent / "copy_bytes.cuh").read_text(encoding="utf-8")
    return header.replace("#pragma once\n", "") + "\n".join(lines) + "\n"


@cache
def _kernel(count: int, device: int) -> Any:
    import torch

    compile_kernel = getattr(torch.cuda, "_compile_kernel", None)
    if compile_kernel is None:
        raise NotForTheseInputsError("this torch has no torch.cuda._compile_kernel")
    return compile_kernel(source_of(count), f"copy_{count}")


@variant(
    "small-copies",
    "nvrtc",
    needs=("torch", "cuda"),
    says="one launch through torch.cuda._compile_kernel",
    launches="1",
    structure=lambda inputs: [
        Launches("torch-compile-kernel", arguments=3 * len(inputs.sources), items=len(inputs.sources))
    ],
)
def nvrtc(inputs: SmallCopies) -> Iteration:
    """One launch with 3 N arguments, which torch's launcher turns into C through ctypes at every call.

    Copies of any dtype, contiguous, at any byte offset. Raises NotForTheseInputsError for more or longer ones than the
    arguments can say.
    """
    import torch

    count, sizes = len(inputs.sources), [source.nbytes for source in inputs.sources]
    if count > MOST_COPIES:
        raise NotForTheseInputsError(f"copies at most {MOST_COPIES} tensors in one launch, not {count}")
    if max(sizes) > MOST_BYTES:
        raise NotForTheseInputsError(f"copies at most {MOST_BYTES} bytes, a C int, not {max(sizes)}")
    kernel = _kernel(count, torch.cuda.current_device())
    a_block = THREADS * BYTES_A_THREAD
    grid = (min(max((max(sizes) + a_block - 1) // a_block, 1), MOST_BLOCKS), count, 1)
    block, arguments = (THREADS, 1, 1), [*inputs.destinations, *inputs.sources, *sizes]

    def iteration() -> None:
        kernel(grid=grid, block=block, args=arguments)

    return iteration
