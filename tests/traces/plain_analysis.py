"""An analysis worked out the slow way, from plain json and plain SQL: what ours is checked against.

Nothing of launchlens is used here. Every row is compared with every other one, names are looked up in a list, intervals
are joined by hand; the files it is meant for hold a thousand events at most.
"""

import gzip
import json
import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from statistics import mean, median
from typing import Any

#: What each call in the shared files submits; calls not named here submit nothing.
SUBMITS = {
    "kernel": {
        "cudaLaunchKernel",
        "cuLaunchKernel",
        "cudaLaunchKernel_v7000",
        "hipLaunchKernel",
        "hipExtModuleLaunchKernel",
    },
    "memcpy": {
        "cudaMemcpyAsync",
        "cudaMemcpyAsync_v3020",
        "cudaMemcpy_v3020",
        "cuMemcpyHtoDAsync_v2",
        "cuMemcpyDtoHAsync_v2",
        "hipMemcpyWithStream",
    },
    "memset": {"cudaMemsetAsync", "cudaMemset_v3020"},
}
COPY_KINDS = {1: "HtoD", 2: "DtoH", 8: "DtoD"}


@dataclass
class Row:
    """One event: an API call, GPU work (kind kernel, memcpy or memset) or a range. Times in ns."""

    kind: str
    name: str
    start: int
    end: int
    lane: tuple[object, object] = (None, None)
    correlation: int | None = None
    device: int | None = None
    copy_kind: str | None = None
    bytes: int = 0
    caused: list["Row"] = field(default_factory=list)


def kineto(path: Path) -> tuple[list[Row], int, int]:
    """The rows of a Kineto trace, first start and last end of all events that the event table holds."""
    data = path.read_bytes()
    document = json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data, parse_float=Decimal)
    kinds = {"kernel": "kernel", "gpu_memcpy": "memcpy", "memcpy": "memcpy", "gpu_memset": "memset"}
    kinds |= dict.fromkeys(("runtime", "cuda_runtime", "cuda_driver"), "api") | {"user_annotation": "range"}
    held = {*kinds, "operator", "cpu_op", "gpu_user_annotation"}
    rows, first, last = [], [], []
    for event in document["traceEvents"]:
        category = event.get("cat", "").lower()
        if event["ph"] != "X" or category not in held:
            continue
        start = int(event["ts"] * 1000)
        end = start + int(event["dur"] * 1000)
        first.append(start)
        last.append(end)
        args = event.get("args", {})
        row = Row(kinds.get(category, "other"), event["name"], start, end, (event["pid"], event["tid"]))
        row.correlation, row.device = args.get("correlation"), args.get("device")
        row.bytes = int(args.get("bytes", args.get("size", 0)))
        if row.kind == "memcpy":
            row.copy_kind = args.get("kind") or event["name"].split()[1]
        rows.append(row)
    # ROCm writes a copy's size on its call only
    sizes = {row.correlation: row.bytes for row in rows if row.kind == "api" and row.bytes}
    for row in rows:
        row.bytes = row.bytes or (sizes.get(row.correlation, 0) if row.kind == "memcpy" else 0)
    return rows, min(first), max(last)


def nsys(path: Path) -> tuple[list[Row], int, int]:
    """The same of an Nsight Systems export."""
    db = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
    rows = []
    for table, kind in (("RUNTIME", "api"), ("KERNEL", "kernel"), ("MEMCPY", "memcpy"), ("MEMSET", "memset")):
        table = f"CUPTI_ACTIVITY_KIND_{table}"
        if table not in tables:
            continue
        name = {"api": "nameId", "kernel": "demangledName"}.get(kind, "0")
        more = {"api": "globalTid, 0, 0, 0", "kernel": "0, deviceId, 0, 0", "memset": "0, deviceId, bytes, 0"}
        query = f'SELECT (SELECT value FROM StringIds WHERE id = {name}), start, "end", correlationId,'
        for text, start, end, correlation, thread, device, moved, copied in db.execute(
            f"{query} {more.get(kind, '0, deviceId, bytes, copyKind')} FROM {table}"
        ):
            row = Row(kind, text, start, end, (None, thread), correlation, device, bytes=moved)
            row.copy_kind = COPY_KINDS[copied] if kind == "memcpy" else None
            rows.append(row)
    first, last = [row.start for row in rows], [row.end for row in rows]
    if "PROFILER_OVERHEAD" in tables:
        first += [start for (start,) in db.execute("SELECT start FROM PROFILER_OVERHEAD")]
        last += [end for (end,) in db.execute('SELECT "end" FROM PROFILER_OVERHEAD')]
    db.close()
    return rows, min(first), max(last)


