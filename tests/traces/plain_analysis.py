"""An analysis worked out the slow way, from plain json and plain SQL: what ours is checked against.

Nothing of launchlens is used here. Names are looked up in lists, intervals are joined by hand, an account is swept moment by
moment. What no file here holds (a launch recorded twice, a replay recorded in part, a name that is in no list) is an
assertion, never a guess.
"""

import gzip
import json
import re
import sqlite3
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow.parquet as pq

#: What each call in the files submits; calls not named here submit nothing.
SUBMITS = {
    "kernel": {
        "cudaLaunchKernel",
        "cudaLaunchKernelExC",
        "cudaLaunchKernelExC_v11060",
        "cudaLaunchKernel_v7000",
        "cuLaunchKernel",
        "cuLaunchKernelEx",
        "hipLaunchKernel",
        "hipExtModuleLaunchKernel",
    },
    "memcpy": {
        "cudaMemcpyAsync",
        "cudaMemcpyAsync_v3020",
        "cudaMemcpyBatchAsync",
        "cudaMemcpy_v3020",
        "cuMemcpyHtoDAsync_v2",
        "cuMemcpyDtoHAsync_v2",
        "hipMemcpyWithStream",
    },
    "memset": {"cudaMemsetAsync", "cudaMemsetAsync_v3020", "cudaMemset_v3020", "cuMemsetD32Async"},
    "graph": {"cudaGraphLaunch", "cudaGraphLaunch_v10000", "cuGraphLaunch"},
}
#: Calls with such a word in their name that submit nothing.
SUBMIT_NOTHING = {"cuLaunchHostFunc"}
WAITS = {
    "cudaDeviceSynchronize",
    "cudaDeviceSynchronize_v3020",
    "cudaStreamSynchronize",
    "cudaStreamSynchronize_v3020",
    "cudaEventSynchronize",
    "cudaEventSynchronize_v3020",
    "cuStreamSynchronize",
    "cuCtxSynchronize",
    "hipDeviceSynchronize",
}
#: What torch.profiler lists as overhead that is its own.
PROFILERS_OWN = {"Activity Buffer Request", "Buffer Flush", "Instrumentation", "Resource"}
COPY_KINDS = {1: "HtoD", 2: "DtoH", 8: "DtoD"}
WORK = ("kernel", "memcpy", "memset", "graph")
#: Of several events that open and close together on a thread, the one further right is the innermost.
HOST = ("python", "dispatch", "launch", "sync", "api", "profiler", "waiting", "not-recorded")
STATES = {"range": "python", "op": "dispatch", "api": "api", "overhead": "profiler"}
#: What a process is in: the first of these that one of its threads is in.
FIRST = ("launch", "dispatch", "api", "sync", "python", "profiler", "waiting", "not-recorded")
DEVICE = (
    *("kernel", "memcpy", "memset", "kernel+memcpy"),
    *("communication", "kernel+communication", "communication+memcpy", "graph", "idle"),
)
#: Ranges that are no Python's own: c10d opens them in C++.
OPENED_IN_CPP = {"nccl:all_reduce"}
SEVERITY = {
    "gpu-record-without-launch": "warning",
    "gpu-start-before-launch": "warning",
    "graph-recorded-whole": "warning",
    "launch-without-gpu-record": "warning",
    "no-gpu-records": "error",
    "recorder-lost-events": "warning",
    "cuda-overhead-left-out": "info",
    "python-stack-left-out": "info",
    "unknown-category": "info",
}


@dataclass
class Row:
    """One event of the event table. Times in ns; `process` and `thread` are None where none is recorded."""

    kind: str
    name: str
    start: int
    end: int
    process: int | str | None = None
    thread: int | str | None = None
    correlation: int | None = None
    device: int | None = None
    context: int | None = None
    stream: int | None = None
    graph: int | None = None
    copy_kind: str | None = None
    bytes: int | None = None
    queued: int | None = None
    channel: str | None = None
    args: dict[str, Any] = field(default_factory=dict)
    sequence: int | None = None
    of_backward: bool = False
    #: of a backward op, where something links it: its forward op
    forward: "Row | None" = None
    of_process: bool = False
    caused: list["Row"] = field(default_factory=list)

    @property
    def lane(self) -> tuple[Any, Any]:
        return self.process, self.thread

    @property
    def length(self) -> int:
        return self.end - self.start


