"""The tables of the analyses, worked out the slow way, from the rows that `plain_analysis` reads: loops, lists and sums.

Nothing of launchlens is used here. A function a table: rows as `analyze --json` prints them, an empty list where there is none.
"""

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from itertools import pairwise
from statistics import median, stdev
from typing import Any

from traces.plain_analysis import WORK, Plain, Row, by_thread, folded, home, submits

Rows = list[dict[str, Any]]


def middle(values: Iterable[int]) -> int | None:
    found = list(values)
    return round(median(found)) if found else None


def by_name(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.name].append(row)
    return found


def launch_of(plain: Plain) -> dict[int, Row]:
    """The call that launched each GPU activity, by the activity's identity."""
    return {id(row): call for call in plain.joined[0] for row in call.caused}


def of_graph(row: Row, call: Row | None) -> bool:
    return row.graph is not None or (call is not None and submits(call) == "graph")


def without_brackets(name: str) -> str:
    """What is left of a name outside of <...> and (...), counted bracket by bracket, less its return type and lambdas."""
    if "<" not in name and "(" not in name:
        return name
    name = name.replace("(anonymous namespace)::", "").replace("->", "")
    name = re.sub(r"\{[^{}]*\}(#\d+)?", "", name)
    kept, depth = "", 0
    for character in name:
        depth += (character in "<(") - (character in ">)")
        if depth == 0 and character not in ">)":
            kept += character
    return kept.strip().removesuffix(" const").split(" ")[-1]


def kernels(plain: Plain) -> Rows:
    launched = launch_of(plain)
    everything = sum(row.length for row in plain.of("kernel"))
    found = []
    for name, rows in by_name(plain.of("kernel")).items():
        lengths = [row.length for row in rows]
        calls = [(row, launched.get(id(row))) for row in rows]
        own = [(row, call) for row, call in calls if call and len(call.caused) == 1 and not of_graph(row, call)]
        found.append(
            {
                "name": name,
                "short_name": without_brackets(name),
                "made_by": compilers(name),
                "count": len(rows),
                "total_ns": sum(lengths),
                "share": sum(lengths) / everything if everything else None,
                "median_ns": middle(lengths),
                "min_ns": min(lengths),
                "max_ns": max(lengths),
                "deviation_ns": round(stdev(lengths)) if len(lengths) > 1 else None,
                "streams": len({(row.device, row.context, row.stream) for row in rows}),
                "launches": len(own),
                "launch_ns": middle(call.length for _, call in own),
                "queue_ns": middle(row.start - call.end for row, call in own if row.start >= call.end),
                "short": sum(row.length < call.length for row, call in own) if own else None,
                "in_graphs": sum(of_graph(row, call) for row, call in calls),
            }
        )
    return sorted(found, key=lambda row: (-row["total_ns"], row["name"]))


def self_times(opened: list[Row]) -> dict[int, int]:
    """How long each of some events of one thread was the innermost, by its identity."""
    total: dict[int, int] = defaultdict(int)
    moments = sorted({moment for row in opened for moment in (row.start, row.end)})
    waiting = sorted(range(len(opened)), key=lambda at: opened[at].start)
    here: list[int] = []
    for moment, after in pairwise(moments):
        here = [at for at in here if opened[at].end > moment]
        while waiting and opened[waiting[0]].start <= moment:
            at = waiting.pop(0)
            here += [at] if opened[at].end > moment else []
        if here:
            inner = max(here, key=lambda at: (opened[at].start, -opened[at].end, at))
            total[id(opened[inner])] += after - moment
    return total


def calls(plain: Plain, opened: list[Row], group: Callable[[Row], Any]) -> dict[Any, dict[str, Any]]:
    """What host events of some kind took, by group: the columns that operators, paths of ranges and modules have in common."""
    of_lane: dict[Any, list[Row]] = defaultdict(list)
    for row in opened:
        of_lane[row.lane].append(row)
    alone = {key: ns for rows in of_lane.values() for key, ns in self_times(rows).items()}
    opened_on = by_thread(opened)
    launched: dict[int, list[Row]] = defaultdict(list)
    for call in plain.joined[0]:
        owner = opened_on[call.lane].at(call.start)
        if owner is not None:
            launched[id(owner)].append(call)
    everything = sum(row.length for row in plain.of(*WORK))
    found: dict[Any, dict[str, Any]] = {}
    for row in opened:
        made = launched[id(row)]
        numbers = {
            "calls": 1,
            "host_ns": row.length,
            "host_self_ns": alone.get(id(row), 0),
            "launches": len(made),
            "gpu_ns": sum(each.length for call in made for each in call.caused),
        }
        before = found.get(group(row), {})
        found[group(row)] = {key: value + before.get(key, 0) for key, value in numbers.items()}
    for each in found.values():
        each["share"] = each["gpu_ns"] / everything if everything else None
    return found


