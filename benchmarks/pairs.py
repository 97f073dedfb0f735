"""Steps before and after one change, of programs of many kinds, and what the change really saves: what advice and `compare` are held to.

    python benchmarks/pairs.py OUTPUT             about three minutes on one GPU; torch and numpy are all that it needs
    python cli.py scrub OUTPUT/NAME.before.json.gz --output ...

All pairs are timed before anything is recorded (a session of torch.profiler leaves later calls of a process dearer), both sides in turn.
A turn begins with a step that doesn't count. Then `step` is one step from an idle GPU until it is idle again, `host` the part of it
until the host is through, `running` the mean of several in a row. `facts.json` holds medians and quartiles of all turns, ms, and what
advice would be right: null where nothing is worth changing, and such a program has one side. Then each side is recorded.
With --cpu everything is small, and it only shows that the script runs.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile, record_function, schedule

SEED = 12
TURNS, RUNNING = 24, 5
WARM, WARMUP, ACTIVE = 5, 2, 8
#: What a program may raise where a machine or a torch is another than it was written for.
FAILURES = (RuntimeError, TypeError, ValueError, AttributeError, ImportError, OSError)

Step = Callable[[], None]


@dataclass(frozen=True)
class Machine:
    """Where the programs run; without a GPU its calls do nothing, and sizes shrink."""

    device: torch.device

    @property
    def has_gpu(self) -> bool:
        return self.device.type == "cuda"

    def size(self, full: int, small: int = 16) -> int:
        return full if self.has_gpu else min(full, small)

    def synchronize(self) -> None:
        if self.has_gpu:
            torch.cuda.synchronize()

    def empty_cache(self) -> None:
        if self.has_gpu:
            torch.cuda.empty_cache()

    def pinned(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.pin_memory() if self.has_gpu else tensor

    def randn(self, *shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=self.device)

    def graph_of(self, call: Step) -> Step:
        """`call` as the replay of a graph, where there is a GPU."""
        if not self.has_gpu:
            return call
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):
                call()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            call()
        return graph.replay


@dataclass(frozen=True)
class Pair:
    """One program, and the change: `build(machine, changed)` makes a step of either side."""

    name: str
    build: Callable[[Machine, bool], Step]
    code: str | None
    where: str
    change: str


# -- what the programs are made of


def perceptron(m: Machine, layers: int, width: int) -> torch.nn.Sequential:
    parts: list[torch.nn.Module] = []
    for _ in range(layers):
        parts += [torch.nn.Linear(width, width), torch.nn.GELU()]
    return torch.nn.Sequential(*parts).to(m.device)


def convolutions(m: Machine, blocks: int, channels: int, of: int = 3) -> torch.nn.Sequential:
    parts: list[torch.nn.Module] = []
    for number in range(blocks):
        parts.append(
            torch.nn.Sequential(
                torch.nn.Conv2d(of if number == 0 else channels, channels, 3, padding=1, bias=False),
                torch.nn.BatchNorm2d(channels),
                torch.nn.ReLU(),
            )
        )
    return torch.nn.Sequential(*parts).to(m.device)


def train(model: torch.nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, between: Step | None = None):
    """One step of training, its phases in ranges; `between` comes before the optimizer. Gives the loss."""
    with record_function("forward"):
        loss = model(x).square().mean()
    with record_function("backward"):
        loss.backward()
    if between is not None:
        between()
    with record_function("optimizer"):
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return loss


def adam(model: torch.nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=1e-4, foreach=True)


# -- reads and waits


def loss_read(m: Machine, changed: bool) -> Step:
    model, x = perceptron(m, m.size(10, 2), m.size(2048)), m.randn(m.size(4096), m.size(2048))
    optimizer, total = adam(model), [0.0]

    def step() -> None:
        with record_function("forward"):
            loss = model(x).square().mean()
        with record_function("backward"):
            loss.backward()
        with record_function("log"):
            if not changed:
                total[0] += loss.item()
        with record_function("optimizer"):
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    return step


def nan_checked(m: Machine, changed: bool) -> Step:
    model, x = convolutions(m, m.size(12, 2), m.size(64, 4)), m.randn(m.size(16, 2), 3, 32, 32)
    optimizer = adam(model)

    def step() -> None:
        h = x
        for block in model:
            with record_function("block"):
                h = block(h)
            with record_function("check"):
                if not changed and torch.isnan(h).any():
                    raise FloatingPointError("not a number")
        with record_function("backward"):
            h.square().mean().backward()
        with record_function("optimizer"):
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    return step


def metrics_read(m: Machine, changed: bool) -> Step:
    model, x = perceptron(m, m.size(8, 2), m.size(1024)), m.randn(m.size(512), m.size(1024))
    heads = [torch.nn.Linear(m.size(1024), 100).to(m.device) for _ in range(8)]
    target, kept = torch.zeros(m.size(512), dtype=torch.long, device=m.device), []
    optimizer = adam(torch.nn.ModuleList([model, *heads]))

    def step() -> None:
        with record_function("forward"):
            h = model(x)
            outputs = [head(h) for head in heads]
            loss = torch.stack([functional.cross_entropy(each, target) for each in outputs]).mean()
        with record_function("metrics"):
            # the change leaves what is computed, and where it is: it only doesn't read it
            right = [(each.argmax(1) == target).float().mean() for each in outputs]
            kept[:] = right if changed else [each.cpu() for each in right]
        with record_function("backward"):
            loss.backward()
        with record_function("optimizer"):
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    return step


def layers_synchronized(m: Machine, changed: bool) -> Step:
    layers = [perceptron(m, 3, m.size(1024)) for _ in range(m.size(24, 3))]
    x = m.randn(m.size(1024), m.size(1024))

    def step() -> None:
        with torch.no_grad(), record_function("forward"):
            h = x
            for layer in layers:
                h = layer(h)
                if not changed:
                    m.synchronize()

    return step


def masked_indexing(m: Machine, changed: bool) -> Step:
    values = [m.randn(m.size(2048), m.size(1024)) for _ in range(12)]

    def step() -> None:
        with torch.no_grad(), record_function("select"):
            total = torch.zeros((), device=m.device)
            for each in values:
                mask = each > 0
                if changed:
                    total = total + torch.where(mask, each, 0.0).sum()
                else:
                    total = total + each[mask].sum()
        with torch.no_grad(), record_function("scale"):
            for each in values:
                torch.tanh(each)

    return step


# -- copies


def upload_pageable(m: Machine, changed: bool) -> Step:
    model = convolutions(m, m.size(6, 2), m.size(32, 4))
    batch = torch.randn(m.size(32, 2), 3, m.size(288), m.size(288))
    batch = m.pinned(batch) if changed else batch
    optimizer = adam(model)

    def step() -> None:
        with record_function("to_device"):
            x = batch.to(m.device, non_blocking=changed)
        train(model, optimizer, x)

    return step


def tokens_uploaded(m: Machine, changed: bool) -> Step:
    model, table = perceptron(m, 4, m.size(512)), m.randn(1000, m.size(512))
    on_device = torch.arange(1000, device=m.device)

    def step() -> None:
        for token in range(12):
            with torch.no_grad(), record_function("token"):
                at = on_device[token : token + 1] if changed else torch.tensor([token]).to(m.device)
                model(table[at])

    return step


def upload_in_line(m: Machine, changed: bool) -> Step:
    model = perceptron(m, 6, m.size(4096))
    batch = m.pinned(torch.randn(m.size(8192), m.size(4096)))
    aside = torch.cuda.Stream() if m.has_gpu and changed else None
    slots = [torch.empty_like(batch, device=m.device) for _ in range(2)]
    number = [0]

    def step() -> None:
        now, later = slots[number[0] % 2], slots[(number[0] + 1) % 2]
        number[0] += 1
        with record_function("upload"):
            if aside is None:
                now.copy_(batch, non_blocking=True)
            else:
                # the next batch, while this one is computed
                torch.cuda.current_stream().wait_stream(aside)
                aside.wait_stream(torch.cuda.current_stream())
                with torch.cuda.stream(aside):
                    later.copy_(batch, non_blocking=True)
        with torch.no_grad(), record_function("forward"):
            model(now)

    return step


# -- many small launches


def gradients_clipped(m: Machine, changed: bool) -> Step:
    model, x = perceptron(m, m.size(40, 2), 128), m.randn(64, 128)
    optimizer, parameters = adam(model), list(model.parameters())

    def clip() -> None:
        with record_function("clip"):
            if changed:
                torch.nn.utils.clip_grad_norm_(parameters, 1.0, foreach=True)
            else:
                total = torch.zeros((), device=m.device)
                for each in parameters:
                    total = total + each.grad.norm() ** 2
                factor = (1.0 / (total.sqrt() + 1e-6)).clamp(max=1.0)
                for each in parameters:
                    each.grad.mul_(factor)

    def step() -> None:
        train(model, optimizer, x, clip)

    return step


def sgd_looped(m: Machine, changed: bool) -> Step:
    model, x = convolutions(m, m.size(24, 2), m.size(32, 4)), m.randn(m.size(16, 2), 3, 16, 16)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4, foreach=changed)

    def step() -> None:
        train(model, optimizer, x)

    return step


def average_looped(m: Machine, changed: bool) -> Step:
    model, x = perceptron(m, m.size(24, 2), 512), m.randn(256, 512)
    optimizer = adam(model)
    parameters = [each.detach() for each in model.parameters()]
    average = [each.clone() for each in parameters]

    def step() -> None:
        train(model, optimizer, x)
        with torch.no_grad(), record_function("average"):
            if changed:
                torch._foreach_lerp_(average, parameters, 0.01)
            else:
                for mean, each in zip(average, parameters, strict=True):
                    mean.mul_(0.99).add_(each, alpha=0.01)

    return step


def gelu_by_hand(m: Machine, changed: bool) -> Step:
    layers = [torch.nn.Linear(m.size(2048), m.size(2048)).to(m.device) for _ in range(5)]
    x = m.randn(m.size(8192), m.size(2048))

    def step() -> None:
        h = x
        for layer in layers:
            with torch.no_grad(), record_function("linear"):
                h = layer(h)
            with torch.no_grad(), record_function("activation"):
                if changed:
                    h = functional.gelu(h, approximate="tanh")
                else:
                    h = 0.5 * h * (1.0 + torch.tanh(0.7978845608 * (h + 0.044715 * h * h * h)))

    return step


def inference_eager(m: Machine, changed: bool) -> Step:
    model, x = perceptron(m, m.size(20, 2), 256), m.randn(8, 256)

    def infer() -> None:
        with torch.no_grad():
            model(x)

    call = m.graph_of(infer) if changed else infer

    def step() -> None:
        for _ in range(4):
            with record_function("infer"):
                call()

    return step


# -- data and memory


def prefetched(get: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
    """`get` in a thread that is one batch ahead."""
    pool = ThreadPoolExecutor(1)
    ahead = [pool.submit(get)]

    def next_one() -> torch.Tensor:
        batch = ahead[0].result()
        ahead[0] = pool.submit(get)
        return batch

    return next_one


def augmented(m: Machine, changed: bool) -> Step:
    model, draws = perceptron(m, m.size(16, 2), 1024), np.random.default_rng(SEED)
    optimizer = adam(model)

    def get() -> torch.Tensor:
        return torch.from_numpy(draws.standard_normal((256, 1024), dtype=np.float32))

    load = prefetched(get) if changed else get

    def step() -> None:
        with record_function("load"):
            x = load()
        with record_function("to_device"):
            x = x.to(m.device)
        train(model, optimizer, x)

    return step


def loader_sleeps(m: Machine, changed: bool) -> Step:
    model, x = perceptron(m, m.size(8, 2), m.size(2048)), m.randn(m.size(4096), m.size(2048))
    optimizer, host = adam(model), torch.zeros(4)

    def get() -> torch.Tensor:
        time.sleep(0.003)
        return host

    load = prefetched(get) if changed else get

    def step() -> None:
        with record_function("next_batch"):
            load()
        loss = train(model, optimizer, x)
        with record_function("log"):
            loss.item()

    return step


def cache_emptied(m: Machine, changed: bool) -> Step:
    model, x = perceptron(m, m.size(12, 2), m.size(2048)), m.randn(m.size(4096), m.size(2048))
    optimizer = adam(model)

    def step() -> None:
        train(model, optimizer, x)
        with record_function("cleanup"):
            if not changed:
                m.empty_cache()

    return step


# -- nothing to change


def large_products(m: Machine, changed: bool) -> Step:
    a, b = (m.randn(m.size(8192), m.size(8192)).to(torch.bfloat16) for _ in range(2))

    def step() -> None:
        with torch.no_grad(), record_function("products"):
            for _ in range(6):
                torch.mm(a, b)

    return step


def large_training(m: Machine, changed: bool) -> Step:
    model, x = perceptron(m, 4, m.size(4096)), m.randn(m.size(8192), m.size(4096))
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)

    def step() -> None:
        train(model, optimizer, x)

    return step


PAIRS = (
    Pair("loss-read", loss_read, "remove-sync", "range `log`", "`loss.item()` in each step, before the optimizer"),
    Pair("nan-checked", nan_checked, "remove-sync", "range `check`", "`if torch.isnan(h).any()` after each of 12 blocks"),
    Pair("metrics-read", metrics_read, "remove-sync", "range `metrics`", "`.cpu()` of 8 values, which are computed all the same"),
    Pair("layers-synchronized", layers_synchronized, "remove-sync", "range `forward`", "`torch.cuda.synchronize()` after each of 24 layers"),
    Pair("masked-indexing", masked_indexing, "remove-sync", "range `select`", "`x[mask].sum()` or `torch.where(mask, x, 0).sum()`, 12 times"),
    Pair("upload-pageable", upload_pageable, "pin-memory", "range `to_device`", "a batch of 32 MB of pageable memory, or pinned and not waited for"),
    Pair("tokens-uploaded", tokens_uploaded, "remove-sync", "range `token`", "`torch.tensor([token]).to(device)` for each of 12 tokens, or a view of what is there"),
    Pair("upload-in-line", upload_in_line, "overlap-copy", "range `upload`", "134 MB of pinned memory on the stream of the work, or on one of its own, a batch ahead"),
    Pair("gradients-clipped", gradients_clipped, "batch-launches", "range `clip`", "a norm and a product for each of 80 gradients, or `foreach=True`"),
    Pair("sgd-looped", sgd_looped, "batch-launches", "range `optimizer`", "SGD with momentum, `foreach=False` or `True`"),
    Pair("average-looped", average_looped, "batch-launches", "range `average`", "`mean.mul_().add_()` for each of 48 weights, or `torch._foreach_lerp_`"),
    Pair("gelu-by-hand", gelu_by_hand, "fuse-kernels", "range `activation`", "nine element-wise kernels, or one"),
    Pair("inference-eager", inference_eager, "capture-graph", "range `infer`", "20 layers, batch 8, called eagerly or as a graph, 4 a step"),
    Pair("augmented", augmented, "prefetch-data", "range `load`", "numpy draws a batch in each step, or in a thread that is one ahead"),
    Pair("loader-sleeps", loader_sleeps, "prefetch-data", "range `next_batch`", "the loader sleeps 3 ms a step, or in a thread; the loss is read in each step of both"),
    Pair("cache-emptied", cache_emptied, "avoid-allocation", "range `cleanup`", "`torch.cuda.empty_cache()` in each step"),
    Pair("large-products", large_products, None, "", "nothing: six large products"),
    Pair("large-training", large_training, None, "", "nothing: large layers, a fused optimizer, nothing read"),
)  # fmt: skip

#: A third, drawn before anything was recorded: the method is not changed for what is seen of these.
HELD_OUT = tuple(sorted(random.Random(SEED).sample([each.name for each in PAIRS], len(PAIRS) // 3)))


# -- timing and recording


def built(pair: Pair, m: Machine, changed: bool) -> Step:
    torch.manual_seed(SEED)
    step = pair.build(m, changed)
    for _ in range(WARM):
        step()
    m.synchronize()
    return step


def turn(step: Step, m: Machine) -> tuple[float, float, float]:
    """One step, its host's part, and a step of several in a row, ms."""
    step()
    m.synchronize()
    begun = time.perf_counter()
    step()
    submitted = time.perf_counter()
    m.synchronize()
    done = time.perf_counter()
    for _ in range(RUNNING):
        step()
    m.synchronize()
    return 1e3 * (done - begun), 1e3 * (submitted - begun), 1e3 * (time.perf_counter() - done) / RUNNING