class Opened:
    """Events of one thread, in the order in which they are opened, of several at once the outer ones first."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = sorted(rows, key=lambda row: (row.start, -row.end))
        self.starts = [row.start for row in self.rows]
        #: the latest end of each and of all before it
        self.reach = list(accumulate((row.end for row in self.rows), max))

    def at(self, moment: int) -> Row | None:
        """The innermost at a moment: opened last, of several the shortest, of equals the later one; None where none is open."""
        for at in range(bisect_right(self.starts, moment) - 1, -1, -1):
            if self.reach[at] <= moment:
                return None
            if self.rows[at].end > moment:
                return self.rows[at]
        return None


def by_thread(rows: Iterable[Row]) -> dict[Any, Opened]:
    """What is open on each thread; on one that has none of them, nothing."""
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.lane].append(row)
    return defaultdict(lambda: Opened(()), {lane: Opened(mine) for lane, mine in found.items()})


#: start, end and state of something that is open for that long
Interval = tuple[int, int, str]
#: the moments at which something changes, and (host state, device state) from each on
Did = tuple[list[int], list[tuple[str, str]]]


@dataclass
class Plain:
    """A trace: its rows, in the order of the file, what was left out on the way by code, and `source` less the path."""

    rows: list[Row]
    left_out: Counter[str]
    source: dict[str, Any]
    #: What an allocator reported: the arguments of each moment, and `ns`.
    memory: list[dict[str, Any]] = field(default_factory=list)
    #: What the memory of each device reads or writes at most, bytes a second.
    memory_bandwidths: dict[int | None, int] = field(default_factory=dict)
    #: When Python frames are open, by thread, and what they are.
    frames: dict[Any, list[Interval]] = field(default_factory=dict)
    stack: dict[Any, list["Row"]] = field(default_factory=dict)
    #: What is open on each thread that was asked for, see `host_intervals`.
    opened: dict[Any, list[Interval]] = field(default_factory=dict)
    #: When each thread that was asked for waits, see `waits`.
    waited: dict[Any, list[Interval]] = field(default_factory=dict)
    #: What each process and device that was accounted for did, see `swept`.
    did: dict[Any, "Did"] = field(default_factory=dict)

    @cached_property
    def backward(self) -> dict[Any, "Opened"]:
        """The ops of backward passes that have a forward op, by thread."""
        return by_thread(row for row in self.rows if row.forward is not None)

    def of(self, *kinds: str) -> list[Row]:
        return [row for row in self.rows if row.kind in kinds]

    @cached_property
    def launched(self) -> dict[Any, list[int]]:
        """When each process launches, in order."""
        found: dict[Any, list[int]] = defaultdict(list)
        for call in self.joined[0]:
            found[call.process].append(call.start)
        return found

    @cached_property
    def joined(self) -> tuple[list[Row], list[Row]]:
        """The launches, in order, with what each caused; and the GPU work that nothing launched."""
        return join(self.of("api"), self.of(*WORK))


def read(path: Path) -> Plain:
    """The rows of a trace: of torch.profiler, an Nsight Systems export or a recording of CUPTI."""
    return {".sqlite": nsys, ".parquet": cupti}.get(path.suffix, kineto)(path)


def kineto(path: Path) -> Plain:
    """A trace of torch.profiler."""
    data = path.read_bytes()
    document = json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data, parse_float=Decimal)
    kinds = {
        **dict.fromkeys(("operator", "cpu_op"), "op"),
        **dict.fromkeys(("runtime", "cuda_runtime", "cuda_driver"), "api"),
        **dict.fromkeys(("memcpy", "gpu_memcpy"), "memcpy"),
        **dict.fromkeys(("memset", "gpu_memset"), "memset"),
        "overhead": "overhead",
        "kernel": "kernel",
        "user_annotation": "range",
        "gpu_user_annotation": "gpu-range",
    }
    rows, left_out = [], Counter[str]()
    frames: dict[Any, list[Interval]] = defaultdict(list)
    stack: dict[Any, list[Row]] = defaultdict(list)
    memory = [
        event["args"] | {"ns": int(event["ts"] * 1000)}
        for event in document["traceEvents"]
        if event["ph"] == "i" and event["name"] == "[memory]"
    ]
    for event in document["traceEvents"]:
        if event["ph"] != "X":
            continue
        category = event["cat"].lower()
        if category not in kinds:
            left_out["python-stack-left-out"] += category == "python_function"
            if category == "python_function":
                start = int(event["ts"] * 1000)
                end = start + int(event["dur"] * 1000)
                frames[event["pid"], event["tid"]].append((start, end, "frame"))
                stack[event["pid"], event["tid"]].append(Row("frame", event["name"], start, end))
            left_out["unknown-category"] += category not in ("python_function", "trace")
            continue
        kind, args = kinds[category], event.get("args", {})
        assert kind != "overhead" or event["name"] in PROFILERS_OWN, f"{event['name']} is in no list"
        start = int(event["ts"] * 1000)
        row = Row(kind, event["name"], start, start + int(event["dur"] * 1000), correlation=args.get("correlation"))
        row.args = args
        if kind in WORK or kind == "gpu-range":
            row.device, row.bytes = args.get("device"), args.get("bytes")
            row.context, row.stream, row.graph = args.get("context"), args.get("stream"), args.get("graph id")
        elif event["pid"] != -1:  # newer Kineto writes its own overhead there: on no thread that exists
            row.process, row.thread = event["pid"], event["tid"]
        if kind == "memcpy":
            row.copy_kind = args.get("kind") or event["name"].split()[1]
            row.copy_kind = {"CopyHostToDevice": "HtoD"}.get(row.copy_kind, row.copy_kind)
        if "size" in args and kind == "api":
            row.bytes = int(args["size"])
        if kind == "op":
            row.sequence, row.of_backward = args.get("Sequence number"), bool(args.get("Fwd thread id"))
        rows.append(row)
    link(rows, [event for event in document["traceEvents"] if event.get("cat") == "fwdbwd"])
    sizes = {row.correlation: row.bytes for row in rows if row.kind == "api" and row.bytes is not None}
    for row in rows:
        if row.kind == "memcpy" and row.bytes is None:
            row.bytes = sizes.get(row.correlation)  # ROCm writes a copy's size on its call only
    return Plain(
        rows,
        left_out,
        {
            "recorded_by": "kineto",
            "recorded_by_version": f"schemaVersion {document['schemaVersion']}",
            "bytes": len(data),
            "devices": {
                str(device["id"]): device["name"]
                for device in document.get("deviceProperties", document.get("computeProperties"))
            },
        },
        memory,
        frames=frames,
        stack=stack,
    )


def nsys(path: Path) -> Plain:
    """An Nsight Systems export. Ids of threads and processes are three bytes each of `globalTid`."""
    db = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    strings = dict(db.execute("SELECT id, value FROM StringIds"))
    rows, left_out = [], Counter[str]()

    def each(table: str) -> Iterator[dict[str, Any]]:
        if table not in tables:
            return
        cursor = db.execute(f"SELECT * FROM {table}")
        for values in cursor:
            yield dict(zip((about[0] for about in cursor.description), values, strict=True))

    for found in each("CUPTI_ACTIVITY_KIND_RUNTIME"):
        rows.append(_of_host("api", strings[found["nameId"]], found))
    for kind in ("kernel", "memcpy", "memset", "graph"):
        table = f"CUPTI_ACTIVITY_KIND_{'GRAPH_TRACE' if kind == 'graph' else kind.upper()}"
        for found in each(table):
            name = _kernel_name(found, strings) if kind == "kernel" else kind
            row = Row(kind, name, found["start"], found["end"], correlation=found["correlationId"])
            row.device, row.process = found["deviceId"], _pid(found.get("globalPid"))
            row.context, row.stream = found.get("contextId"), found.get("streamId")
            row.graph = found.get("graphExecId", found.get("graphId"))
            row.bytes = found.get("bytes")
            row.copy_kind = COPY_KINDS[found["copyKind"]] if kind == "memcpy" else None
            rows.append(row)
            left_out["graph-recorded-whole"] += kind == "graph"
    for found in each("NVTX_EVENTS"):
        if found["eventType"] in (59, 60):  # push/pop and start/end; others are marks and names of domains
            rows.append(_of_host("range", found["text"] or strings[found["textId"]], found))
            rows[-1].of_process = found["eventType"] == 60
    for found in each("PROFILER_OVERHEAD"):
        rows.append(_of_host("overhead", strings[found["nameId"]], found))
    callers = {row.process for row in rows if row.kind == "api"}
    if len(callers) == 1:  # exports of 2020 name no process with GPU work: it can only be of this one
        for row in rows:
            row.process = next(iter(callers)) if row.process is None else row.process
    left_out["cuda-overhead-left-out"] += sum(1 for _ in each("CUPTI_ACTIVITY_KIND_OVERHEAD"))
    sentences = [row["text"] for row in each("DIAGNOSTIC_EVENT") if row["severity"] >= 2]  # warnings and errors
    left_out["recorder-lost-events"] += sentences.count("Not all CUDA events might have been collected.")
    version = None
    if meta := tables & {"META_DATA_EXPORT", "EXPORT_META_DATA"}:
        said = {found["name"]: found["value"] for found in each(meta.pop())}
        version = said["EXPORT_PRODUCT_VERSION"]
        version += f" (schema {said['EXPORT_SCHEMA_VERSION']})" if "EXPORT_SCHEMA_VERSION" in said else ""
    devices = {str(found["id"]): found["name"] for found in each("TARGET_INFO_GPU")}
    devices |= {str(found["deviceId"]): found["name"] for found in each("TARGET_INFO_CUDA_GPU")}
    # of no file here a GPU's own number is another than CUDA's
    rates = {found["id"]: found["memoryBandwidth"] for found in each("TARGET_INFO_GPU") if "memoryBandwidth" in found}
    db.close()
    source = {"recorded_by": "nsys", "recorded_by_version": version, "bytes": path.stat().st_size, "devices": devices}
    return Plain(rows, left_out, source, memory_bandwidths={key: rate for key, rate in rates.items() if rate})


def cupti(path: Path) -> Plain:
    """A recording of CUPTI. What says when the nodes of a graph were queued is of another launch, and not taken."""
    file = pq.ParquetFile(path)
    header = json.loads(file.metadata.metadata[b"launchlens"])
    rows = []
    for found in file.read().to_pylist():
        row = Row(found["kind"], found["name"], found["start_ns"], found["end_ns"])
        row.process, row.correlation = found["process"], found["correlation"]
        if row.kind in WORK:
            row.device, row.copy_kind, row.bytes = found["device"], found["copy_kind"], found["bytes"]
            row.context, row.stream, row.graph = found["context"], found["stream"], found["graph"]
            row.channel, row.queued = found["channel"], None if found["graph_node"] else found["queued_ns"]
        else:
            row.thread = found["thread"]
        rows.append(row)
    source = {
        "recorded_by": "cupti",
        "recorded_by_version": f"cupti-python {header['cupti_python']} (CUPTI {header['cupti']})",
        "bytes": path.stat().st_size,
        "devices": header["devices"],
    }
    return Plain(rows, Counter(), source)


def _of_host(kind: str, name: str, found: dict[str, Any]) -> Row:
    thread = found["globalTid"]
    row = Row(kind, name, found["start"], found["end"], _pid(thread), thread & 0xFFFFFF)
    row.correlation = found.get("correlationId")
    return row


def _pid(number: int | None) -> int | None:
    """The process of a `globalTid` or `globalPid`; exports of 2020 name none with GPU work."""
    return None if number is None else number >> 24 & 0xFFFFFF


def _kernel_name(found: dict[str, Any], strings: dict[int, str]) -> str:
    """Of the text's id, or of 2020 the text itself."""
    return strings[found["demangledName"]] if "demangledName" in found else str(found["name"])