def compilers(name: str) -> str | None:
    return "torch.compile" if name.startswith(("Torch-Compiled", "triton_")) else None


def operators(plain: Plain) -> Rows:
    linked = any(plain.backward.values())
    ops = by_thread(plain.of("op"))
    brought: dict[str, list[Row]] = defaultdict(list)
    for call in plain.joined[0] if linked else []:
        forward = home(plain, call)
        if forward is not None:
            op = ops[forward.lane].at(forward.start)
            assert op is not None
            brought[op.name].append(call)
    found = [
        {"name": name, "shapes": None, "made_by": compilers(name)}
        | row
        | {
            "backward_launches": len(brought[name]) if linked else None,
            "backward_gpu_ns": sum(each.length for call in brought[name] for each in call.caused) if linked else None,
        }
        for name, row in calls(plain, plain.of("op"), lambda row: row.name).items()
    ]
    return sorted(found, key=lambda row: (-row["gpu_ns"], -row["host_self_ns"], row["name"]))


def range_paths(plain: Plain) -> Rows:
    """Ranges under those that they lie in; what only overlaps is in none of the files here."""
    ranges, called = plain.of("range"), folded(plain)
    place_of = {id(row): place for place, row in enumerate(ranges)}
    of_lane: dict[Any, list[tuple[int, Row]]] = defaultdict(list)
    for place, row in enumerate(ranges):
        of_lane[row.lane].append((place, row))

    def path(row: Row) -> tuple[str, ...]:
        # the outermost first; one of the same times lies in another one that the file names earlier
        at = place_of[id(row)]
        around = [
            (other.start, -other.end, place, called[other.name])
            for place, other in of_lane[row.lane]
            if other is not row and other.start <= row.start and row.end <= other.end
            and ((other.start, other.end) != (row.start, row.end) or place < at)
        ]  # fmt: skip
        return (*(name for *_, name in sorted(around)), called[row.name])

    found = [
        {"name": " > ".join(names), "depth": len(names) - 1} | row for names, row in calls(plain, ranges, path).items()
    ]
    return sorted(found, key=lambda row: (-row["gpu_ns"], -row["host_self_ns"], row["name"]))


ELEMENT = {"Float": 4, "BFloat16": 2, "Int": 4, "Long": 8, "Byte": 1}


def communication(plain: Plain) -> Rows:
    collectives = [row for row in plain.of("kernel") if row.name.startswith("nccl")]
    others = [row for row in plain.of("kernel") if not row.name.startswith("nccl")]
    everything = sum(row.length for row in plain.of("kernel"))
    launched = launch_of(plain)
    said: dict[int, dict[str, Any]] = {}
    ops = by_thread(plain.of("op"))
    for row in collectives:
        call = launched.get(id(row))
        op = call and ops[call.lane].at(call.start)
        said[id(row)] = row.args if "Collective name" in row.args else op.args if op else {}
    beside = {
        device: merged(other for other in others if other.device == device)
        for device in {row.device for row in collectives}
    }
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in collectives:
        args = said[id(row)]
        assert "AllReduce" in row.name and args.get("Collective name", "allreduce") == "allreduce"
        groups[args.get("dtype"), args.get("Group size")].append(row)
    found = []
    for (dtype, ranks), rows in groups.items():
        told = [row for row in rows if "In msg nelems" in said[id(row)]]
        carried = sum(said[id(row)]["In msg nelems"] * ELEMENT[dtype] for row in told)
        total = sum(row.length for row in rows)
        rate = carried / sum(row.length for row in told) if told else None
        hidden = sum(
            max(0, min(row.end, end) - max(row.start, start)) for row in rows for start, end in beside[row.device]
        )
        found.append(
            {
                "name": "all_reduce",
                "dtype": dtype,
                "ranks": ranks,
                "count": len(rows),
                "bytes": carried if told else None,
                "total_ns": total,
                "share": total / everything,
                "median_ns": middle(row.length for row in rows),
                "algorithm_gb_s": rate,
                "bus_gb_s": None if rate is None or ranks is None else rate * 2 * (ranks - 1) / ranks,
                "exposed_ns": total - hidden,
                "overlapped_ns": hidden,
            }
        )
    return sorted(found, key=lambda row: -row["total_ns"])


