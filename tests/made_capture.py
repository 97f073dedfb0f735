"""A capture made up for tests: four variants in two regimes, with every number chosen here. Not a measurement.

The trace is written as Kineto writes it. Per iteration, in ns from its start:
    copy_               7 x (op 4000 around cudaMemcpyAsync 2500), 500 of Python between; a 750 memcpy each
    triton-per-tensor   7 x (5000 of Python, then cuLaunchKernelEx 2500); an 800 kernel each
    triton-batched      6000 of Python, one cuLaunchKernelEx of 3000; one 1200 kernel
    foreach             one op of 8000 around one cudaLaunchKernel of 3000; one 1400 kernel
In the graph regime every iteration is one cudaGraphLaunch of 2500 with the same GPU work, 100 apart.
"""

import gzip
import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from launchlens.traces.captures.block_order import block_order
from launchlens.traces.captures.capture import (
    TIMINGS,
    LaunchRecord,
    Manifest,
    TraceRecord,
    VariantRecord,
    typed,
    write_manifest,
    write_timings,
)

GPU = "Made-up GPU"
PID, ROUNDS, ITERATIONS, TIMED_ROUNDS = 4321, 4, 5, 20
KERNEL_NAMES = {
    "triton-per-tensor": "copy_one",
    "triton-batched": "copy_seven",
    "foreach": "multi_tensor_apply_kernel<at::native::Copy<int, int>>",
}
#: Unprofiled wall time per iteration in ns, by regime.
WALL = {
    "eager": {"copy_": 30_000, "triton-per-tensor": 60_000, "triton-batched": 12_000, "foreach": 9_000},
    "graph": {"copy_": 8_000, "triton-per-tensor": 8_000, "triton-batched": 2_700, "foreach": 3_900},
}
#: What the variants declare that an iteration launches.
LAUNCHES = {
    "copy_": LaunchRecord("torch-copy_", 7, 2, 1, "memcpy"),
    "triton-per-tensor": LaunchRecord("triton", 7, 3, 1, "kernel"),
    "triton-batched": LaunchRecord("triton", 1, 21, 7, "kernel"),
    "foreach": LaunchRecord("torch-foreach-copy_", 1, 14, 7, "kernel"),
}
HOST_SHARE = {"eager": 0.99, "graph": 0.3}


class TraceMaker:
    """Collects Kineto events; `now` is the host's clock in ns."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.now = 1_000_000
        self.gpu_free = 0
        self.correlation = 100

    def add(self, cat: str, name: str, start: int, end: int, **args: Any) -> None:
        on_gpu = cat in {"kernel", "gpu_memcpy", "gpu_memset"}
        self.events.append(
            {"ph": "X", "cat": cat, "name": name, "pid": 0 if on_gpu else PID, "tid": 7 if on_gpu else PID}
            | {"ts": start / 1000, "dur": (end - start) / 1000, "args": args}
        )

    def launch(self, cat: str, api: str, length: int, work: list[tuple[str, str, int]]) -> None:
        self.correlation += 1
        self.add(cat, api, self.now, self.now + length, correlation=self.correlation)
        at = max(self.now + length + 1000, self.gpu_free)
        for kind, name, gpu_length in work:
            more = {"bytes": 4096} if kind == "gpu_memcpy" else {}
            self.add(kind, name, at, at + gpu_length, device=0, stream=7, correlation=self.correlation, **more)
            at += gpu_length + 100
        self.gpu_free = at
        self.now += length

    def iteration(self, variant: str, regime: str) -> None:
        memcpy = ("gpu_memcpy", "Memcpy DtoD (Device -> Device)", 750)
        kernel = (
            "kernel",
            KERNEL_NAMES.get(variant, ""),
            {"triton-per-tensor": 800, "triton-batched": 1200}.get(variant, 1400),
        )
        seven = variant in {"copy_", "triton-per-tensor"}
        work = [memcpy if variant == "copy_" else kernel] * (7 if seven else 1)
        if regime == "graph":
            self.launch("cuda_runtime", "cudaGraphLaunch", 2500, work)
            return
        for each in work:
            if variant in {"copy_", "foreach"}:
                begin = self.now
                length = 4000 if variant == "copy_" else 8000
                self.now += 1000
                api, api_length = ("cudaMemcpyAsync", 2500) if variant == "copy_" else ("cudaLaunchKernel", 3000)
                self.launch("cuda_runtime", api, api_length, [each])
                self.now = begin + length
                self.add("cpu_op", "aten::copy_" if variant == "copy_" else "aten::_foreach_copy_", begin, self.now)
                self.now += 500
            else:
                self.now += 5000 if seven else 6000
                self.launch("cuda_driver", "cuLaunchKernelEx", 2500 if seven else 3000, [each])

    def block(self, name: str, variant: str, regime: str, iterations: int) -> None:
        begin = self.now
        self.now += 2000
        for _ in range(iterations):
            self.iteration(variant, regime)
        done = max(self.now, self.gpu_free) + 3000
        self.add("cuda_runtime", "cudaDeviceSynchronize", self.now, done)
        self.now = done + 500
        self.add("user_annotation", name, begin, self.now)
        self.now += 10_000


def make_trace(path: Path, regime: str, variants: list[str] | None = None, gpu: str | None = GPU) -> None:
    """Write one regime's trace, gzipped, as a capture holds it; one that names no GPU without `gpu`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_trace(regime, tuple(variants or WALL[regime]), gpu, tuple(KERNEL_NAMES.items())))