def link(rows: list[Row], arrows: list[dict[str, Any]]) -> None:
    """Give each backward op its forward op: where its arrow comes from, else the last op before with its sequence number."""
    ops: dict[Any, list[Row]] = defaultdict(list)
    for row in sorted((row for row in rows if row.kind == "op"), key=lambda row: (row.start, -row.length)):
        ops[row.lane].append(row)
    starts = {lane: [op.start for op in mine] for lane, mine in ops.items()}
    ends: dict[tuple[Any, int], dict[str, Row]] = defaultdict(dict)
    for arrow in arrows:
        at = int(arrow["ts"] * 1000)
        of_thread = ops[arrow["pid"], arrow["tid"]]
        begun = bisect_right(starts[arrow["pid"], arrow["tid"]], at)
        ends[arrow["pid"], arrow["id"]][arrow["ph"]] = next(op for op in reversed(of_thread[:begun]) if at <= op.end)
    for pair in ends.values():
        pair["f"].forward = pair["s"]
    forward: dict[Any, list[Row]] = defaultdict(list)
    for op in sorted((op for each in ops.values() for op in each), key=lambda op: op.start):
        if op.sequence is not None and not op.of_backward:
            forward[op.process, op.sequence].append(op)
    for op in (op for each in ops.values() for op in each):
        if op.of_backward and op.forward is None:
            before = [each for each in forward[op.process, op.sequence] if each.start < op.start]
            if before and len({each.lane for each in forward[op.process, op.sequence]}) == 1:
                op.forward = before[-1]


