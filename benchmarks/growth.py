"""How the time of a command grows with its input: doubled, each thing that a trace can hold many of; and odd inputs beside plain twins.

    python benchmarks/growth.py [--only NAME ...] [--rounds 3] [--scale 1] [--json FILE]

Of each thing traces are made that hold 1, 2, 4 and 8 times as many of it, and are taken through what a command does with one: read, joined,
analysed with every table, made into a document and into JSON. The exponent is the slope of the logarithm of the CPU time, less that of a trace
that holds a hundredth, over the logarithm of how many there are: 1 where twice as many take twice as long. An odd input is held against a twin
that says the same in the plain way. Sizes take turns, and the least time of several rounds counts; it is the time of the processor and not of the
clock, so that others on the machine matter little.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import json
import math
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.cache import store
from launchlens.traces.problems import InputError
from launchlens.traces.readers.cupti.schema import COLUMNS, FORMAT, METADATA_KEY
from launchlens.traces.source import as_one, source_of

#: What a doubling may cost at most, as an exponent, and an odd input beside its plain twin.
MOST_EXPONENT, MOST_RATIO = 1.1, 2.0
#: How many times as much the traces of one thing hold, and the share of the first of which the fixed cost is told.
TIMES = (1, 2, 4, 8)
SMALL = 100

Events = Iterable[str]


@dataclass(frozen=True)
class Doubled:
    """Something that a trace can hold many of: how many at first, and what makes a trace of so many and does the work."""

    name: str
    first: int
    make: Callable[[Path, int], Path]
    work: Callable[[Path], None]


@dataclass(frozen=True)
class Odd:
    """An odd input and its plain twin."""

    name: str
    odd: Callable[[Path], Path]
    plain: Callable[[Path], Path]
    work: Callable[[Path], None]


@dataclass(frozen=True)
class Growth:
    """What came of doubling something: the least CPU seconds of each size, and the exponent."""

    name: str
    counts: list[int]
    seconds: list[float]
    fixed_s: float
    exponent: float


@dataclass(frozen=True)
class Ratio:
    """What came of an odd input: the least CPU seconds of both, and their ratio."""

    name: str
    odd_s: float
    plain_s: float
    ratio: float


# -- what is done with a trace


def analysed(path: Path) -> None:
    """What `analyze --json` does."""
    import msgspec

    analysis = analyze(as_one(source_of(path)).read())
    msgspec.json.encode(as_document(analysis, analysis.answers()))


def read(path: Path) -> None:
    as_one(source_of(path)).read()


def refused(path: Path) -> None:
    try:
        read(path)
    except InputError:
        return
    raise SystemExit(f"{path} was to be refused")


def paged(path: Path) -> None:
    """What `analyze --html` does."""
    from launchlens.reports.pages.trace import page
    from launchlens.reports.writers.html import html

    analysis = analyze(as_one(source_of(path)).read())
    answered = analysis.answers()
    html(page(as_document(analysis, answered), [*answered.tables.values()], analysis.timelines()))


def shown(path: Path) -> None:
    """What `analyze --full` does, rows and all."""
    _command("analyze", path, "--full", "--no-cache")


def compared(path: Path) -> None:
    _command("compare", path, path, "--json", "--no-cache")


def scrubbed(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _command("scrub", path, "--output", Path(folder) / path.name)


def exported(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _command("export", path, "--perfetto", "--output", Path(folder) / "x.pftrace")


def ranked(path: Path) -> None:
    """What `analyze RANKS/ --json` does, in this process."""
    _command("analyze", path, "--json", "--no-cache")


def _command(*words: str | Path) -> None:
    from typer.testing import CliRunner

    from launchlens.cli import app

    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exit_code:
        raise SystemExit(f"{words}: {done.output}")


# -- what traces are made of: events as Kineto writes them


def event(cat: str, name: str, ts: float, dur: float, tid: int | str = 1, pid: int = 1, **args: Any) -> str:
    more = f',"args":{json.dumps(args)}' if args else ""
    return f'{{"ph":"X","cat":"{cat}","name":"{name}","pid":{pid},"tid":{tid},"ts":{ts:.3f},"dur":{dur:.3f}{more}}}'


def launch(at: float, number: int, tid: int = 1, pid: int = 1) -> str:
    return event("cuda_runtime", "cudaLaunchKernel", at, 2, tid, pid, correlation=number)


def kernel(at: float, number: int, name: str = "add", stream: int = 7, device: int = 0, **more: Any) -> str:
    where = {"device": device, "context": 1, "stream": stream, "correlation": number}
    return event("kernel", name, at, 3, stream, device, **where, **more)


def written(path: Path, events: Events, text: Callable[[Events], Iterator[str]] | None = None) -> Path:
    with open(path, "w") as file:
        file.writelines(text(events) if text else _document(events))
    return path


def _document(events: Events) -> Iterator[str]:
    yield '{"schemaVersion":1,"deviceProperties":[{"id":0,"name":"Made-up GPU"}],"traceEvents":['
    first = True
    for each in events:
        yield each if first else ",\n" + each
        first = False
    yield "]}"


def kineto(events: Callable[[int], Events]) -> Callable[[Path, int], Path]:
    """What makes a trace of so many."""
    return lambda folder, count: written(folder / f"{count}.json", events(count))


def plain(count: int) -> Events:
    """A fourth each of ranges, ops, launches and kernels, of a few names."""
    for number in range(count // 4):
        at = 10.0 * number
        yield event("user_annotation", f"layer {number % 8}", at, 9)
        yield event("cpu_op", f"aten::op{number % 40}", at + 1, 6)
        yield launch(at + 2, number)
        yield kernel(at + 5, number, f"kernel{number % 30}")


def kernel_names(count: int) -> Events:
    for number in range(count):
        yield launch(10.0 * number, number)
        yield kernel(10.0 * number + 5, number, f"void kernel{number}<float>(float*)")


def op_names(count: int) -> Events:
    for number in range(count):
        yield event("cpu_op", f"aten::op{number}_", 10.0 * number, 6)
        yield launch(10.0 * number + 2, number)
        yield kernel(10.0 * number + 5, number)


def range_names(count: int) -> Events:
    for number in range(count):
        yield event("user_annotation", f"part {number} of it", 10.0 * number, 6)
        yield launch(10.0 * number + 2, number)
        yield kernel(10.0 * number + 5, number)


def threads(count: int) -> Events:
    for number in range(count):
        yield event("cpu_op", "aten::add", 3.0 * number, 20, number)
        yield launch(3.0 * number + 2, number, number)
        yield kernel(3.0 * number + 5, number)


def processes(count: int) -> Events:
    for number in range(count):
        yield event("cpu_op", "aten::add", 3.0 * number, 20, 1, number)
        yield launch(3.0 * number + 2, number, 1, number)
        yield kernel(3.0 * number + 5, number)


def ranges_of(thread_of: Callable[[int], int]) -> Callable[[int], Events]:
    """Ranges of one name that overlap across threads, and as many launches."""

    def made(count: int) -> Events:
        for number in range(count):
            thread = thread_of(number)
            yield event("user_annotation", "step", 10.0 * number, 9 if thread == thread_of(number + 1) else 15, thread)
            yield launch(10.0 * number + 2, number, thread)
            yield kernel(10.0 * number + 5, number)

    return made


def two_threads(count: int) -> Events:
    return ranges_of(lambda number: 1 + number % 2)(count)


def one_thread(count: int) -> Events:
    return ranges_of(lambda number: 1)(count)


def within(count: int) -> Events:
    """Ranges each in the one before, as deep as there are many."""
    for number in range(count):
        yield event("user_annotation", f"level {number % 10}", number, 4.0 * count - 2 * number)
    yield from (launch(2.0 * count, 0), kernel(2.0 * count + 5, 0))


def streams(count: int) -> Events:
    for number in range(2 * count):
        yield launch(10.0 * number, number)
        yield kernel(10.0 * number + 5, number, stream=7 + number % count)


def devices(count: int) -> Events:
    """So many devices with 200 kernels each."""
    for number in range(200 * count):
        yield launch(10.0 * number, number)
        yield kernel(10.0 * number + 5, number, device=number % count)


def graph_nodes(count: int) -> Events:
    """Four replays of one graph of so many kernels."""
    for replay in range(4):
        at = 4.0 * replay * count
        yield event("cuda_runtime", "cudaGraphLaunch", at, 9, correlation=replay)
        for node in range(count):
            extra = {"graph node id": node + 1, "graph id": 1}
            yield kernel(at + 10 + 3.5 * node, replay, f"kernel{node % 30}", **extra)


def fan_out(count: int) -> Events:
    """Two calls that cause so many copies each."""
    for call in range(2):
        at = 4.0 * call * count
        yield event("cuda_runtime", "cudaMemcpyBatchAsync", at, 9, correlation=call)
        for copy in range(count):
            where = {"device": 0, "context": 1, "stream": 7, "correlation": call, "bytes": 512}
            yield event("gpu_memcpy", "Memcpy DtoD (Device -> Device)", at + 10 + 3.5 * copy, 3, 7, 0, **where)


def same_id(count: int) -> Events:
    """Calls and kernels that all have one correlation id."""
    for number in range(count):
        yield launch(10.0 * number, 1)
        yield kernel(10.0 * number + 5, 1)


def frames(count: int) -> Events:
    """Frames of Python's stack, twenty deep."""
    for number in range(count // 20):
        at = 100.0 * number
        for depth in range(20):
            yield event("python_function", f"train.py({depth}): f{depth}", at + depth, 90 - 2 * depth)
        yield launch(at + 30, number)
        yield kernel(at + 35, number)


def deep_frames(count: int) -> Events:
    """Frames each in the one before, as deep as there are many."""
    for number in range(count):
        yield event("python_function", "train.py(1): f", number, 4.0 * count - 2 * number)
    yield from (launch(2.0 * count, 0), kernel(2.0 * count + 5, 0))


def counters(count: int) -> Events:
    yield from (launch(0, 0), kernel(5, 0))
    for number in range(count):
        yield (
            f'{{"ph":"C","cat":"counter","name":"power","pid":0,"tid":0,"ts":{10.0 * number},"args":{{"W":{number % 9}}}}}'
        )


def allocations(count: int) -> Events:
    yield from (launch(0, 0), kernel(5, 0))
    for number in range(count):
        args = {"Total Reserved": 1 << 30, "Total Allocated": number % 999, "Bytes": 512, "Device Id": 0}
        said = json.dumps(args | {"Device Type": 1, "Addr": number, "Ev Idx": number})
        yield f'{{"ph":"i","cat":"cpu_instant_event","s":"t","name":"[memory]","pid":1,"tid":1,"ts":{10.0 * number},"args":{said}}}'


def arrows(count: int) -> Events:
    """Forward ops and their backward ops on another thread, with the arrows between."""
    for number in range(count):
        forward, back = 10.0 * number, 10.0 * (2 * count - number)
        yield event("cpu_op", "aten::mm", forward, 6, **{"Sequence number": number, "Fwd thread id": 0})
        yield launch(forward + 2, number)
        yield kernel(forward + 5, number)
        yield event("cpu_op", "MmBackward0", back, 6, 2, **{"Sequence number": number, "Fwd thread id": 1})
        yield launch(back + 2, count + number, 2)
        yield kernel(back + 5, count + number)
        for phase, tid, at in (("s", 1, forward + 1), ("f", 2, back + 1)):
            yield f'{{"ph":"{phase}","id":{number},"pid":1,"tid":{tid},"ts":{at},"cat":"fwdbwd","name":"fwdbwd","bp":"e"}}'


def steps(count: int) -> Events:
    for number in range(count):
        at = 40.0 * number
        yield event("user_annotation", f"ProfilerStep#{number}", at, 39)
        for part in range(2):
            yield event("cpu_op", f"aten::op{part}", at + 1 + 15 * part, 10)
            yield launch(at + 2 + 15 * part, 2 * number + part)
            yield kernel(at + 8 + 15 * part, 2 * number + part, f"kernel{part}")


def waits(count: int) -> Events:
    """Calls that wait, each for a kernel."""
    for number in range(count):
        yield launch(20.0 * number, number)
        yield kernel(20.0 * number + 5, number)
        yield event("cuda_runtime", "cudaStreamSynchronize", 20.0 * number + 3, 7, stream=7)


def collectives(count: int) -> Events:
    for number in range(count):
        at = 20.0 * number
        said = {"Collective name": "allreduce", "dtype": "Float", "In msg nelems": 4096, "Out msg nelems": 4096}
        said |= {"Group size": 8, "Process Group Name": "0", "Seq": number}
        yield launch(at, number)
        yield kernel(
            at + 5, number, "ncclDevKernel_AllReduce_Sum_f32_RING_LL(ncclDevKernelArgsStorage<4096ul>)", **said
        )
        yield event("cpu_op", "aten::add", at + 10, 5)


def ranks(folder: Path, count: int) -> Path:
    """A folder of so many ranks of one job."""
    job = folder / f"ranks{count}"
    job.mkdir()
    for rank in range(count):
        spread = {"backend": "nccl", "rank": rank, "world_size": count}
        body = ",\n".join([*steps(8), *(each for each in collectives(16))])
        (job / f"rank{rank}.json").write_text(
            f'{{"schemaVersion":1,"distributedInfo":{json.dumps(spread)},"traceEvents":[{body}]}}'
        )
    return job


def pair_halves(count: int) -> Events:
    """What `plain` holds, its host events as beginnings and ends."""
    for number in range(count // 4):
        at = 10.0 * number
        for cat, name, start, dur, args in (
            ("user_annotation", f"layer {number % 8}", at, 9.0, "{}"),
            ("cpu_op", f"aten::op{number % 40}", at + 1, 6.0, "{}"),
            ("cuda_runtime", "cudaLaunchKernel", at + 2, 2.0, f'{{"correlation":{number}}}'),
        ):
            yield f'{{"ph":"B","cat":"{cat}","name":"{name}","pid":1,"tid":1,"ts":{start:.3f},"args":{args}}}'
            if cat == "cuda_runtime":
                for end in (start + dur, at + 7, at + 9):
                    yield f'{{"ph":"E","pid":1,"tid":1,"ts":{end:.3f}}}'
        yield kernel(at + 5, number, f"kernel{number % 30}")


def nsys(names: bool = False, text: bool = True) -> Callable[[Path, int], Path]:
    """What makes an export of Nsight Systems: so many launches, kernels and ranges, with a name of its own each or a few."""

    def made(folder: Path, count: int) -> Path:
        path = folder / f"{count}.sqlite"
        many = count if names else 30
        at = [10_000 * number for number in range(count)]
        thread, process = (1 << 48) | 1 << 24 | 2, (1 << 48) | 1 << 24
        with closing(sqlite3.connect(path)) as db:
            db.executescript(
                "CREATE TABLE CUPTI_ACTIVITY_KIND_RUNTIME (start INTEGER, end INTEGER, eventClass INTEGER, globalTid INTEGER,"
                " correlationId INTEGER, nameId INTEGER, returnValue INTEGER);"
                "CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INTEGER, end INTEGER, deviceId INTEGER, contextId INTEGER, streamId INTEGER,"
                " correlationId INTEGER, globalPid INTEGER, demangledName INTEGER, shortName INTEGER, graphNodeId INTEGER);"
                "CREATE TABLE NVTX_EVENTS (start INTEGER, end INTEGER, eventType INTEGER, rangeId INTEGER, text TEXT,"
                " globalTid INTEGER, endGlobalTid INTEGER, textId INTEGER, domainId INTEGER);"
                "CREATE TABLE StringIds (id INTEGER NOT NULL PRIMARY KEY, value TEXT NOT NULL);"
            )
            calls = ((t + 2000, t + 4000, 0, thread, n, 0, 0) for n, t in enumerate(at))
            db.executemany("INSERT INTO CUPTI_ACTIVITY_KIND_RUNTIME VALUES (?,?,?,?,?,?,?)", calls)
            works = ((t + 5000, t + 8000, 0, 1, 7, n, process, 1 + n % many, 1 + n % many) for n, t in enumerate(at))
            db.executemany("INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (?,?,?,?,?,?,?,?,?,NULL)", works)
            ranges = ((t, t + 9000, 59, f"layer {n % 8}", thread) for n, t in enumerate(at))
            db.executemany("INSERT INTO NVTX_EVENTS VALUES (?,?,?,NULL,?,?,NULL,NULL,0)", ranges)
            texts = [(0, "cudaLaunchKernel_v7000"), *((1 + n, f"kernel{n}") for n in range(many))]
            db.executemany("INSERT INTO StringIds VALUES (?,?)", texts)
            db.commit()
        return path

    return made


def cupti(folder: Path, count: int) -> Path:
    """A recording of CUPTI: so many launches and kernels."""
    path = folder / f"{count}.parquet"
    number = np.arange(count)
    at = 10_000 * number
    both = 2 * count
    kinds = pa.array(["api"] * count + ["kernel"] * count).dictionary_encode()
    names = pa.array(["cudaLaunchKernel"] * count + [f"kernel{n % 30}" for n in range(count)]).dictionary_encode()
    known = {
        "kind": kinds,
        "name": names,
        "start_ns": pa.array(np.concatenate((at + 2000, at + 5000))),
        "end_ns": pa.array(np.concatenate((at + 4000, at + 8000))),
        "process": pa.array(np.full(both, 4711)),
        "correlation": pa.array(np.concatenate((number, number))),
        "thread": pa.array([1] * count + [None] * count, pa.int64()),
        "layer": pa.array(["runtime"] * count + [None] * count, pa.string()).dictionary_encode(),
        **{
            name: pa.array([None] * count + [value] * count, pa.int64())
            for name, value in (("device", 0), ("context", 1), ("stream", 7))
        },
    }
    arrays = [
        known.get(column.name, pa.nulls(both, pa.string() if column.type == "text" else pa.int64()))
        for column in COLUMNS
    ]
    header = {"format": FORMAT, "cupti_python": "13.0.1", "devices": {"0": "Made-up GPU"}, "dropped_records": 0}
    header |= {"buffers_while_recording": 0, "markers": True}
    metadata = {METADATA_KEY: json.dumps(header).encode()}
    pq.write_table(pa.table(arrays, names=[column.name for column in COLUMNS], metadata=metadata), path)
    return path


DOUBLED = [
    Doubled("events", 20_000, kineto(plain), analysed),
    Doubled("events, to HTML", 20_000, kineto(plain), paged),
    Doubled("events, to a terminal", 20_000, kineto(plain), shown),
    Doubled("events, compared", 10_000, kineto(plain), compared),
    Doubled("events, scrubbed", 10_000, kineto(plain), scrubbed),
    Doubled("events, exported", 4_000, kineto(plain), exported),
    Doubled("kernel names", 4_000, kineto(kernel_names), analysed),
    Doubled("kernel names, to HTML", 4_000, kineto(kernel_names), paged),
    Doubled("kernel names, compared", 2_000, kineto(kernel_names), compared),
    Doubled("op names", 4_000, kineto(op_names), analysed),
    Doubled("range names", 4_000, kineto(range_names), analysed),
    Doubled("threads", 500, kineto(threads), analysed),
    Doubled("processes", 500, kineto(processes), analysed),
    Doubled("ranges on one thread", 8_000, kineto(one_thread), analysed),
    Doubled("ranges on two threads", 8_000, kineto(two_threads), analysed),
    Doubled("ranges in one another", 1_000, kineto(within), analysed),
    Doubled("streams", 500, kineto(streams), analysed),
    Doubled("devices", 8, kineto(devices), analysed),
    Doubled("graph nodes", 5_000, kineto(graph_nodes), analysed),
    Doubled("correlation fan-out", 10_000, kineto(fan_out), analysed),
    Doubled("calls and kernels of one id", 10_000, kineto(same_id), analysed),
    Doubled("stack frames", 20_000, kineto(frames), analysed),
    Doubled("stack depth", 20_000, kineto(deep_frames), analysed),
    Doubled("counters", 40_000, kineto(counters), analysed),
    Doubled("allocations", 20_000, kineto(allocations), analysed),
    Doubled("forward and backward ops", 4_000, kineto(arrows), analysed),
    Doubled("steps", 1_000, kineto(steps), analysed),
    Doubled("steps, compared", 500, kineto(steps), compared),
    Doubled("waits", 8_000, kineto(waits), analysed),
    Doubled("collectives", 8_000, kineto(collectives), analysed),
    Doubled("ranks", 8, ranks, ranked),
    Doubled("Nsight Systems: events", 10_000, nsys(), analysed),
    Doubled("Nsight Systems: names", 4_000, nsys(names=True), analysed),
    Doubled("Nsight Systems: events, scrubbed", 10_000, nsys(), scrubbed),
    Doubled("CUPTI: events", 20_000, cupti, analysed),
]


# -- odd inputs beside their plain twins

MANY = 40_000


def _as(name: str, events: Events, text: Callable[[Events], Iterator[str]] | None = None) -> Callable[[Path], Path]:
    return lambda folder: written(folder / f"{name}.json", events, text)


def _plain(folder: Path) -> Path:
    return written(folder / "plain.json", plain(MANY))


def _each_thousandth(change: Callable[[str], str]) -> Events:
    for number, each in enumerate(plain(MANY)):
        yield change(each) if number % 1000 == 500 else each


def _unsorted() -> Events:
    made = list(plain(MANY))
    return [made[at] for at in np.random.default_rng(1).permutation(len(made))]


def _bytes(folder: Path) -> Path:
    """Bytes that are no UTF-8 in every thousandth event."""
    path = written(folder / "bytes.json", _each_thousandth(lambda each: each.replace('"name":"', '"name":"caf\u00ff ')))
    path.write_bytes(path.read_bytes().replace("\u00ff".encode(), b"\xe9"))
    return path


def _no_trace(folder: Path) -> Path:
    return written(
        folder / "none.json",
        plain(MANY),
        lambda events: (
            '{"rows":[',
            *(each if not at else ",\n" + each for at, each in enumerate(events)),
            "]}",
        ).__iter__(),
    )


def _lines(folder: Path) -> Path:
    return written(folder / "lines.json", plain(MANY), lambda events: (each + "\n" for each in events))


def _packed(folder: Path) -> Path:
    path = folder / "plain.json.gz"
    path.write_bytes(gzip.compress(_plain(folder).read_bytes(), 6, mtime=0))
    return path


def _nan(each: str) -> str:
    return each[:-1] + ',"bandwidth":NaN}' if '"args"' not in each else each.replace('"args":{', '"args":{"bw":NaN,')


ODD = [
    Odd("NaN in every 1,000th event", _as("nan", _each_thousandth(_nan)), _plain, analysed),
    Odd(
        "a quote too many in every 1,000th event",
        _as("quote", _each_thousandth(lambda each: each.replace('"name":"', '"name":"a"b '))),
        _plain,
        analysed,
    ),
    Odd("bytes that are no UTF-8 in every 1,000th event", _bytes, _plain, analysed),
    Odd("events in no order", _as("unsorted", _unsorted()), _plain, analysed),
    Odd("beginnings and ends", _as("pairs", pair_halves(MANY)), _plain, analysed),
    Odd(
        "a name for each kernel",
        lambda folder: written(folder / "names.json", kernel_names(MANY // 2)),
        lambda folder: written(
            folder / "one_name.json",
            (each for n in range(MANY // 2) for each in (launch(10.0 * n, n), kernel(10.0 * n + 5, n))),
        ),
        analysed,
    ),
    Odd(
        "ranges on two threads",
        lambda folder: written(folder / "two.json", two_threads(MANY // 3)),
        lambda folder: written(folder / "one.json", one_thread(MANY // 3)),
        analysed,
    ),
    Odd(
        "ids that repeat",
        lambda folder: written(folder / "same.json", same_id(MANY // 2)),
        lambda folder: written(
            folder / "ids.json",
            (each for n in range(MANY // 2) for each in (launch(10.0 * n, n), kernel(10.0 * n + 5, n))),
        ),
        analysed,
    ),
    Odd("gzip", _packed, _plain, analysed),
]
#: Files that are refused, beside reading a trace of their length.
REFUSED = [
    Odd("JSON that is no trace, refused", _no_trace, _plain, refused),
    Odd("JSON Lines, refused", _lines, _plain, refused),
]


# -- measuring


def cpu_s(work: Callable[[Path], None], path: Path) -> float:
    """What the work takes of the processor, this process and those that it starts."""
    gc.collect()
    before = time.process_time() + _of_children()
    work(path)
    return time.process_time() + _of_children() - before


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def grown(case: Doubled, rounds: int, scale: float, folder: Path) -> Growth:
    first = max(round(case.first * scale), 2)
    counts = [max(first // SMALL, 2), *(first * times for times in TIMES)]
    paths = [case.make(folder, count) for count in counts]
    case.work(paths[0])  # what is imported at first is no part of it
    least = [math.inf] * len(paths)
    for _ in range(rounds):
        for at, path in enumerate(paths):
            least[at] = min(least[at], cpu_s(case.work, path))
    fixed, seconds = least[0], least[1:]
    more = [each - fixed for each in seconds]
    exponent = float("nan")
    if min(more) > 0:
        exponent = float(np.polyfit(np.log([count - counts[0] for count in counts[1:]]), np.log(more), 1)[0])
    return Growth(case.name, counts[1:], seconds, fixed, exponent)


def beside(case: Odd, rounds: int, folder: Path) -> Ratio:
    odd, twin = case.odd(folder), case.plain(folder)
    work = read if case.work is refused else case.work
    case.work(odd)
    work(twin)
    times: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(rounds):
        times[True].append(cpu_s(case.work, odd))
        times[False].append(cpu_s(work, twin))
    of_odd, of_plain = min(times[True]), min(times[False])
    return Ratio(case.name, of_odd, of_plain, of_odd / of_plain)


def peak_bytes(work: str, path: Path) -> int:
    """The most memory that a process of its own took for it, beyond one that only imports."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); import growth, pathlib; sys.argv[3:] and getattr(growth, sys.argv[2])(pathlib.Path(sys.argv[3]))"
    peaks = []
    for words in ([], [str(path)]):
        with subprocess.Popen([sys.executable, "-c", code, str(Path(__file__).parent), work, *words]) as child:
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"{work} of {path} failed")
        peaks.append(usage.ru_maxrss * 1024)
    return peaks[1] - peaks[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=None, help="words of names; all by default")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1, help="of the sizes")
    parser.add_argument("--json", type=Path, help="write what was found")
    options = parser.parse_args()

    def chosen(name: str) -> bool:
        return options.only is None or any(word in name for word in options.only)

    found: list[Growth | Ratio] = []
    with tempfile.TemporaryDirectory() as place, store.off():
        for each in DOUBLED:
            if chosen(each.name):
                with tempfile.TemporaryDirectory(dir=place) as folder:
                    growth = grown(each, options.rounds, options.scale, Path(folder))
                found.append(growth)
                mark = "  <- more than linear" if not growth.exponent <= MOST_EXPONENT else ""
                times = " ".join(f"{seconds:.2f}" for seconds in growth.seconds)
                print(
                    f"{growth.name:34} {growth.counts[0]:>7,} x8  {growth.exponent:5.2f}   {times} s{mark}", flush=True
                )
        for odd in [*ODD, *REFUSED]:
            if chosen(odd.name):
                with tempfile.TemporaryDirectory(dir=place) as folder:
                    ratio = beside(odd, options.rounds, Path(folder))
                found.append(ratio)
                mark = "  <- more than twice" if ratio.ratio > MOST_RATIO else ""
                print(
                    f"{ratio.name:48} {ratio.ratio:5.2f}   {ratio.odd_s:.2f} / {ratio.plain_s:.2f} s{mark}", flush=True
                )
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
