"""The tables of the analyses, worked out the slow way, from the rows that `plain_analysis` reads: loops, lists and sums.

Nothing of launchlens is used here. A function a table: rows as `analyze --json` prints them, an empty list where there is none.
"""

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from statistics import median, stdev
from typing import Any

from traces.plain_analysis import WORK, Plain, Row, submits

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


def innermost(opened: list[Row], moment: int) -> Row | None:
    """Of some events of one thread the innermost at a moment: opened last, of several the shortest, of equals the later one."""
    here = [(row.start, -row.end, at) for at, row in enumerate(opened) if row.start <= moment < row.end]
    return opened[max(here)[2]] if here else None


def self_times(opened: list[Row]) -> dict[int, int]:
    """How long each of some events of one thread was the innermost, by its identity."""
    total: dict[int, int] = defaultdict(int)
    moments = sorted({moment for row in opened for moment in (row.start, row.end)})
    waiting = sorted(range(len(opened)), key=lambda at: opened[at].start)
    here: list[int] = []
    for moment, after in itertools.pairwise(moments):
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
    launched: dict[int, list[Row]] = defaultdict(list)
    for call in plain.joined[0]:
        owner = innermost(of_lane[call.lane], call.start)
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


def operators(plain: Plain) -> Rows:
    found = [{"name": name} | row for name, row in calls(plain, plain.of("op"), lambda row: row.name).items()]
    return sorted(found, key=lambda row: (-row["gpu_ns"], -row["host_self_ns"], row["name"]))


#: Every table that is held to this oracle.
TABLES: dict[str, Callable[[Plain], Rows]] = {
    "kernels": kernels,
    "operators": operators,
}


def tables(plain: Plain) -> dict[str, list[list[Any]]]:
    """The tables that a trace has, by name: the names of its columns, and below them its rows."""
    found = {name: make(plain) for name, make in TABLES.items()}
    return {name: [list(rows[0]), *(list(row.values()) for row in rows)] for name, rows in found.items() if rows}