def join(calls: list[Row], work: list[Row]) -> tuple[list[Row], list[Row]]:
    """`Plain.joined`."""
    by_process = all(row.process is not None for row in work)  # Kineto names no process on a device row
    by_id: dict[Any, list[Row]] = defaultdict(list)
    for call in calls:
        by_id[call.process if by_process else None, call.correlation].append(call)
    orphans = []
    for activity in work:
        assert activity.correlation, "no file here leaves an activity without an id"
        causes = by_id[activity.process if by_process else None, activity.correlation]
        assert len(causes) <= 1, "no file here records a launch twice"
        if causes:
            causes[0].caused.append(activity)
        else:
            orphans.append(activity)
    named = set().union(*SUBMITS.values())
    for name in {call.name for call in calls} - named - SUBMIT_NOTHING:
        assert not any(word in name for word in ("Launch", "Memcpy", "Memset")), f"{name} is in no list"
        assert "Synchronize" not in name or name in WAITS, f"{name} is in no list"
    launches = [call for call in calls if call.name in named or call.caused]
    return sorted(launches, key=lambda row: row.start), orphans


def submits(call: Row) -> str:
    return next((kind for kind, names in SUBMITS.items() if call.name in names), "") or call.caused[0].kind


def busy(rows: list[Row]) -> dict[str, int]:
    """Length of the union of intervals per device."""
    total: dict[str, int] = defaultdict(int)
    reach: dict[str, int] = {}
    for row in sorted(rows, key=lambda row: row.start):
        device = str(row.device)
        low = max(row.start, reach.get(device, row.start))
        total[device] += max(0, row.end - low)
        reach[device] = max(row.end, reach.get(device, row.end))
    return dict(total)


