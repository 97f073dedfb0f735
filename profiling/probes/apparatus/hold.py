"""A kernel that holds a stream, or chosen SMs, until the host lets go: what probes of scheduling are made with.

    with Hold(blocks=2 * sms, threads=1024) as hold:
        hold.start()                 # on a stream of its own, unless given one
        hold.wait_until_held()       # every block runs, and has written which SM it runs on
        ...                          # submit work on another stream, see whether it ends
        hold.holding()               # SM -> blocks on it right now
        hold.release()

One thread of each block polls a word in pinned host memory, and sleeps between two looks; the others wait at a barrier. When
all threads poll, large copies from the host starve on the bus. Three things end a hold that was not released: leaving the
`with`, a timer on the host, and a limit that the kernel itself keeps, so that no mistake can hang the GPU.
"""

from __future__ import annotations

import ctypes
import threading
from collections import Counter
from time import perf_counter
from types import TracebackType
from typing import Any, Literal, Self

from launchlens.kernels.small_copies.raw_cuda import check
from launchlens.profiling.probes.apparatus.raw_kernel import Device, RawKernel, device, make_stream

#: Seconds after which a hold ends by itself: on the device, and on the host (which must come first to be seen).
DEVICE_LIMIT_S, HOST_LIMIT_S = 5.0, 3.0

#: What the host orders, and how a block left.
_STAY, _VACATE, _LEAVE = 0, 1, 2
_RELEASED, _VACATED, _LIMIT = 1, 2, 3

SOURCE = r"""
struct Order { unsigned what, first_vacated_sm; };
struct Seat { unsigned arrived, left, sm, unused; unsigned long long began_ns, ended_ns; };

__device__ unsigned long long now_ns() {
    unsigned long long ns;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(ns));
    return ns;
}

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS_PER_SM)
hold(volatile Order* order, volatile Seat* seats, unsigned long long limit_ns) {
    if (threadIdx.x == 0) {
        volatile Seat* seat = seats + blockIdx.x;
        const unsigned long long began = now_ns();
        unsigned sm, left = 0;
        asm volatile("mov.u32 %0, %%smid;" : "=r"(sm));
        seat->sm = sm;
        seat->began_ns = began;
        __threadfence_system();
        seat->arrived = 1;
        while (!left) {
            const unsigned what = order->what;
            if (what == 2) left = 1;
            else if (what == 1 && sm >= order->first_vacated_sm) left = 2;
            else if (now_ns() - began > limit_ns) left = 3;
            else __nanosleep(2000);
        }
        seat->ended_ns = now_ns();
        __threadfence_system();
        seat->left = left;
    }
    __syncthreads();
}
"""


class _Order(ctypes.Structure):
    _fields_ = (("what", ctypes.c_uint32), ("first_vacated_sm", ctypes.c_uint32))


class _Seat(ctypes.Structure):
    _fields_ = (
        ("arrived", ctypes.c_uint32),
        ("left", ctypes.c_uint32),
        ("sm", ctypes.c_uint32),
        ("unused", ctypes.c_uint32),
        ("began_ns", ctypes.c_uint64),
        ("ended_ns", ctypes.c_uint64),
    )


_SEATS_AT = 64  # bytes: the order has a cache line of its own

Ending = Literal["holding", "released", "timer", "limit", "not started"]