@cache
def _trace(regime: str, names: tuple[str, ...], gpu: str | None, kernel_names: tuple[tuple[str, str], ...]) -> bytes:
    """The file's bytes, made once: most tests begin with the same capture. The names of kernels are what KERNEL_NAMES holds."""
    maker = TraceMaker()
    for number in range(ROUNDS):
        for index in block_order(len(names), number):
            maker.block(f"variant:{names[index]}", names[index], regime, ITERATIONS)
    for variant in names:
        for _ in range(3):
            maker.block(f"iteration:{variant}", variant, regime, 1)
    document = {
        "schemaVersion": 1,
        "deviceProperties": [] if gpu is None else [{"id": 0, "name": gpu}],
        "displayTimeUnit": "ms",
        "baseTimeNanoseconds": 0,
        "traceEvents": maker.events,
    }
    return gzip.compress(json.dumps(document).encode(), mtime=0)


def make_timings() -> pd.DataFrame:
    """Seeded timings around WALL: drift that all blocks of a round share, and a little noise of each block's own."""
    return _timings().copy()


@cache
def _timings() -> pd.DataFrame:
    generator = np.random.default_rng(7)
    rows = []
    clock = 0
    for number in range(TIMED_ROUNDS):
        drift = 1 + 0.2 * generator.random()
        entries = [(variant, regime, False) for regime in WALL for variant in WALL[regime]]
        entries += [("copy_", regime, True) for regime in WALL]
        for position, (variant, regime, control) in enumerate(entries):
            wall = round(100 * WALL[regime][variant] * drift * (1 + 0.02 * generator.random()))
            rows.append(
                {"round": number, "position": position, "variant": variant, "regime": regime, "control": control}
                | {"length": "only", "recorder": "off"}
                | {"iterations": 100, "start_ns": clock, "host_ns": round(wall * HOST_SHARE[regime]), "wall_ns": wall}
                | {"device_ns": wall - 2000, "sm_clock_mhz": 1980}
            )
            clock += wall
    return typed(pd.DataFrame(rows))


@cache
def _written_timings() -> bytes:
    with TemporaryDirectory() as folder:
        write_timings(Path(folder), _timings())
        return (Path(folder) / TIMINGS).read_bytes()


def one_after_the_other(timings: pd.DataFrame) -> pd.DataFrame:
    """Timings with start times that follow from their wall times, in the order of the rows."""
    return timings.assign(start_ns=timings["wall_ns"].cumsum() - timings["wall_ns"])


def make_capture(folder: Path, *, complete: bool = True, gpu: str = GPU, named: bool = True) -> Path:
    """Write the made-up capture into `folder` and return it. Its traces name its GPU, unless they are not to be `named`."""
    folder.mkdir(parents=True, exist_ok=True)
    for regime in WALL:
        make_trace(folder / "torch" / f"{regime}.pt.trace.json.gz", regime, gpu=gpu if named else None)
    (folder / TIMINGS).write_bytes(_written_timings())
    manifest = Manifest(
        workload={
            "name": "small-copies",
            "says": "made up for tests",
            "sizes": [32, 64],
            "copies": 7,
            "dtype": "int32",
        },
        variants=[
            VariantRecord(variant, regime, "measured", f"what {variant} does", structure=[LAUNCHES[variant]])
            for regime in WALL
            for variant in WALL[regime]
        ],
        baseline="copy_",
        device="cuda",
        command=["profile"],
        recorded_at="2026-01-02T03:04:05+00:00",
        environment={
            "gpu": gpu,
            "driver": "1.2",
            "cuda": "13.0",
            "torch": "2.11.0",
            "triton": "3.6.0",
            "python": "3.12.3",
            "launchlens": "0.1.0",
            "cpu": "Made-up CPU",
            "cpu_count": 16,
            "system": "Linux x86_64",
            "device": "cuda",
        },
        timing={"rounds": TIMED_ROUNDS, "iterations": 100, "seed": 0},
        traces=[
            TraceRecord("torch", regime, f"torch/{regime}.pt.trace.json.gz", ROUNDS, ITERATIONS) for regime in WALL
        ],
        complete=complete,
        launchlens="0.1.0",
    )
    write_manifest(folder, manifest)
    return folder