def sums(rows: list[Row]) -> dict[str, int | None]:
    sizes = [row.bytes for row in rows if row.bytes is not None]
    return {
        "count": len(rows),
        "bytes": sum(sizes) if sizes or not rows else None,
        "total_ns": sum(row.length for row in rows),
    }


def totals(plain: Plain) -> dict[str, Any]:
    """What `totals` must hold of a trace with GPU work."""
    launches, orphans = plain.joined
    of = {kind: plain.of(kind) for kind in WORK}
    calls = {kind: [call for call in launches if submits(call) == kind] for kind in SUBMITS}
    whole = {"graph": {"count": len(of["graph"]), "total_ns": sums(of["graph"])["total_ns"]}} if of["graph"] else {}
    return {
        "events": len(plain.rows),
        "kernels": {
            "count": len(of["kernel"]),
            "total_ns": sums(of["kernel"])["total_ns"],
            "busy_ns": busy(of["kernel"]),
        },
        "gpu_busy_ns": busy(plain.of(*WORK)),
        "memcpy": {
            kind: sums([row for row in of["memcpy"] if row.copy_kind == kind])
            for kind in sorted({str(row.copy_kind) for row in of["memcpy"]})
        },
        "memset": sums(of["memset"]),
        **whole,
        "launches": {
            kind: {
                "calls": len(found),
                "with_gpu_activity": sum(bool(row.caused) for row in found),
                "without_gpu_activity": sum(not row.caused for row in found),
            }
            for kind, found in calls.items()
        },
        "gpu_activities_without_launch": {
            kind: sum(row.kind == kind for row in orphans) for kind in WORK if kind != "graph" or whole
        },
        "first_ns": min(row.start for row in plain.rows),
        "last_ns": max(row.end for row in plain.rows),
    }


def problems(plain: Plain) -> dict[str, tuple[int, str]]:
    """Count and severity by code."""
    launches, orphans = plain.joined
    found = plain.left_out.copy()
    found["launch-without-gpu-record"] = sum(not call.caused for call in launches)
    found["gpu-record-without-launch"] = len(orphans)
    found["gpu-start-before-launch"] = sum(
        min(row.start for row in call.caused) < call.start for call in launches if call.caused
    )
    return {code: (count, SEVERITY[code]) for code, count in sorted(found.items()) if count}


def folded(plain: Plain) -> dict[str, str]:
    """What each range is called in `ranges`: numbers that tell instances apart are a `*`."""
    found: dict[str, str] = {}
    for name in {row.name for row in plain.of("range")}:
        for before, number in (
            ("ProfilerStep#", "[0-9]+"),
            (", op_id = ", "[0-9]+"),
            (", seq = ", "[0-9]+"),
            ("", "0x[0-9a-f]+"),
        ):
            found[name] = re.sub(f"({before}){number}", r"\1*", found.get(name, name))
    short: dict[str, set[str]] = defaultdict(set)
    for name in found.values():
        short[name.rstrip("0123456789")].add(name)
    for name, called in found.items():
        stem = called.rstrip("0123456789")
        numbered = {each for each in short[stem] if each != stem}
        if called != stem and (len(numbered) > 1):
            found[name] = f"{stem}*"
    return found


def home(plain: Plain, call: Row) -> Row | None:
    """The forward op for whose sake a launch was made, if something links it: through backward ops inside each other as well."""
    found, at = None, call
    while True:
        inner = plain.backward[at.lane].at(at.start)
        if inner is None or inner.forward is None:
            return found
        found = at = inner.forward


