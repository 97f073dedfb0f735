"""A simulator of a host and a device: variants made of steps of known length, timed and recorded as a capture has it.

    host     |python|  op  |launch|  op  |python|launch|...            |wait for the device|
    device                 |-- work --|        |-- work --|-- work --|

A block is N iterations and a wait. A recorder costs the host so much an op and so much a call: part of it between an event's two
moments, the rest in what the event was begun from. Hosts drift from round to round, blocks have noise of their own. What a state of
the host takes without a recorder is known, so whatever works it out of the times and accounts can be held against that.
"""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.captures.block_order import block_order
from launchlens.traces.captures.capture import (
    Manifest,
    TraceRecord,
    VariantRecord,
    typed,
    write_manifest,
    write_timings,
)
from launchlens.traces.captures.light import ACCOUNT_COLUMNS, BURSTS, CALLS, OPS, STATES, write_accounts
from made_capture import GPU, TraceMaker


@dataclass(frozen=True)
class Step:
    """Something that the host does for `ns`, with steps inside it in the middle; a launch also gives the device `gpu_ns` of work."""

    state: str
    ns: float
    inside: "tuple[Step, ...]" = ()
    gpu_ns: float = 0

    @property
    def is_event(self) -> bool:
        return self.state != "python"


Program = tuple[Step, ...]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cost:
    """What a recorder costs the host an event, ns: between its two moments, and besides, of an op and of a call."""

    inside: float = 0
    op: float = 0
    call: float = 0

    def outside(self, step: Step) -> float:
        return self.op if step.state == "dispatch" else self.call


NOTHING, LIGHT, HEAVY = Cost(), Cost(inside=20, op=140, call=25), Cost(inside=300, op=1500, call=900)
#: What a block costs besides its iterations, ns, and how long a launch takes to reach the device.
FIXED, LATENCY = 9000.0, 4000.0


@dataclass
class Host:
    """Runs programs: where its time goes by state, which events it saw, and when the device is done."""

    cost: Cost
    speed: float
    unseen: str = ""
    now: float = 0
    free: float = 0
    ns: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STATES, 0.0))
    events: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATES, 0))
    holds: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATES, 0))
    calls_held: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATES, 0))
    spans: list[tuple[Step, float, float, float, float]] = field(default_factory=list)

    def spend(self, state: str, ns: float) -> None:
        self.now += ns * self.speed
        self.ns[state] += ns * self.speed

    def run(self, program: Program, parent: str = "python", *, keep: bool = False) -> None:
        """Run some steps. An event of a state that is `unseen` is what holds it, to the recorder: it costs nothing then."""
        for step in program:
            seen = step.is_event and step.state != self.unseen
            state = step.state if seen or not step.is_event else parent
            if seen:
                self.spend(parent, self.cost.outside(step) if self.cost is not NOTHING else 0)
                self.events[state] += 1
                self.holds[parent] += 1
                self.calls_held[parent] += step.state != "dispatch"
            begin = self.now
            self.spend(state, step.ns / 2 + (self.cost.inside if seen else 0))
            self.run(step.inside, state, keep=keep)
            self.spend(state, step.ns / 2)
            start = max(self.free, self.now + LATENCY) if step.gpu_ns else 0.0
            if step.gpu_ns:
                self.free = start + step.gpu_ns
            if keep and step.is_event:
                self.spans.append((step, begin, self.now, start, self.free))

    def wait(self) -> float:
        """Wait for the device; when all had been submitted."""
        submitted = self.now
        waited = max(self.free - self.now, 0) + FIXED
        self.now += waited
        self.ns["sync"] += waited
        return submitted


@dataclass(frozen=True)
class Block:
    """What came of a block: when all had been submitted, when all was done, when the device was, and the host's time by state."""

    submitted: float
    wall: float
    free: float
    ns: Mapping[str, float]


@dataclass(frozen=True)
class Iteration:
    """One iteration on a host of speed 1: its time by state, what it saw, and when in it which work reaches the device."""

    ns: Mapping[str, float]
    seen: Mapping[str, Mapping[str, int]]
    launched: Floats
    gpu_ns: tuple[float, ...]

    def block(self, count: int, speed: float, hidden: float) -> Block:
        """So many of them and a wait, with `hidden` ns of Python more in each."""
        ns = {state: count * each * speed for state, each in self.ns.items()}
        ns["python"] += count * hidden * speed
        submitted = sum(ns.values())
        free = 0.0
        if len(self.launched):
            begins = np.arange(count)[:, np.newaxis] * submitted / count
            ready = (begins + self.launched * speed).ravel() + LATENCY
            begun, whole = _queue(self.gpu_ns, count)
            # work begins when it is there and what was before it is done
            free = float(np.max(ready - begun) + whole)
        ns["sync"] += max(free - submitted, 0) + FIXED
        return Block(submitted, submitted + ns["sync"], free, ns)


