"""The plainest kernel that copies: it stands for "work that needs an SM"."""

from __future__ import annotations

import ctypes

from launchlens.profiling.probes.apparatus.raw_kernel import RawKernel

SOURCE = r"""
extern "C" __global__ void __launch_bounds__(THREADS)
bare_copy(uint4* to, const uint4* from, unsigned long long words) {
    const unsigned long long first = static_cast<unsigned long long>(blockIdx.x) * blockDim.x + threadIdx.x;
    const unsigned long long threads = static_cast<unsigned long long>(gridDim.x) * blockDim.x;
    for (unsigned long long i = first; i < words; i += threads) to[i] = from[i];
}
"""
WORD = 16
THREADS, MOST_BLOCKS = 128, 2048


class BareKernel:
    """The kernel, compiled and loaded."""

    def __init__(self) -> None:
        self._kernel = RawKernel(SOURCE, "bare_copy", THREADS=THREADS)

    def launch(self, to: int, source: int, size: int, stream: int) -> None:
        """Copy `size` bytes, a multiple of 16, between two addresses on the device that are aligned to 16."""
        words = size // WORD
        blocks = min(max(-(-words // THREADS), 1), MOST_BLOCKS)
        arguments = [ctypes.c_uint64(to), ctypes.c_uint64(source), ctypes.c_uint64(words)]
        self._kernel.launch(blocks, THREADS, stream, arguments)