def ranges(plain: Plain) -> list[dict[str, Any]]:
    """What `ranges` must hold: a row a folded name, longest host time first, and of equals the one that began first."""
    launches, _ = plain.joined
    linked = any(plain.backward.values())
    homes = [(call, home(plain, call)) for call in launches] if linked else []
    of_process: dict[Any, list[Row]] = defaultdict(list)
    for call in launches:
        of_process[call.process].append(call)
    called = folded(plain)
    found: dict[str, dict[str, Any]] = {}
    names: dict[str, set[str]] = defaultdict(set)
    for each in sorted(plain.of("range"), key=lambda row: row.start):
        starts = plain.launched[each.process]
        everyone = of_process[each.process][bisect_left(starts, each.start) : bisect_left(starts, each.end)]
        inside = [call for call in everyone if call.lane == each.lane]
        for_it = [call for call, op in homes if op and op.lane == each.lane and each.start <= op.start < each.end]
        work = [activity for call in inside for activity in call.caused]
        numbers: dict[str, Any] = {
            "instances": 1,
            "host_ns": each.length,
            "gpu_projection_ns": max(row.end for row in work) - min(row.start for row in work) if work else 0,
            "launches": len(inside),
            "kernels": sum(row.kind == "kernel" for row in work),
            "memcpys": sum(row.kind == "memcpy" for row in work),
            "memsets": sum(row.kind == "memset" for row in work),
            "gpu_ns": sum(row.length for row in work),
            **_made(everyone, "all_threads"),
            **_made(everyone if each.of_process else for_it, "linked"),
        }
        if not linked and not each.of_process:
            numbers |= dict.fromkeys(("launches_linked", "kernels_linked", "gpu_ns_linked"))
        name = called[each.name]
        before = found.get(name, {})
        names[name].add(each.name)
        found[name] = {"name": name, "names": len(names[name])} | {
            key: before.get(key) if value is None else value + (before.get(key) or 0) for key, value in numbers.items()
        }
    return sorted(found.values(), key=lambda row: -row["host_ns"])


def _made(calls: list[Row], rule: str) -> dict[str, int]:
    work = [activity for call in calls for activity in call.caused]
    return {
        f"launches_{rule}": len(calls),
        f"kernels_{rule}": sum(row.kind == "kernel" for row in work),
        f"gpu_ns_{rule}": sum(row.length for row in work),
    }


def launch_cost(plain: Plain) -> list[dict[str, Any]]:
    """What `launch_cost` must hold: a row for each (API call, what it caused), dearest first."""
    groups: dict[tuple[str, str | None], list[Row]] = defaultdict(list)
    for call in plain.joined[0]:
        first = call.caused[0] if call.caused else None
        label = None if first is None else f"memcpy {first.copy_kind}" if first.kind == "memcpy" else first.kind
        groups[call.name, "graph" if first and submits(call) == "graph" else label].append(call)
    costs = []
    for (api, label), calls in groups.items():
        waits = [min(row.start for row in call.caused) - call.end for call in calls if call.caused]
        waits = [wait for wait in waits if wait >= 0]
        costs.append(
            {
                "api": api,
                "activity": label,
                "count": len(calls),
                "api_total_ns": sum(call.length for call in calls),
                "api_ns": spread([call.length for call in calls]),
                "queue_ns": {"count": len(waits), **spread(waits)},
                "gpu_ns": None if label is None else spread([sum(row.length for row in call.caused) for call in calls]),
                **told(calls),
            }
        )
    return sorted(costs, key=lambda row: (-row["api_total_ns"], row["api"], row["activity"] or ""))


def told(calls: list[Row]) -> dict[str, Any]:
    """What only some recorders tell of the work of some launches."""
    work = [row for call in calls for row in call.caused]
    waits = [row.start - row.queued for row in work if row.queued is not None and row.start >= row.queued]
    channels = sorted({row.channel for row in work if row.channel is not None})
    found: dict[str, Any] = {"queued_to_start_ns": {"count": len(waits), **spread(waits)}} if waits else {}
    return found | ({"channel": ", ".join(channels)} if channels else {})


def spread(values: list[int]) -> dict[str, int | None]:
    if not values:
        return dict.fromkeys(("median", "mean", "min", "max"))
    return {
        "median": round(median(values)),
        "mean": round(sum(values) / len(values)),
        "min": min(values),
        "max": max(values),
    }


def account(plain: Plain, range_name: str | None = None) -> dict[str, Any]:
    """What `account` must hold, of the whole trace or of the instances of one range: of the device that the process uses most."""
    process, windows, covers = _windows(plain, range_name)
    launches, _ = plain.joined
    mine = [row.device for call in launches if call.process == process for row in call.caused]
    return _account(plain, process, most(mine or [row.device for row in plain.of(*WORK)]), windows, covers)


