"""The plainest kernel that copies, each of whose demands on an SM can be set alone: it stands for "work that needs an SM"."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from launchlens.profiling.probes.raw_kernel import Attributes, RawKernel

SOURCE = r"""
extern "C" __global__ void __launch_bounds__(THREADS)
bare_copy(uint4* to, const uint4* from, unsigned long long words) {
    const unsigned long long first = static_cast<unsigned long long>(blockIdx.x) * blockDim.x + threadIdx.x;
#if KEPT > 0  // registers that stay in use all along; loaded, since what can be made again would be
    unsigned kept[KEPT];
#pragma unroll
    for (int i = 0; i < KEPT; ++i) kept[i] = reinterpret_cast<const volatile unsigned*>(from)[(threadIdx.x + i) % 4];
#endif
#if LOCAL > 0  // a stack frame: volatile and indexed at run time, so that it can't live in registers
    volatile unsigned frame[LOCAL / 4];
    frame[threadIdx.x % (LOCAL / 4)] = static_cast<unsigned>(words);
#endif
#if STATIC > 0
    __shared__ volatile unsigned room[STATIC / 4];
    room[threadIdx.x % (STATIC / 4)] = static_cast<unsigned>(words);
#endif
    const unsigned long long threads = static_cast<unsigned long long>(gridDim.x) * blockDim.x;
    for (unsigned long long i = first; i < words; i += threads) to[i] = from[i];
    unsigned odd = TAG == 0xffff;
#if KEPT > 0
#pragma unroll
    for (int i = 0; i < KEPT; ++i) {
        asm volatile("" : "+r"(kept[i]));  // or its use would be moved before the copy, and free the registers
        odd = odd * 31 + kept[i];
    }
    odd = odd == 0x5eed5eed;
#endif
#if LOCAL > 0
    odd |= frame[(threadIdx.x * 7 + 3) % (LOCAL / 4)] == 0x5eed5eed;
#endif
#if STATIC > 0
    odd |= room[(threadIdx.x * 7 + 3) % (STATIC / 4)] == 0x5eed5eed;
#endif
    if (odd && words == ~0ull) to[0] = make_uint4(odd, odd, odd, odd);
}
"""
WORD = 16


@dataclass(frozen=True)
class Demands:
    """What the kernel asks of an SM. `carveout` in per cent (None: the driver's choice), `registers` besides those it needs.

    `lazy` leaves loading its code to the first launch; kernels of different `tag` are different code.
    """

    threads: int = 128
    carveout: int | None = None
    registers: int = 0
    local_bytes: int = 0
    static_shared: int = 0
    dynamic_shared: int = 0
    lazy: bool = False
    tag: int = 0


class BareKernel:
    """The kernel with these demands, compiled and loaded (unless it is to be lazy)."""

    def __init__(self, demands: Demands = Demands()) -> None:
        self.demands = demands
        self._kernel = RawKernel(
            SOURCE,
            "bare_copy",
            lazy=demands.lazy,
            THREADS=demands.threads,
            KEPT=demands.registers,
            LOCAL=demands.local_bytes // 4 * 4,
            STATIC=demands.static_shared // 4 * 4,
            TAG=demands.tag,
        )
        if demands.dynamic_shared:
            self._kernel.allow_shared(demands.dynamic_shared)
        if demands.carveout is not None:
            self._kernel.prefer_carveout(demands.carveout)

    @property
    def attributes(self) -> Attributes:
        return self._kernel.attributes

    def launch(self, to: int, source: int, size: int, stream: int, most_blocks: int = 2048) -> None:
        """Copy `size` bytes, a multiple of 16, between two addresses on the device that are aligned to 16."""
        words = size // WORD
        blocks = min(max(-(-words // self.demands.threads), 1), most_blocks)
        arguments = [ctypes.c_uint64(to), ctypes.c_uint64(source), ctypes.c_uint64(words)]
        self._kernel.launch(blocks, self.demands.threads, stream, arguments, self.demands.dynamic_shared)