def memory(plain: Plain) -> Rows:
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in sorted(plain.memory, key=lambda sample: sample["ns"]):
        groups["cpu" if each["Device Type"] == 0 else str(each["Device Id"])].append(each)
    begin = min(row.start for row in plain.rows)
    found = []
    for device, samples in sorted(groups.items()):
        peak = max(each["Total Allocated"] for each in samples)
        up = [each["Bytes"] for each in samples if each["Bytes"] > 0]
        reserved = [each["Total Reserved"] for each in samples if each["Total Reserved"]]
        found.append(
            {
                "device": device,
                "allocations": len(up),
                "releases": sum(each["Bytes"] < 0 for each in samples),
                "allocated_bytes": sum(up),
                "peak_bytes": peak,
                "peak_ns": next(each["ns"] for each in samples if each["Total Allocated"] == peak) - begin,
                "peak_reserved_bytes": max(reserved, default=None),
                "last_bytes": samples[-1]["Total Allocated"],
            }
        )
    return found


def own_calls(plain: Plain, rows: list[Row]) -> list[tuple[Row, Row]]:
    """Activities with the call that launched them alone, and no graph."""
    launched = launch_of(plain)
    found = [(row, launched[id(row)]) for row in rows if id(row) in launched]
    return [(row, call) for row, call in found if len(call.caused) == 1 and not of_graph(row, call)]


def copies(plain: Plain) -> Rows:
    everything = plain.of("memcpy")
    classes = ("under 64 KiB", "64 KiB to 1 MiB", "1 to 16 MiB", "16 MiB and more")

    def memory(row: Row) -> str | None:
        found = re.search(r"\((.*->.*)\)", row.name)
        return found[1] if found else None

    def size_class(row: Row) -> str | None:
        if row.bytes is None:
            return None
        return classes[sum(row.bytes >= end for end in (65536, 1048576, 16777216))]

    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in everything:
        groups[row.copy_kind, size_class(row), memory(row)].append(row)
    found = []
    for (kind, size, kept), rows in groups.items():
        told = [row for row in rows if row.bytes is not None]
        large = [
            row.bytes / row.length
            for row in everything
            if row.copy_kind == kind and memory(row) == kept and row.bytes and row.bytes >= 1 << 20
        ]
        total = sum(row.length for row in rows)
        rate = sum(row.bytes or 0 for row in told) / sum(row.length for row in told) if told else None
        of_link = [row for row in everything if row.copy_kind == kind != "DtoD" and row.bytes and row.bytes >= 1 << 20]
        link = max((row.bytes / row.length for row in of_link if row.bytes), default=None)
        limits = {plain.memory_bandwidths.get(row.device, 0) for row in rows} if kind == "DtoD" else {0}
        most = limits.pop() / 2e9 or None if len(limits) == 1 else None
        found.append(
            {
                "kind": kind,
                "size_class": size,
                "memory": kept,
                "pageable": None if kept is None else "Pageable" in kept,
                "count": len(rows),
                "bytes": sum(row.bytes or 0 for row in told) if told else None,
                "total_ns": total,
                "share": total / sum(row.length for row in everything),
                "median_ns": middle(row.length for row in rows),
                "bandwidth_gb_s": rate,
                "seen_gb_s": max(large, default=None),
                "share_of_seen": rate / max(large) if large and rate is not None else None,
                "limit_gb_s": most,
                "share_of_limit": None if most is None or rate is None else rate / most,
                "link_at_least_gb_s": link,
                "share_of_link": None if link is None or rate is None else rate / link,
                "call_ns": middle(call.length for _, call in own_calls(plain, rows)),
            }
        )
    return sorted(
        found,
        key=lambda row: (
            -row["total_ns"],
            row["kind"],
            -1 if row["size_class"] is None else classes.index(row["size_class"]),
        ),
    )