def accounts(plain: Plain) -> list[dict[str, Any]]:
    """What `accounts` must hold: of the whole trace, a row a device, of the process that launched most of what ran there."""
    process, windows, covers = _windows(plain, None)
    launches, _ = plain.joined
    found = []
    for device in sorted({row.device for row in plain.of(*WORK) if row.device is not None}):
        of = [call.process for call in launches for row in call.caused if row.device == device]
        found.append(_account(plain, most(of) if of else process, device, windows, covers))
    return found


def _windows(plain: Plain, range_name: str | None) -> tuple[Any, list[tuple[int, int]], str]:
    """The process that is accounted for, when, and that in words."""
    launches, _ = plain.joined
    if range_name is None:
        whole = [(min(row.start for row in plain.rows), max(row.end for row in plain.rows))]
        return most(call.process for call in launches), whole, "the whole trace, first event to last"
    instances = [row for row in plain.of("range") if row.name == range_name]
    called = folded(plain)
    instances = instances or [row for row in plain.of("range") if called[row.name] == range_name]
    inside = Counter({row.process: 0 for row in instances})
    for row in instances:
        starts = plain.launched[row.process]
        inside[row.process] += bisect_left(starts, row.end) - bisect_left(starts, row.start)
    process = most(inside.elements()) if inside.total() else min(inside, key=str)
    windows: list[tuple[int, int]] = []
    mine = sorted(((row.start, row.end) for row in instances if row.process == process), key=lambda at: (at[0], -at[1]))
    for start, end in mine:
        if windows and start < windows[-1][1]:
            windows[-1] = windows[-1][0], max(windows[-1][1], end)
        else:
            windows.append((start, end))
    covers = f"{len(mine)} instances of range {range_name!r}"
    return process, windows, covers if len(windows) == len(mine) else f"{covers}, in {len(windows)} windows"


def _account(plain: Plain, process: Any, device: Any, windows: list[tuple[int, int]], covers: str) -> dict[str, Any]:
    if (process, device) not in plain.did:
        threads = sorted({row.lane for row in plain.rows if row.kind in STATES and row.process == process}, key=str)
        of_threads = [
            (host_intervals(plain, lane), waits(plain, lane, threads) + plain.frames.get(lane, [])) for lane in threads
        ]
        plain.did[process, device] = swept(of_threads, device_intervals(plain, device))
    cells = within(plain.did[process, device], windows)
    return {
        "window": covers,
        "windows": len(windows),
        "window_ns": sum(cells.values()),
        "process": str(process),
        "thread": None,
        "device": str(device),
        "cells": [
            {"host": host, "device": on_device, "ns": cells[host, on_device]}
            for host in HOST
            for on_device in DEVICE
            if cells[host, on_device]
        ],
    }


def most(values: Iterable[Any]) -> Any:
    """The most frequent value, of equals the one met first."""
    return Counter(values).most_common(1)[0][0]


def host_intervals(plain: Plain, lane: tuple[Any, Any]) -> list[Interval]:
    """What is open on a thread. A call made within a call that launches or waits is a part of that one.

    A range tells of Python where the file is of a recorder that runs in Python; else of nothing.
    """
    if lane in plain.opened:
        return plain.opened[lane]
    launching = {id(call) for call in plain.joined[0]}
    found = []
    for row in sorted(
        (row for row in plain.rows if row.kind in STATES and row.lane == lane), key=lambda row: row.start
    ):
        state = "sync" if row.kind == "api" and row.name in WAITS else STATES[row.kind]
        if row.kind == "range" and row.name in OPENED_IN_CPP:
            state = "dispatch"
        elif row.kind == "range" and plain.source["recorded_by"] == "nsys":
            state = "not-recorded"
        found.append((row.start, row.end, "launch" if id(row) in launching else state))
    outer = [each for each in found if each[2] in ("launch", "sync")]
    starts, longest = [each[0] for each in outer], max((end - start for start, end, _ in outer), default=0)
    for at, (start, end, state) in enumerate(found):
        if state != "api":
            continue
        for holder in reversed(outer[: bisect_right(starts, start)]):
            if holder[1] >= end or holder[0] + longest < start:
                found[at] = start, end, holder[2] if holder[1] >= end else "api"
                break
    plain.opened[lane] = found
    return found