@cache
def _queue(gpu_ns: tuple[float, ...], count: int) -> tuple[Floats, float]:
    """Of work one after the other, so many times over: when each begins, and how long all takes."""
    each = np.tile(np.array(gpu_ns), count)
    done = np.cumsum(each)
    return done - each, float(done[-1])


@cache
def _iteration(name: str, program: Program, cost: Cost, unseen: str) -> Iteration:
    host = Host(cost, 1.0, unseen)
    host.run(program, keep=True)
    work = [(high, step.gpu_ns) for step, _, high, _, _ in host.spans if step.gpu_ns]
    launched, gpu_ns = np.array([high for high, _ in work]), tuple(ns for _, ns in work)
    seen = {"events": host.events, "holds": host.holds, "calls_held": host.calls_held}
    return Iteration(host.ns, seen, launched, gpu_ns)


@dataclass(frozen=True)
class Simulated:
    """What was timed and recorded of a simulated run."""

    programs: Mapping[str, Program]
    timings: pd.DataFrame
    accounts: pd.DataFrame
    bursts: pd.DataFrame

    def write(self, folder: Path) -> Path:
        """The run as a capture: with a trace by a heavy recorder, whose costs are many times those of the light one."""
        folder.mkdir(parents=True, exist_ok=True)
        write_timings(folder, self.timings)
        write_accounts(folder, self.accounts, self.bursts)
        record(folder / "torch" / "eager.pt.trace.json.gz", self.programs)
        short = self.timings[self.timings["length"] == "short"].groupby("variant")["iterations"].first()
        write_manifest(
            folder,
            Manifest(
                workload={"name": "simulated", "says": "steps of known length"},
                variants=[VariantRecord(name, "eager", "measured", "simulated") for name in self.programs],
                baseline=next(iter(self.programs)),
                device="cuda",
                command=["profile"],
                recorded_at="2026-01-02T03:04:05+00:00",
                environment={"gpu": GPU, "cpu": "simulated", "device": "cuda"},
                timing={
                    "rounds": int(self.timings["round"].nunique()),
                    "iterations": {f"{name} (eager)": int(count) for name, count in short.items()},
                    "seed": 0,
                    "light": {"inside_ns": LIGHT.inside},
                },
                traces=[TraceRecord("torch", "eager", "torch/eager.pt.trace.json.gz", RECORDED_ROUNDS, RECORDED)],
                complete=True,
                launchlens="0.1.0",
            ),
        )
        return folder


RECORDED_ROUNDS, RECORDED = 6, 5
SHORT = 8


def bursts() -> dict[str, Program]:
    """Many ops, and many calls, an iteration: what more of them cost more is the cost of one."""
    return {
        f"{kind}:{count}": (Step("python", 50.0), *(Step(state, 100.0) for _ in range(count)))
        for kind, state in ((OPS, "dispatch"), (CALLS, "api"))
        for count in (8, 32)
    }


