"""What the light recorder costs, and how far its account of every variant closes on the unprofiled time; needs a GPU.

    python cli.py doctor && python benchmarks/light.py --rounds 12 --output light.json

Every variant of both workloads in both regimes, and a transformer decode step: blocks of N and of 2 N iterations, with the
recorder off and on, all of them in every round. Times are marginal: what 2 N iterations take more than N, by N.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from time import perf_counter_ns

import numpy as np


def start_again() -> None:
    """Start this program again with the recorder's library preloaded, unless it was."""
    from launchlens.profiling.collectors.light.build import built
    from launchlens.profiling.collectors.light.recorder import PRELOADED, preloading

    libraries = built()
    if os.environ.get(PRELOADED) != str(libraries.interpose):
        os.execve(sys.executable, [sys.executable, *sys.argv], preloading(libraries))


def decode(torch):
    """One token through four transformer layers of width 1024 over a context of 512, called eagerly and compiled."""
    torch.manual_seed(0)
    hidden, heads, context = 1024, 16, 512

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.before, self.between = torch.nn.RMSNorm(hidden), torch.nn.RMSNorm(hidden)
            self.project = torch.nn.Linear(hidden, 3 * hidden, bias=False)
            self.out = torch.nn.Linear(hidden, hidden, bias=False)
            self.up, self.down = (
                torch.nn.Linear(*size, bias=False) for size in ((hidden, 4 * hidden), (4 * hidden, hidden))
            )
            shape = (1, heads, context, hidden // heads)
            self.keys, self.values = torch.nn.Buffer(torch.randn(shape)), torch.nn.Buffer(torch.randn(shape))

        def forward(self, x):
            split = self.project(self.before(x)).view(1, 1, 3, heads, hidden // heads).permute(2, 0, 3, 1, 4)
            query, key, value = split
            self.keys[:, :, :1], self.values[:, :, :1] = key, value
            attended = torch.nn.functional.scaled_dot_product_attention(query, self.keys, self.values)
            x = x + self.out(attended.transpose(1, 2).reshape(1, 1, hidden))
            return x + self.down(torch.nn.functional.silu(self.up(self.between(x))))

    model = torch.nn.Sequential(*(Layer() for _ in range(4))).to("cuda", torch.bfloat16).eval()
    token = torch.randn(1, 1, hidden, device="cuda", dtype=torch.bfloat16)
    compiled = torch.compile(model)

    def eagerly():
        with torch.no_grad():
            return model(token)

    def as_compiled():
        with torch.no_grad():
            return compiled(token)

    for _ in range(3):
        as_compiled()
    return {("decode", "decode", "eager"): eagerly, ("decode", "decode-compiled", "eager"): as_compiled}


def sides(torch, wanted):
    """Everything to time, by (workload, variant, regime)."""
    from launchlens.kernels.registry import variants, workloads
    from launchlens.profiling.regimes import ENTER

    found, kept = {}, []
    for spec in workloads():
        if wanted and spec.name not in wanted:
            continue
        for variant in variants(spec.name):
            for regime in variant.regimes:
                try:
                    inputs = spec.inputs(device="cuda", seed=0)
                    iteration = variant.build(inputs)
                    iteration()
                    torch.cuda.synchronize()
                    found[spec.name, variant.name, regime] = ENTER[regime](iteration)
                    kept.append((inputs, iteration))
                except Exception as error:  # noqa: BLE001  what can't run here is left out, and said
                    print(f"left out: {variant.name} {regime}: {str(error)[:90]}", file=sys.stderr)
    return found, kept


class Blocks:
    """Times one block; with the recorder on also its account and counts."""

    def __init__(self, torch, recorder):
        from launchlens.traces.launches.apis import submits, waits

        self.torch, self.recorder, self.submits, self.waits = torch, recorder, submits, waits
        self.rate = 1.0

    def calibrate_clock(self):
        import time

        first = self.recorder.clocks()
        time.sleep(0.5)
        last = self.recorder.clocks()
        self.rate = (last[1] - first[1]) / (last[0] - first[0])

    def block(self, call, count, warm=3, light=False, room=0):
        recorder, torch = self.recorder, self.torch
        if light:
            recorder.make_room(room)
            recorder.on()
        for _ in range(warm):
            call()
        low = recorder.moment()
        begin = perf_counter_ns()
        for _ in range(count):
            call()
        submitted = perf_counter_ns()
        torch.cuda.synchronize()
        end = perf_counter_ns()
        high = recorder.moment()
        if light:
            recorder.off()
        return end - begin, submitted - begin, low, high

    def account(self, low, high):
        """Time by host state, ns, and counts, of the window in which a block ran."""
        from launchlens.profiling.collectors.light.recorder import is_call
        from launchlens.traces.intervals import innermost

        events = self.recorder.take()
        names = self.recorder.names
        state_of = []
        for name in names:
            state_of.append(0 if not is_call(name) else 1 if self.submits(name) else 2 if self.waits(name) else 3)
        inside = (events.start >= low) & (events.end <= high)
        start, end, what = (
            events.start[inside].astype(np.int64),
            events.end[inside].astype(np.int64),
            events.what[inside],
        )
        state = np.array(state_of or [0], np.int64)[what] if len(what) else np.empty(0, np.int64)
        edges, owner = innermost(start, end, rank=state)
        length = np.diff(edges)
        cells = np.zeros(5)
        if len(length):
            of = np.where(owner >= 0, state[owner], 4)
            np.add.at(cells, of, length)
        cells[4] += (high - low) - cells.sum()
        counts = np.bincount(state, minlength=4)
        by_name = np.bincount(what, minlength=len(names))
        return cells * self.rate, counts, {names[i]: int(by_name[i]) for i in np.flatnonzero(by_name)}, events.dropped


STATES = ("dispatch", "launch", "sync", "api", "python")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--workload", action="append")
    parser.add_argument("--no-decode", action="store_true")
    parser.add_argument("--output", type=Path, default=Path("light.json"))
    asked = parser.parse_args()
    start_again()
    import torch

    from launchlens.profiling.collectors.light.build import built
    from launchlens.profiling.collectors.light.recorder import LightRecorder

    recorder = LightRecorder(built())
    print(f"tsc {recorder.uses_tsc}, calls {recorder.sees_calls}, {torch.cuda.get_device_name()}", file=sys.stderr)
    blocks = Blocks(torch, recorder)
    blocks.calibrate_clock()
    calls, kept = sides(torch, asked.workload)
    if not asked.no_decode:
        calls |= decode(torch)
    small = torch.zeros(4, 4, device="cuda")
    import ctypes

    place = ctypes.c_int()
    with open("/proc/self/maps") as maps:
        runtime = next(line.split()[-1] for line in maps if "libcudart" in line)
    get_device = ctypes.CDLL(runtime).cudaGetDevice

    def views(count):
        return lambda: [small.t() for _ in range(count)] and None

    def queries(count):
        return lambda: [get_device(ctypes.byref(place)) for _ in range(count)] and None

    for count in (8, 32):
        calls["burst", f"views{count}", "eager"] = views(count)
        calls["burst", f"queries{count}", "eager"] = queries(count)
    counts, results = {}, {key: [] for key in calls}
    for key, call in calls.items():
        for _ in range(30):
            call()
        torch.cuda.synchronize()
        wall = blocks.block(call, 20)[0] / 20
        counts[key] = int(min(max(4_000_000 // max(wall, 1), 8), 300))
    treatments = [(False, 1), (True, 1), (True, 2), (False, 2)]
    williams = [[0, 1, 3, 2], [1, 2, 0, 3], [2, 3, 1, 0], [3, 0, 2, 1]]
    generator = np.random.default_rng(7)
    room = dict.fromkeys(calls, 1 << 15)
    for number in range(asked.rounds):
        order = generator.permutation(len(calls)) if number % 2 == 0 else order[::-1]  # noqa: F821
        keys = list(calls)
        row_of = [treatments[at] for at in williams[number // 2 % 4]]
        row_of = row_of[::-1] if number % 2 else row_of
        for key, (light, double) in ((keys[index], each) for index in order for each in row_of):
            count = counts[key] * double
            wall, host, low, high = blocks.block(calls[key], count, light=light, room=room[key])
            row = {"round": number, "light": light, "double": double, "count": count, "wall": wall, "host": host}
            if light:
                cells, by_state, names, dropped = blocks.account(low, high)
                room[key] = max(room[key], int(1.2 * by_state.sum()))
                row |= {
                    "cells": cells.tolist(),
                    "counts": by_state.tolist(),
                    "names": names if number == 0 else {},
                    "dropped": dropped,
                }
            results[key].append(row)
        print(f"round {number + 1} of {asked.rounds}", file=sys.stderr)
    asked.output.write_text(json.dumps({"gpu": torch.cuda.get_device_name(), "counts": {"|".join(k): v for k, v in counts.items()},
                                        "results": {"|".join(k): v for k, v in results.items()}}))  # fmt: skip
    del kept


if __name__ == "__main__":
    main()
