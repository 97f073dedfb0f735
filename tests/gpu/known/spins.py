"""A workload whose variants differ by a known time in a known place: Python, an op, a call, a launch, or the device.

Measured with slow.c preloaded: `LD_PRELOAD=slow.so python cli.py profile --workload tests/gpu/known/spins.py`.
"""

import ctypes
from time import perf_counter_ns

import torch

from launchlens.kernels.registry import variant, workload

SPINS_US = (0, 20, 50, 100)
PLACES = ("python", "op", "call", "launch", "device")
#: What the device does in any case where it is to make the pace: far longer than submitting takes.
LONG_NS = 300_000
SOURCE = """
extern "C" __global__ void spin(int ns) {
    long long begun, now;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(begun));
    do asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now)); while (now - begun < ns);
}
"""

more_ns = 0


def wait(ns):
    end = perf_counter_ns() + ns
    while perf_counter_ns() < end:
        pass


LIBRARY = torch.library.Library("launchlens_known", "DEF")
LIBRARY.define("spin(Tensor x) -> Tensor")


@torch.library.impl(LIBRARY, "spin", "CompositeExplicitAutograd")
def spin(x):
    if more_ns:
        wait(more_ns)
    return x


@workload("known-spins", baseline="python-0")
def make(device, seed):
    """Three copies on the device, and a known time that is spent somewhere."""
    source = torch.arange(64, dtype=torch.int32, device=device) + seed
    return source, torch.zeros_like(source)


def add(place, ns):
    def build(inputs):
        source, target = inputs
        copy, op, library = target.copy_, torch.ops.launchlens_known.spin, ctypes.CDLL(None)
        query, stream, slow = library.cudaStreamQuery, ctypes.c_void_p(0), library.slow_down
        long_ns = ctypes.c_long(ns)
        nothing = ctypes.c_long(0)
        if place == "device":
            kernel = torch.cuda._compile_kernel(SOURCE, "spin")

        def in_python():
            copy(source)
            if ns:
                wait(ns)
            return target

        def in_op():
            global more_ns
            copy(source)
            more_ns = ns
            op(source)
            return target

        def in_call():
            copy(source)
            slow(long_ns)
            query(stream)
            slow(nothing)
            return target

        def in_launch():
            slow(long_ns)
            copy(source)
            slow(nothing)
            return target

        def on_device():
            copy(source)
            kernel((1, 1, 1), (1, 1, 1), [LONG_NS + ns])
            return target

        return {"python": in_python, "op": in_op, "call": in_call, "launch": in_launch, "device": on_device}[place]

    variant("known-spins", f"{place}-{ns // 1000}", regimes=("eager",), says=f"{ns // 1000} µs more in {place}")(build)


for place in PLACES:
    for each in SPINS_US:
        add(place, each * 1000)