def join(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """The launches, in order, with what each caused; and the GPU work that nothing launched."""
    work = [row for row in rows if row.kind in ("kernel", "memcpy", "memset")]
    orphans = []
    for row in rows:
        row.caused = []
    for activity in work:
        causes = [row for row in rows if row.kind == "api" and row.correlation == activity.correlation]
        assert len(causes) <= 1, "no shared file records a launch twice"
        if causes:
            causes[0].caused.append(activity)
        else:
            orphans.append(activity)
    named = set().union(*SUBMITS.values())
    launches = [row for row in rows if row.kind == "api" and (row.name in named or row.caused)]
    return sorted(launches, key=lambda row: row.start), orphans


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


def sums(rows: list[Row]) -> dict[str, int]:
    return {
        "count": len(rows),
        "bytes": sum(row.bytes for row in rows),
        "total_ns": sum(row.end - row.start for row in rows),
    }


def totals(rows: list[Row]) -> dict[str, Any]:
    """What `totals` must hold, less the count of events and the span."""
    launches, orphans = join(rows)
    of = {kind: [row for row in rows if row.kind == kind] for kind in SUBMITS}
    calls = {kind: [row for row in launches if row.name in SUBMITS[kind]] for kind in SUBMITS} | {"graph": []}
    return {
        "kernels": {
            "count": len(of["kernel"]),
            "total_ns": sums(of["kernel"])["total_ns"],
            "busy_ns": busy(of["kernel"]),
        },
        "gpu_busy_ns": busy([*of["kernel"], *of["memcpy"], *of["memset"]]),
        "memcpy": {
            kind: sums([row for row in of["memcpy"] if row.copy_kind == kind])
            for kind in {str(row.copy_kind) for row in of["memcpy"]}
        },
        "memset": sums(of["memset"]),
        "launches": {
            kind: {
                "calls": len(found),
                "with_gpu_activity": sum(bool(row.caused) for row in found),
                "without_gpu_activity": sum(not row.caused for row in found),
            }
            for kind, found in calls.items()
        },
        "gpu_activities_without_launch": {kind: sum(row.kind == kind for row in orphans) for kind in SUBMITS},
    }


def ranges(rows: list[Row]) -> dict[str, dict[str, int]]:
    """What each range must hold, by its name."""
    launches, _ = join(rows)
    found: dict[str, dict[str, int]] = {}
    for each in (row for row in rows if row.kind == "range"):
        inside = [call for call in launches if call.lane == each.lane and each.start <= call.start < each.end]
        work = [activity for call in inside for activity in call.caused]
        numbers = {
            "instances": 1,
            "host_ns": each.end - each.start,
            "gpu_projection_ns": max(row.end for row in work) - min(row.start for row in work) if work else 0,
            "launches": len(inside),
            "kernels": sum(row.kind == "kernel" for row in work),
            "memcpys": sum(row.kind == "memcpy" for row in work),
            "memsets": sum(row.kind == "memset" for row in work),
            "gpu_ns": sum(row.end - row.start for row in work),
        }
        before = found.get(each.name, {})
        found[each.name] = {key: value + before.get(key, 0) for key, value in numbers.items()}
    return found


def launch_cost(rows: list[Row]) -> dict[tuple[str, str | None], dict[str, Any]]:
    """What each (API call, what it caused) must cost."""
    groups: dict[tuple[str, str | None], list[Row]] = defaultdict(list)
    for call in join(rows)[0]:
        first = call.caused[0] if call.caused else None
        label = None if first is None else f"memcpy {first.copy_kind}" if first.kind == "memcpy" else first.kind
        groups[call.name, label].append(call)
    costs = {}
    for (api, label), calls in groups.items():
        waits = [min(row.start for row in call.caused) - call.end for call in calls if call.caused]
        waits = [wait for wait in waits if wait >= 0]
        costs[api, label] = {
            "count": len(calls),
            "api_total_ns": sum(call.end - call.start for call in calls),
            "api_ns": spread([call.end - call.start for call in calls]),
            "queue_ns": {"count": len(waits)} | spread(waits),
            "gpu_ns": None
            if label is None
            else spread([sum(row.end - row.start for row in call.caused) for call in calls]),
        }
    return costs


def spread(values: list[int]) -> dict[str, int | None]:
    if not values:
        return dict.fromkeys(("median", "mean", "min", "max"))
    return {"median": round(median(values)), "mean": round(mean(values)), "min": min(values), "max": max(values)}