def timed(pair: Pair, m: Machine, turns: int) -> dict:
    """The unprofiled times of a pair's sides, taken in turn."""
    sides = [built(pair, m, changed) for changed in ((False, True) if pair.code else (False,))]
    taken: list[list[tuple[float, float, float]]] = [[] for _ in sides]
    for number in range(turns):
        order = range(len(sides)) if number % 2 == 0 else reversed(range(len(sides)))
        for side in order:
            taken[side].append(turn(sides[side], m))
    found: dict = {}
    for place, key in enumerate(("step_ms", "host_ms", "running_step_ms")):
        of_sides = [[each[place] for each in mine] for mine in taken]
        found[key] = [round(statistics.median(each), 4) for each in of_sides]
        found[key.replace("_ms", "_quartiles_ms")] = [
            [round(value, 4) for value in statistics.quantiles(each, n=4)[::2]] for each in of_sides
        ]
    before, after = found["running_step_ms"][0], found["running_step_ms"][-1]
    found["saved_share_of_step"] = round(1 - after / before, 4) if pair.code else None
    found["expect"] = {"code": pair.code, "where": f"{pair.where}: {pair.change}" if pair.code else pair.change}
    return found


def recorded(pair: Pair, m: Machine, changed: bool, path: Path) -> float:
    """Record a side; give the time of a recorded step, ms."""
    step = built(pair, m, changed)
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if m.has_gpu else [])]
    begun = 0.0
    with profile(activities=activities, schedule=schedule(wait=1, warmup=WARMUP, active=ACTIVE)) as recorder:
        for number in range(1 + WARMUP + ACTIVE):
            if number == 1 + WARMUP:
                m.synchronize()
                begun = time.perf_counter()
            step()
            if number == WARMUP + ACTIVE:
                m.synchronize()
                begun = time.perf_counter() - begun
            recorder.step()
    recorder.export_chrome_trace(str(path))
    return round(1e3 * begun / ACTIVE, 4)