def merged(rows: Iterable[Row]) -> list[tuple[int, int]]:
    """When at least one of some events is open."""
    return union((row.start, row.end) for row in rows)


def union(intervals: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The union of intervals."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def depths(sets: list[list[tuple[int, int]]]) -> list[tuple[int, int, int]]:
    """From moment to moment, of how many sets an interval is open."""
    changes: dict[int, int] = defaultdict(int)
    for each in sets:
        for start, end in each:
            changes[start] += 1
            changes[end] -= 1
    moments, found, now = sorted(changes), [], 0
    for moment, after in pairwise(moments):
        now += changes[moment]
        found.append((moment, after, now))
    return found


def by_stream(plain: Plain) -> dict[int | None, dict[Any, list[Row]]]:
    found: dict[int | None, dict[Any, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in plain.of(*WORK):
        found[row.device][row.context, row.stream].append(row)
    return found


def text(value: int | None) -> str | None:
    return None if value is None else str(value)


def before(intervals: list[tuple[int, int]], moment: int) -> int:
    """The end of the last of some intervals, which are in order and apart, that begins by a moment; it may lie before that."""
    at = bisect_right(intervals, moment, key=lambda each: each[0])
    return intervals[at - 1][1] if at else -(10**30)


def streams(plain: Plain) -> Rows:
    found = []
    for device, mine in by_stream(plain).items():
        whole = sum(end - start for start, end in merged(row for rows in mine.values() for row in rows))
        alone = [(start, end) for start, end, depth in depths([merged(rows) for rows in mine.values()]) if depth == 1]
        for (context, stream), rows in mine.items():
            open_at = merged(rows)
            busy = sum(end - start for start, end in open_at)
            found.append(
                {
                    "device": text(device),
                    "context": text(context),
                    "stream": text(stream),
                    "activities": len(rows),
                    "kernels": sum(row.kind == "kernel" for row in rows),
                    "busy_ns": busy,
                    "share": busy / whole if whole else None,
                    "alone_ns": sum(end - start for start, end in alone if end <= before(open_at, start)),
                }
            )
    return sorted(found, key=lambda row: -row["busy_ns"])


def concurrency(plain: Plain) -> Rows:
    found = []
    for device, mine in sorted(by_stream(plain).items(), key=lambda item: -1 if item[0] is None else item[0]):
        spent: dict[int, int] = defaultdict(int)
        for start, end, depth in depths([merged(rows) for rows in mine.values()]):
            spent[depth] += end - start
        whole = sum(spent.values())
        found += [
            {"device": text(device), "streams": depth, "total_ns": ns, "share": ns / whole}
            for depth, ns in sorted(spent.items())
            if ns
        ]
    return found


def graphs(plain: Plain) -> Rows:
    groups: dict[Any, list[Row]] = defaultdict(list)
    for call in plain.joined[0]:
        if submits(call) == "graph":
            ids = [row.graph for row in call.caused if row.graph is not None]
            ran = Counter((row.kind, row.name) for row in call.caused)
            groups[ids[0] if ids else None, tuple(sorted(ran.items()))].append(call)
    found = []
    for (graph, _), mine in groups.items():
        first = mine[0]
        known = bool(first.caused) and not any(row.kind == "graph" for row in first.caused)
        worked = [call for call in mine if call.caused]
        queues = [min(row.start for row in call.caused) - call.end for call in worked]
        spent: dict[str, int] = defaultdict(int)
        for row in first.caused:
            spent[row.name] += row.length if row.kind == "kernel" else 0
        kernels_of = {row.name for row in first.caused if row.kind == "kernel"}
        longest = min(kernels_of, key=lambda name: (-spent[name], name), default=None)
        call_ns = middle(call.length for call in mine) or 0
        found.append(
            {
                "graph": text(graph),
                "replays": len(mine),
                "nodes": len(first.caused) if known else None,
                **{
                    f"{kind}s": sum(row.kind == kind for row in first.caused) if known else None
                    for kind in ("kernel", "memcpy", "memset")
                },
                "launch_ns": call_ns,
                "launch_per_node_ns": call_ns / len(first.caused) if known else None,
                "queue_ns": middle(each for each in queues if each >= 0),
                "gpu_ns": middle(sum(row.length for row in call.caused) for call in worked),
                "span_ns": middle(
                    max(row.end for row in call.caused) - min(row.start for row in call.caused) for call in worked
                ),
                "mostly": None if longest is None else without_brackets(longest),
            }
        )
    return sorted(found, key=lambda row: -row["replays"] * row["launch_ns"])


def latency(plain: Plain) -> Rows:
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for call in plain.joined[0]:
        first = call.caused[0] if call.caused else None
        label = "" if first is None else f"memcpy {first.copy_kind}" if first.kind == "memcpy" else first.kind
        groups[call.name, "graph" if first is not None and submits(call) == "graph" else label].append(call)
    found = []
    for (api, activity), mine in groups.items():
        starts = [(call, min(row.start for row in call.caused)) for call in mine if call.caused]
        queues = [start - call.end for call, start in starts if start >= call.end]
        latencies = [start - call.start for call, start in starts if start >= call.start]
        found.append(
            {
                "api": api,
                "activity": activity or None,
                "calls": len(mine),
                "api_total_ns": sum(call.length for call in mine),
                "api_ns": middle(call.length for call in mine),
                "queued": len(queues),
                "queue_ns": middle(queues),
                "latency_ns": middle(latencies),
                "latency_max_ns": max(latencies, default=None),
            }
        )
    return sorted(found, key=lambda row: (-row["api_total_ns"], row["api"], row["activity"] or ""))


def launch_queue(plain: Plain) -> Rows:
    waiting = [(call, max(call.end, min(row.start for row in call.caused))) for call in plain.joined[0] if call.caused]
    if not waiting:
        return []
    bounds = {"0": 0, "1": 1, "2 to 9": 9, "10 to 99": 99, "100 to 999": 999}

    def size(count: int) -> str:
        return next((name for name, most in bounds.items() if count <= most), "1000 and more")

    spent: dict[str, int] = defaultdict(int)
    moments = sorted({moment for call, begins in waiting for moment in (call.start, call.end, begins)})
    ends, starts = sorted(call.end for call, _ in waiting), sorted(begins for _, begins in waiting)

    def in_flight(moment: int) -> int:
        return bisect_right(ends, moment) - bisect_right(starts, moment)

    for moment, after in pairwise(moments):
        spent[size(in_flight(moment))] += after - moment
    usual = median(call.length for call, _ in waiting)
    made: dict[str, list[int]] = defaultdict(list)
    for call, _ in waiting:
        made[size(in_flight(call.start))].append(call.length)
    whole = sum(spent.values())
    found = []
    for name in [*bounds, "1000 and more"]:
        late = [length for length in made[name] if length >= max(10 * usual, 1)]
        if spent[name] or made[name]:
            found.append(
                {
                    "in_flight": name,
                    "total_ns": spent[name],
                    "share": spent[name] / whole if whole else None,
                    "launches": len(made[name]),
                    "call_ns": middle(made[name]),
                    "held_up": len(late),
                    "blocked_ns": sum(round(length - usual) for length in late),
                }
            )
    return found


def overhead(plain: Plain) -> Rows:
    span = max(row.end for row in plain.rows) - min(row.start for row in plain.rows)
    found = []
    for name, rows in by_name(plain.of("overhead")).items():
        lengths = [row.length for row in rows]
        found.append(
            {
                "name": name,
                "count": len(rows),
                "total_ns": sum(lengths),
                "median_ns": middle(lengths),
                "max_ns": max(lengths),
                "share": sum(lengths) / span,
            }
        )
    return sorted(found, key=lambda row: (-row["total_ns"], row["name"]))


#: Every table that is held to this oracle.
TABLES: dict[str, Callable[[Plain], Rows]] = {
    "kernels": kernels,
    "operators": operators,
    "range_paths": range_paths,
    "communication": communication,
    "copies": copies,
    "streams": streams,
    "concurrency": concurrency,
    "graphs": graphs,
    "latency": latency,
    "launch_queue": launch_queue,
    "memory": memory,
    "overhead": overhead,
}


def tables(plain: Plain) -> dict[str, list[list[Any]]]:
    """The tables that a trace has, by name: the names of its columns, and below them its rows."""
    found = {name: make(plain) for name, make in TABLES.items()}
    return {name: [list(rows[0]), *(list(row.values()) for row in rows)] for name, rows in found.items() if rows}