def waits(plain: Plain, lane: tuple[Any, Any], threads: list[tuple[Any, Any]]) -> list[Interval]:
    """When a thread waits: from the first to the last backward op of its own that another thread runs while it does nothing."""
    if lane in plain.waited:
        return plain.waited[lane]
    engine = {row.lane for row in plain.rows if row.name.startswith("autograd::engine::evaluate_function")}
    others = [each for each in threads if each not in engine]
    for_it = []
    for op in (row for row in plain.of("op") if row.process == lane[0] and row.lane != lane):
        if op.forward is not None:
            for_it += [op] if op.forward.lane == lane else []
        elif op.name.startswith("autograd::engine::evaluate_function") and others == [lane]:
            for_it.append(op)
    doing = sorted(
        (low, high) for low, high, state in host_intervals(plain, lane) if state not in ("python", "not-recorded")
    )
    gaps, reach = [], -(10**30)
    for low, high in doing:
        if low > reach:
            gaps.append((reach, low))
        reach = max(reach, high)
    gaps.append((reach, 10**30))
    for_it.sort(key=lambda op: op.start)
    starts = [op.start for op in for_it]
    found = []
    for low, high in gaps:
        inside = for_it[bisect_left(starts, low) : bisect_left(starts, high)]
        if inside:
            found.append((min(op.start for op in inside), min(max(op.end for op in inside), high), "waiting"))
    plain.waited[lane] = found
    return found


def device_intervals(plain: Plain, device: int) -> list[Interval]:
    return [
        (row.start, row.end, "communication" if row.kind == "kernel" and row.name.startswith("nccl") else row.kind)
        for row in plain.of(*WORK)
        if row.device == device
    ]


def swept(threads: list[tuple[list[Interval], list[Interval]]], device: list[Interval]) -> Did:
    """What the host and the device do from one moment of change to the next, by what is open then."""
    changes: dict[int, list[tuple[int, Any, Interval]]] = defaultdict(list)
    lanes: dict[Any, list[Interval]] = {"device": device}
    lanes |= {at: [*host, *waiting] for at, (host, waiting) in enumerate(threads)}
    for lane, intervals in lanes.items():
        for each in intervals:
            if each[0] < each[1]:
                changes[each[0]].append((1, lane, each))
                changes[each[1]].append((-1, lane, each))
    is_open: dict[Any, Counter[Interval]] = {lane: Counter() for lane in lanes}
    state_of = dict.fromkeys(range(len(threads)), "not-recorded")
    of_process, on_device = "not-recorded", _device_state(set())
    moments, states = [-(10**30)], [(of_process, on_device)]
    for moment in sorted(changes):
        changed = set()
        for step, lane, each in changes[moment]:
            is_open[lane][each] += step
            if not is_open[lane][each]:
                del is_open[lane][each]
            changed.add(lane)
        if "device" in changed:
            on_device = _device_state({state for _, _, state in is_open["device"]})
        for lane in changed & state_of.keys():
            state_of[lane] = _host_state(is_open[lane])
        of_process = min(state_of.values(), key=FIRST.index, default="not-recorded")
        moments.append(moment)
        states.append((of_process, on_device))
    return moments, states


def within(did: Did, windows: list[tuple[int, int]]) -> Counter[tuple[str, str]]:
    """Time by (host state, device state) in some windows, which do not overlap."""
    moments, states = did
    cells: Counter[tuple[str, str]] = Counter()
    for low, high in windows:
        first, last = bisect_right(moments, low) - 1, bisect_left(moments, high)
        edges = [low, *moments[first + 1 : last], high]
        for state, begin, end in zip(states[first:last], edges, edges[1:], strict=False):
            cells[state] += end - begin
    return cells


def _host_state(is_open: Iterable[Interval]) -> str:
    """Of what is open on a thread: innermost is what was opened last; of several the shortest."""
    here, around = [], set()
    for start, end, state in is_open:
        if state in ("waiting", "frame"):
            around.add(state)
        else:
            here.append((start, -end, HOST.index(state), state))
    state = max(here)[3] if here else "not-recorded"
    if state in ("python", "not-recorded") and "waiting" in around:
        return "waiting"
    return "python" if state == "not-recorded" and "frame" in around else state


def _device_state(kinds: set[str]) -> str:
    if "communication" in kinds:
        beside = next((kind for kind in ("kernel", "memcpy") if kind in kinds), "")
        return {"": "communication", "kernel": "kernel+communication", "memcpy": "communication+memcpy"}[beside]
    if {"kernel", "memcpy"} <= kinds:
        return "kernel+memcpy"
    return next((kind for kind in ("kernel", "memcpy", "memset", "graph") if kind in kinds), "idle")


def document(plain: Plain) -> dict[str, Any]:
    """All that `analyze --json` must print of a trace, less its path and the words of its problems."""
    return {
        "format": "launchlens.analysis/2",
        "source": plain.source,
        "problems": {code: list(row) for code, row in problems(plain).items()},
        "totals": totals(plain),
        "ranges": ranges(plain),
        "launch_cost": launch_cost(plain),
        "account": account(plain),
        "accounts": accounts(plain),
    }
