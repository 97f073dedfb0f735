"""Jobs of several ranks that were never run: a made host and GPU a rank, collectives that end when the last has come, clocks that disagree.

Nothing here is launchlens'. A rank's program is a generator that yields at each collective, until all of its group have come: so the true
times are known, who came last and what the others waited. `write` makes a file a rank of it, as torch.profiler does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

US = 1_000
LATENCY, GAP, CALL = 4 * US, US, 3 * US
COMPUTE, COMMUNICATION = 7, 20
Program = Callable[["Rank", int], Generator[None, None, None]]


@dataclass
class Group:
    """A process group; each collective of it takes `us` once all ranks have come."""

    name: str
    ranks: tuple[int, ...]
    us: float = 300
    posted: dict[int, dict[int, int]] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.name)


@dataclass
class Rank:
    """One rank: its host's time, when its streams are free, and what was recorded, all in true ns."""

    number: int
    device: int
    now: int = 0
    free: dict[int, int] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    #: (group, number in it, step, true start, true end) of its collectives
    collectives: list[tuple[Group, int, int, int, int]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    step: int = 0
    correlation: int = 0

    @contextmanager
    def range(self, name: str) -> Iterator[None]:
        start = self.now
        yield
        self.rows.append({"cat": "user_annotation", "name": name, "start": start, "end": self.now})

    def host(self, us: float) -> None:
        """The host computes, in no op and no call."""
        self.now += round(us * US)

    def _call(self, name: str, length: int = CALL) -> int:
        self.correlation += 1
        start, self.now = self.now, self.now + length
        args = {"correlation": self.correlation}
        self.rows.append({"cat": "cuda_runtime", "name": name, "start": start, "end": self.now, "args": args})
        return start

    def kernel(self, name: str, us: float, *, after: int = 0) -> int:
        """Launch a kernel behind what the compute stream has, and `after` a moment; returns when it will end."""
        begun = self._call("cudaLaunchKernel")
        start = max(begun + LATENCY, self.free.get(COMPUTE, 0) + GAP, after + GAP)
        return self._ran(name, COMPUTE, start, start + round(us * US))

    def _ran(self, name: str, stream: int, start: int, end: int, **more: Any) -> int:
        args = {"device": self.device, "stream": stream, "correlation": self.correlation} | more
        self.rows.append({"cat": "kernel", "name": name, "start": start, "end": end, "args": args})
        self.free[stream] = max(end, self.free.get(stream, 0))
        return end

    def all_reduce(self, group: Group) -> Generator[None, None, int]:
        """Launch one behind what was computed so far; returns when it ended."""
        begun = self._call("cudaLaunchKernelExC")
        start = max(begun + LATENCY, self.free.get(COMPUTE, 0) + GAP, self.free.get(COMMUNICATION, 0) + GAP)
        number = self.counts.get(group.name, 0)
        self.counts[group.name] = number + 1
        correlation = self.correlation
        group.posted.setdefault(number, {})[self.number] = start
        while len(group.posted[number]) < len(group.ranks):
            yield
        end = max(group.posted[number].values()) + round(group.us * US)
        told = {
            "Collective name": "allreduce", "dtype": "Float", "In msg nelems": 1000 + number % 3, "Out msg nelems": 1000 + number % 3,
            "Group size": len(group.ranks), "Process Group Name": group.name, "Process Group Ranks": str([*group.ranks]), "Seq": number,
        }  # fmt: skip
        last, self.correlation = self.correlation, correlation
        self._ran(
            "ncclDevKernel_AllReduce_Sum_f32_RING_LL(ncclDevKernelArgsStorage<4096ul>)",
            COMMUNICATION,
            start,
            end,
            **told,
        )
        self.correlation = last
        self.collectives.append((group, number, self.step, start, end))
        return end

    def wait(self) -> None:
        """The host waits for the device."""
        start = self.now
        self.now = max(self.now, *self.free.values()) + 2 * US
        self.rows.append(
            {"cat": "cuda_runtime", "name": "cudaDeviceSynchronize", "start": start, "end": self.now, "args": {}}
        )


@dataclass
class Clock:
    """A rank's clock: how far ahead of true time, and how much more with each ns."""

    offset_ns: int = 0
    drift: float = 0.0

    def at(self, moment: int) -> int:
        return round(moment * (1 + self.drift)) + self.offset_ns


@dataclass
class Job:
    """What ran: the ranks, each with its clock."""

    ranks: list[Rank]
    clocks: list[Clock]

    def waited_ns(self, late: int) -> dict[int, float]:
        """The truth: how long each other rank waited in its collectives for one that came last there, a step, the mean."""
        start = {
            (group.name, number, rank.number): at for rank in self.ranks for group, number, _, at, _ in rank.collectives
        }
        found = {}
        for rank in self.ranks:
            total = 0
            for group, number, _, at, _ in rank.collectives:
                starts = {each: start[group.name, number, each] for each in group.ranks}
                if max(starts, key=lambda each: starts[each]) == late:
                    total += starts[late] - at
            steps = 1 + max(step for _, _, step, _, _ in rank.collectives)
            if rank.number != late:
                found[rank.number] = total / steps
        return found


def run(program: Program, ranks: int, steps: int, clocks: list[Clock] | None = None) -> Job:
    """Run so many steps of a program on so many ranks, each step in a `ProfilerStep#N`."""
    made = [Rank(number, device=number) for number in range(ranks)]

    def whole(rank: Rank) -> Generator[None, None, None]:
        for step in range(steps):
            rank.step = step
            with rank.range(f"ProfilerStep#{step + 4}"):
                yield from program(rank, step)

    going = [whole(rank) for rank in made]
    while going:
        going = [each for each in going if next(each, "done") != "done"]
    return Job(made, clocks or [Clock() for _ in made])


def training(
    late: int | None = None,
    why: str = "",
    us: float = 0,
    groups: Callable[[int], list[Group]] | None = None,
    ranks: int = 4,
) -> Program:
    """A step of data, forward, backward with two collectives, and optimizer: 10 ms on the GPU. Rank `late` takes `us` more, of `why`."""
    world = Group("0", tuple(range(ranks)))

    def step(rank: Rank, number: int) -> Generator[None, None, None]:
        mine = groups(rank.number) if groups else [world, world]
        more = us if rank.number == late else 0
        with rank.range("data"):
            rank.host(40 + (more if why == "data" else 0))
        with rank.range("forward"):
            rank.host(20 + (more if why == "host" else 0))
            rank.kernel("gemm", 4000)
            if more and why == "gpu":
                rank.kernel("gemm", more)
        done = 0
        with rank.range("backward"):
            for group in mine:
                rank.host(10)
                rank.kernel("gemm_backward", 2500)
                done = yield from rank.all_reduce(group)
        with rank.range("optimizer"):
            rank.kernel("adam", 1000, after=done)
            rank.wait()

    return step


def document(
    job: Job, rank: Rank, *, told: bool = True, seq: bool = False, steps: bool = True, own: bool = True
) -> dict[str, Any]:
    """A rank's trace. `told`: collectives say what they are; `seq`: and their number; `steps`: profiler's steps are marked; `own`: the rank is said."""
    clock = job.clocks[rank.number]
    events = []
    for row in rank.rows:
        if not steps and row["name"].startswith("ProfilerStep#"):
            continue
        args = dict(row.get("args", {}))
        if not seq:
            args.pop("Seq", None)
        if not told:
            args = {name: value for name, value in args.items() if name in ("device", "stream", "correlation")}
        start, end = clock.at(row["start"]), clock.at(row["end"])
        on_gpu = row["cat"] == "kernel"
        events.append(
            {
                "ph": "X",
                "cat": row["cat"],
                "name": row["name"],
                "ts": start / 1e3,
                "dur": (end - start) / 1e3,
                "pid": rank.device if on_gpu else 1000 + rank.number,
                "tid": args.get("stream", 1000 + rank.number),
                "args": args,
            }
        )
    made: dict[str, Any] = {"schemaVersion": 1, "traceEvents": events}
    if own:
        made["distributedInfo"] = {"rank": rank.number, "world_size": len(job.ranks), "backend": "nccl"}
    return made


def write(job: Job, folder: Path, **more: bool) -> list[Path]:
    """A file a rank."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for rank in job.ranks:
        path = folder / f"rank{rank.number}.json"
        path.write_text(json.dumps(document(job, rank, **more)))
        paths.append(path)
    return paths


def merged(job: Job, path: Path) -> Path:
    """All ranks in one file, with ids of their own: a merger that did it right."""
    events = []
    for rank in job.ranks:
        for event in document(job, rank)["traceEvents"]:
            if "correlation" in event["args"]:
                event["args"]["correlation"] += 1_000_000 * rank.number
            events.append(event)
    path.write_text(json.dumps({"schemaVersion": 1, "traceEvents": events}))
    return path