def burst_ns(m: Machine, call: Step, often: int) -> float:
    """What one call of many in a row takes the host, ns."""
    call()
    m.synchronize()
    begun = time.perf_counter_ns()
    for _ in range(often):
        call()
    taken = time.perf_counter_ns() - begun
    m.synchronize()
    return taken / often


def call_costs(m: Machine) -> dict[str, float]:
    """What an op without a launch and an op with one take the host, ns: the median of nine bursts."""
    x = m.randn(64)
    calls: dict[str, Step] = {"view": lambda: x.view(-1), "add_": lambda: x.add_(1.0)}
    return {name: round(statistics.median(burst_ns(m, call, 300) for _ in range(9)), 1) for name, call in calls.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--pairs", nargs="+", choices=[each.name for each in PAIRS])
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--cpu", action="store_true")
    options = parser.parse_args()
    m = Machine(torch.device("cpu" if options.cpu else "cuda"))
    torch.set_float32_matmul_precision("high")
    options.output.mkdir(parents=True, exist_ok=True)
    chosen = [each for each in PAIRS if options.pairs is None or each.name in options.pairs]
    unprofiled = call_costs(m)
    facts: dict[str, dict] = {}
    failed: dict[str, str] = {}

    def write() -> None:
        about = {
            "gpu": torch.cuda.get_device_name() if m.has_gpu else "cpu",
            "torch": torch.__version__,
            "seed": SEED,
            "held_out": HELD_OUT,
            "unit": f"ms, median and quartiles of {options.turns} turns, unprofiled, [before, after]; step: from an idle GPU until it is "
            f"idle again; host: until the host is through; running: mean of {RUNNING} in a row. saved_share_of_step is of running "
            f"steps. recorded_step_ms: mean of {ACTIVE} recorded ones in a row",
            "call_ns": {"unprofiled": unprofiled, "recorded": recorded_costs},
            "pairs": facts,
            "failed": failed,
        }
        (options.output / "facts.json").write_text(json.dumps(about, indent=1) + "\n")

    recorded_costs: dict[str, float] = {}
    for pair in chosen:
        # one program that fails must not take the others' times with it
        try:
            facts[pair.name] = timed(pair, m, options.turns)
        except FAILURES:
            failed[pair.name] = traceback.format_exc(limit=-3)
        gc.collect()
        m.empty_cache()
        write()
    for pair in chosen:
        if pair.name in failed:
            continue
        try:
            facts[pair.name]["recorded_step_ms"] = [
                recorded(pair, m, changed, options.output / f"{pair.name}.{side}.json.gz")
                for changed, side in ((False, "before"), (True, "after"))
                if pair.code or not changed
            ]
        except FAILURES:
            failed[pair.name] = traceback.format_exc(limit=-3)
        gc.collect()
        m.empty_cache()
        write()
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if m.has_gpu else [])]
    with profile(activities=activities):
        recorded_costs.update(call_costs(m))
    write()
    for name, why in failed.items():
        print(f"{name} failed:\n{why}")
    for name, each in facts.items():
        print(name, each["running_step_ms"], each["saved_share_of_step"], each.get("recorded_step_ms"))


if __name__ == "__main__":
    main()
