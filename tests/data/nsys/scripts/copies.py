"""Blocks of every usual variant of small-copies, eager or replayed as a graph, for `nsys profile` to record.

    python copies.py eager|graph ROUNDS ITERATIONS

Only the part between cudaProfilerStart and cudaProfilerStop is meant. Ranges: `variant:NAME` around ITERATIONS
iterations and a synchronize, ROUNDS times, interleaved; then `iteration:NAME` around one iteration and a synchronize.
Needs launchlens on sys.path, torch, triton, nvtx and a GPU.
"""

import sys
from collections.abc import Callable

import nvtx
import torch

from launchlens.kernels.registry import variants, workloads
from launchlens.profiling.regimes import ENTER


def main(regime: str, rounds: int, iterations: int) -> None:
    spec = next(one for one in workloads() if one.name == "small-copies")
    entries = []
    for made in variants("small-copies"):
        if spec.usual and made.name not in spec.usual:
            continue
        iteration = made.build(spec.inputs(device="cuda", seed=0))
        iteration()
        entries.append((made.name, ENTER[regime](iteration)))
    torch.cuda.synchronize()

    def block(name: str, call: Callable[[], object], count: int) -> None:
        with nvtx.annotate(name):
            for _ in range(count):
                call()
            torch.cuda.synchronize()

    for name, call in entries:
        block(name, call, 20)
    torch.cuda.profiler.start()
    with nvtx.annotate("launchlens:warm-up"):
        for _, call in entries:
            for _ in range(3):
                call()
        torch.cuda.synchronize()
    for number in range(rounds):
        for name, call in entries if number % 2 == 0 else reversed(entries):
            block(f"variant:{name}", call, iterations)
    for name, call in entries:
        block(f"iteration:{name}", call, 1)
    torch.cuda.synchronize()
    torch.cuda.profiler.stop()
    print("done", regime, rounds, iterations, [name for name, _ in entries])


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
