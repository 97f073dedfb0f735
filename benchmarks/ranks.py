"""Traces of the ranks of one job of which it is known who is late, by how much and why: what `analyze RANKS/` is held to.

    torchrun --nproc-per-node 4 benchmarks/ranks.py OUTPUT [--set even gpu1 host3] [--milliseconds 15]

Of each set there is a folder with a trace a rank: DistributedDataParallel over NCCL, a few layers, five recorded steps of ranges
`data`, `forward`, `backward` and `optimizer`. In `even` nothing is done to anybody; in `gpu1` rank 1's GPU multiplies matrices for so many
milliseconds more in `forward`; in `host3` rank 3's host computes for as long there, in Python, before it launches anything; in `data2` rank 2's
host sleeps for as long in `data`, before it waits for its GPU. Unprofiled times of the steps stand in `facts.json`: each of these waits for the GPU
at its end, and recorded ones don't, so the sleep of `data2` makes only the former longer while the GPU has the step before to work on. With --cpu, over gloo, it only shows that the script runs: there are no collectives of a GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch.profiler import ProfilerActivity, profile, record_function, schedule

WAIT, WARMUP, ACTIVE = 3, 1, 5
#: Of each set the rank that is late, and what makes it so.
SETS = {"even": (None, ""), "gpu1": (1, "gpu"), "host3": (3, "host"), "data2": (2, "data")}


def busy_host(milliseconds: float) -> None:
    """Keep this thread computing: it does not sleep, and launches nothing."""
    until = time.perf_counter() + milliseconds / 1e3
    total = 0
    while time.perf_counter() < until:
        total += sum(range(64))


class MoreWork:
    """Work for the GPU that takes about so many milliseconds, as multiplications of one size."""

    def __init__(self, device: torch.device, milliseconds: float) -> None:
        self.matrix = torch.randn(2048, 2048, device=device)
        self.count = 1
        if device.type == "cuda":
            self()
            torch.cuda.synchronize()
            begun = time.perf_counter()
            for _ in range(50):
                self()
            torch.cuda.synchronize()
            self.count = max(1, round(milliseconds / 1e3 / ((time.perf_counter() - begun) / 50)))

    def __call__(self) -> None:
        for _ in range(self.count):
            torch.mm(self.matrix, self.matrix)


def step(model, optimizer, batch: tuple, late: str, more: MoreWork, milliseconds: float, device: torch.device) -> None:
    with record_function("data"):
        source, target = (each.to(device, non_blocking=True) for each in batch)
        if late == "data":
            time.sleep(milliseconds / 1e3)
        if device.type == "cuda":
            torch.cuda.synchronize()
    with record_function("forward"):
        if late == "host":
            busy_host(milliseconds)
        if late == "gpu":
            more()
        loss = torch.nn.functional.mse_loss(model(source), target)
    with record_function("backward"):
        loss.backward()
    with record_function("optimizer"):
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


def record(folder: Path, name: str, model, optimizer, batch: tuple, more: MoreWork, options, device) -> list[float]:
    """Record one set; return the unprofiled times of steps before, ms."""
    rank = dist.get_rank()
    who, why = SETS[name]
    late = why if rank == who else ""
    taken = []
    for _ in range(6):
        begun = time.perf_counter()
        step(model, optimizer, batch, late, more, options.milliseconds, device)
        if device.type == "cuda":
            torch.cuda.synchronize()
        taken.append(1e3 * (time.perf_counter() - begun))
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]
    dist.barrier()
    with profile(activities=activities, schedule=schedule(wait=WAIT, warmup=WARMUP, active=ACTIVE)) as recorder:
        for _ in range(WAIT + WARMUP + ACTIVE):
            step(model, optimizer, batch, late, more, options.milliseconds, device)
            recorder.step()
    recorder.export_chrome_trace(str(folder / f"rank{rank}.json.gz"))
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--set", nargs="+", choices=SETS, default=["even", "gpu1", "host3"])
    parser.add_argument("--milliseconds", type=float, default=15)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--batch", type=int, nargs=2, default=(16, 512))
    parser.add_argument("--cpu", action="store_true")
    options = parser.parse_args()
    rank = int(os.environ["RANK"])
    device = torch.device("cpu") if options.cpu else torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("gloo" if options.cpu else "nccl")
    torch.manual_seed(rank)
    layer = torch.nn.TransformerEncoderLayer(options.width, 16, 4 * options.width, dropout=0.0, batch_first=True)
    model = torch.nn.TransformerEncoder(layer, options.layers, enable_nested_tensor=False).to(device)
    model = torch.nn.parallel.DistributedDataParallel(model, device_ids=None if options.cpu else [device.index])
    optimizer = torch.optim.AdamW(model.parameters())
    shape = (*options.batch, options.width)
    batch = tuple(torch.randn(shape).pin_memory() if device.type == "cuda" else torch.randn(shape) for _ in range(2))
    more = MoreWork(device, options.milliseconds)
    facts = {}
    for name in options.set:
        folder = options.output / name
        folder.mkdir(parents=True, exist_ok=True)
        mine = record(folder, name, model, optimizer, batch, more, options, device)
        of_all: list = [None] * dist.get_world_size()
        dist.all_gather_object(of_all, mine)
        who, why = SETS[name]
        facts[name] = {"late": who, "why": why, "milliseconds": options.milliseconds, "unprofiled_step_ms": of_all}
    if rank == 0:
        gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
        about = {"torch": torch.__version__, "gpu": gpu, "sets": facts}
        (options.output / "facts.json").write_text(json.dumps(about, indent=1) + "\n")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