class Hold:
    """Holds SMs or a stream with `blocks` blocks of `threads` threads. May be started again after `finish`.

    The kernel is loaded, and run once, here: nothing lazy is left for `start`.
    """

    def __init__(self, blocks: int = 1, threads: int = 1) -> None:
        from cuda.bindings import driver

        self.device: Device = device()
        self.blocks, self.threads = blocks, threads
        # the compiler must leave registers for as many blocks as fill an SM
        per_sm = min(max(self.device.threads_per_sm // max(threads, 32), 1), self.device.blocks_per_sm)
        self._kernel = RawKernel(SOURCE, "hold", THREADS=threads, BLOCKS_PER_SM=per_sm)
        flags = driver.CU_MEMHOSTALLOC_PORTABLE | driver.CU_MEMHOSTALLOC_DEVICEMAP
        (self._memory,) = check(driver.cuMemHostAlloc(_SEATS_AT + blocks * ctypes.sizeof(_Seat), flags))
        at = int(self._memory)
        (mapped,) = check(driver.cuMemHostGetDevicePointer(at, 0))
        self._order = _Order.from_address(at)
        self._seats = (_Seat * blocks).from_address(at + _SEATS_AT)
        self._on_device = int(mapped)
        (self._ended,) = check(driver.cuEventCreate(driver.CUevent_flags.CU_EVENT_DISABLE_TIMING))
        self.stream = make_stream()
        self._timer: threading.Timer | None = None
        self._vacated_from: int | None = None
        self._running = self.by_timer = False
        self._launch(self.stream, _LEAVE)
        check(driver.cuEventSynchronize(self._ended))

    def start(self, stream: int | None = None, limit_s: float = HOST_LIMIT_S) -> None:
        """Launch on `stream` (a raw handle), else on a stream of its own. A timer lets go after `limit_s` seconds."""
        self.finish()
        for seat in self._seats:
            seat.arrived, seat.left = 0, 0
        self._vacated_from, self.by_timer, self._running = None, False, True
        self._timer = threading.Timer(limit_s, self._time_out)
        self._timer.daemon = True
        self._timer.start()
        self._launch(self.stream if stream is None else stream, _STAY)

    def _launch(self, stream: int, what: int) -> None:
        from cuda.bindings import driver

        self._order.first_vacated_sm, self._order.what = 0, what
        limit_ns = ctypes.c_uint64(int(DEVICE_LIMIT_S * 1e9))
        arguments: list[Any] = [
            ctypes.c_uint64(self._on_device),
            ctypes.c_uint64(self._on_device + _SEATS_AT),
            limit_ns,
        ]
        self._kernel.launch(self.blocks, self.threads, stream, arguments)
        check(driver.cuEventRecord(self._ended, stream))

    def _time_out(self) -> None:
        self.by_timer = True
        self._order.what = _LEAVE

    def wait_until_held(self, timeout_s: float = 0.5) -> bool:
        """Wait until every block runs; False where they did not all get a place in time, or have left again."""
        until = perf_counter() + timeout_s
        while not all(seat.arrived for seat in self._seats):
            if perf_counter() > until:
                return False
        return self.held

    def vacate(self, first_sm: int, timeout_s: float = 0.5) -> bool:
        """Leave the SMs numbered `first_sm` and above wholly, and stay on the others; False where blocks would not go."""
        self._vacated_from = first_sm
        self._order.first_vacated_sm = first_sm
        self._order.what = _VACATE
        until = perf_counter() + timeout_s
        while any(seat.sm >= first_sm and not seat.left for seat in self._seats):
            if perf_counter() > until:
                return False
        return self.held

    def holding(self) -> Counter[int]:
        """SM -> blocks that run on it right now."""
        return Counter(seat.sm for seat in self._seats if seat.arrived and not seat.left)

    @property
    def held(self) -> bool:
        """Whether all blocks run, but those that were told to vacate their SMs."""
        return self._running and all(
            seat.arrived and (not seat.left or (seat.left == _VACATED and self._vacated_from is not None))
            for seat in self._seats
        )

    @property
    def ending(self) -> Ending:
        """How the hold stands, or ended: `timer` and `limit` say that nobody released it in time."""
        if not any(seat.arrived for seat in self._seats):
            return "not started"
        if any(seat.left == _LIMIT for seat in self._seats):
            return "limit"
        if self.by_timer:
            return "timer"
        return "released" if all(seat.left for seat in self._seats) else "holding"

    def release(self) -> None:
        """Let go; returns at once. Does nothing where nothing is held."""
        if self._timer is not None:
            self._timer.cancel()
        self._order.what = _LEAVE

    def finish(self) -> None:
        """Let go, and wait until the kernel has ended. The timer's and the device's limits bound the wait."""
        from cuda.bindings import driver

        if self._running:
            self.release()
            self._running = False
            check(driver.cuEventSynchronize(self._ended))

    def close(self) -> None:
        """Let go, wait, and give the pinned memory back; the object is of no use after that."""
        from cuda.bindings import driver

        self.finish()
        if self._memory is not None:
            memory, self._memory = self._memory, None
            self._order, self._seats = _Order(_LEAVE, 0), (_Seat * 0)()  # a late timer must not write to freed memory
            check(driver.cuMemFreeHost(memory))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