def simulate(
    programs: Mapping[str, Program],
    *,
    rounds: int = 24,
    seed: int = 0,
    drift: float = 0.05,
    noise: float = 0.004,
    hidden: float = 0,
    unseen: str = "",
    dropped: float = 0,
) -> Simulated:
    """Time and record `programs`, the first of them a second time as the control.

    `drift` of the host from round to round and `noise` of a block are standard deviations of logarithms. The light recorder costs
    `hidden` ns an iteration that no event tells of, does not see events of the state `unseen`, and loses some of a block's events
    with the probability `dropped`: such a block has no account.
    """
    generator = np.random.default_rng(seed)
    timed: list[dict[str, Any]] = []
    burst: list[dict[str, Any]] = []
    accounts: defaultdict[str, list[Any]] = defaultdict(list)
    every = [(name, "eager", False, program) for name, program in programs.items()]
    every += [(name, "eager", True, program) for name, program in list(programs.items())[:1]]
    every += [(name, BURSTS, False, program) for name, program in bursts().items()]
    now = 0.0
    order: list[int] = []
    for number in range(rounds):
        host = float(np.exp(generator.normal(0, drift)))
        order = generator.permutation(len(every)).tolist() if number % 2 == 0 else order[::-1]
        position = 0
        for name, regime, control, program in (every[index] for index in order):
            for length, recorder in (("short", "off"), ("long", "light"), ("long", "off"), ("short", "light")):
                count = SHORT * (2 if length == "long" else 1)
                light = recorder == "light"
                once = _iteration(name, program, LIGHT if light else NOTHING, unseen if light else "")
                it = once.block(count, host * float(np.exp(generator.normal(0, noise))), hidden if light else 0)
                key = {"round": number, "variant": name, "regime": regime, "control": control, "length": length}
                rows = burst if regime == BURSTS else timed
                rows.append(
                    key
                    | {"position": position, "recorder": recorder, "iterations": count, "start_ns": round(now)}
                    | {"host_ns": round(it.submitted), "wall_ns": round(it.wall), "sm_clock_mhz": 1980}
                    | {"device_ns": round(max(it.free, it.submitted))}
                )
                position += 1
                now += it.wall + 20_000
                if light and not (dropped and generator.random() < dropped):
                    for column, value in (*key.items(), ("iterations", count)):
                        accounts[column] += [value] * len(STATES)
                    accounts["state"] += STATES
                    accounts["ns"] += [round(it.ns[state]) for state in STATES]
                    for column, seen in once.seen.items():
                        accounts[column] += [count * int(seen[state]) for state in STATES]
    return Simulated(
        programs,
        typed(pd.DataFrame(timed)),
        typed(pd.DataFrame(accounts), ACCOUNT_COLUMNS),
        typed(pd.DataFrame(burst)),
    )


def truth(program: Program) -> dict[str, float]:
    """What an iteration takes of each state on a host of speed 1, without a recorder, where the host makes the pace."""
    host = Host(NOTHING, 1.0)
    host.run(program)
    return {state: ns for state, ns in host.ns.items() if ns}


def launches(program: Program) -> int:
    """How many launches an iteration makes."""
    return sum((step.state == "launch") + launches(step.inside) for step in program)


def record(path: Path, programs: Mapping[str, Program]) -> None:
    """A trace of blocks of all programs, as torch.profiler would write it, and its costs with it."""
    maker, names = TraceMaker(), list(programs)
    blocks = [
        f"variant:{names[index]}" for number in range(RECORDED_ROUNDS) for index in block_order(len(names), number)
    ]
    for name in [*blocks, *(f"iteration:{name}" for name in names for _ in range(3))]:
        _record_block(maker, name, programs[name.partition(":")[2]], RECORDED if name.startswith("variant:") else 1)
    document = {
        "schemaVersion": 1,
        "deviceProperties": [{"id": 0, "name": GPU}],
        "baseTimeNanoseconds": 0,
        "traceEvents": maker.events,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(json.dumps(document).encode(), 1, mtime=0))


def _record_block(maker: TraceMaker, name: str, program: Program, count: int) -> None:
    host, begin = Host(HEAVY, 1.0), maker.now
    for _ in range(count):
        host.run(program, keep=True)
    submitted = host.wait()
    for cat, what, low, high, more in _events(host):
        if "correlation" in more:
            more = more | {"correlation": maker.correlation + more["correlation"]}
        maker.add(cat, what, begin + round(low), begin + round(high), **more)
    maker.correlation += len(host.spans) + 1
    maker.add("cuda_runtime", "cudaDeviceSynchronize", begin + round(submitted), begin + round(host.now) - 100)
    maker.add("user_annotation", name, begin, begin + round(host.now))
    maker.now = begin + round(host.now) + 10_000


def _events(host: Host) -> Iterator[tuple[str, str, float, float, dict[str, Any]]]:
    for number, (step, low, high, start, end) in enumerate(host.spans):
        if step.state == "dispatch":
            yield "cpu_op", "aten::step", low, high, {}
        elif step.state == "launch":
            yield "cuda_runtime", "cudaLaunchKernel", low, high, {"correlation": number}
            yield "kernel", "step", start, end, {"device": 0, "stream": 7, "correlation": number}
        else:
            yield "cuda_runtime", "cudaGetDevice", low, high, {}
