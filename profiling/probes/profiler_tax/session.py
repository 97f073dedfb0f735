"""Times seven `.copy_()` before and after a session of torch.profiler, in processes of their own: run as a program.

    python session.py PROCESSES SAMPLES      prints a line of JSON a process: {"process", "before", "after"}, ns per seven copies

CUPTI once loaded stays in a process, so every session needs a process of its own. torch is imported once, and each process is
forked before CUDA is used. This file imports nothing of launchlens: it is run by path.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from time import perf_counter_ns

#: What each process does between its two samples, by its code (traces/captures/probe_codes/profiler_tax.py).
PROCESSES = ("session", "session-torn-down", "no-session")
#: Sevens of copies in a burst: few enough not to fill the queue of launches.
SEVENS = 20
ELEMENTS = (32, 64, 128, 256, 512, 1024, 2048)
WARM_UP = 30
TEARDOWN = "TEARDOWN_CUPTI"


def burst(copy: Callable[[], None]) -> float:
    """Host time of seven copies, ns; the GPU is idle before and is waited for after, untimed."""
    import torch

    torch.cuda.synchronize()
    began = perf_counter_ns()
    for _ in range(SEVENS):
        copy()
    took = perf_counter_ns() - began
    torch.cuda.synchronize()
    return took / SEVENS


def one(process: str, samples: int) -> dict[str, object]:
    """Sample, have a session or none, sample again."""
    import torch

    pairs = [
        (torch.zeros(count, dtype=torch.int32, device="cuda"), torch.ones(count, dtype=torch.int32, device="cuda"))
        for count in ELEMENTS
    ]

    def copy() -> None:
        for to, source in pairs:
            to.copy_(source)

    def sampled() -> list[float]:
        for _ in range(WARM_UP):
            burst(copy)
        return [burst(copy) for _ in range(samples)]

    before = sampled()
    if process == "no-session":
        for _ in range(SEVENS):
            copy()
    else:
        with torch.profiler.profile(
            activities=[torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
        ):
            for _ in range(SEVENS):
                copy()
            torch.cuda.synchronize()
    return {"process": process, "before": before, "after": sampled()}


def forked(process: str, samples: int) -> bool:
    """Run one process to its end, its line on stdout; whether it ended well."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    code = 1
    try:
        os.environ[TEARDOWN] = "1" if process == "session-torn-down" else "0"
        line = json.dumps(one(process, samples))
        os.write(1, line.encode() + b"\n")
        code = 0
    finally:
        os._exit(code)


def main() -> int:
    """Run so many processes of each kind, in turn; 1 where one did not end well."""
    import torch  # noqa: F401  once, for all that are forked

    count, samples = int(sys.argv[1]), int(sys.argv[2])
    for number in range(count):
        for process in PROCESSES if number % 2 == 0 else PROCESSES[::-1]:
            if not forked(process, samples):
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
