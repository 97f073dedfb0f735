"""Steps, gaps and what limits a program, worked out the slow way from the rows that `plain_analysis` reads.

Written from docs/advice.md and docs/definitions.md alone; nothing of launchlens is used. The host is walked moment by moment, each gap
is cut by hand. What ranges and ops say of data or of collectives is told by lists of the names that the files have.
"""

import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import median
from typing import Any

from traces.plain_analysis import HOST, STATES, WAITS, WORK, Opened, Plain, Row, by_thread, host_intervals, most
from traces.plain_tables import before, launch_of, merged, union

#: What the largest of a step's shares may be, with the causes of idle time that are put down to each.
BOUNDS = {
    "host": ("host-python", "host-dispatch", "host-launch", "host-api", "data", "allocation", "launch-latency"),
    "sync": ("sync",),
    "communication": ("communication",),
    "copies": ("copy",),
    "gpu": ("dependency",),
    "unknown": ("not-recorded", "unknown"),
}
#: Whose thread speaks for the process: the first of these that one is in. A profiler's own work is nobody's.
SPEAKS = ("launch", "dispatch", "api", "sync", "python", "profiler")
CAUSE = {
    "launch": "host-launch",
    "dispatch": "host-dispatch",
    "api": "host-api",
    "sync": "sync",
    "python": "host-python",
    "profiler": "unknown",
    "not-recorded": "not-recorded",
}
#: Names in the files at hand that are about getting data, about collectives, and about memory.
DATA = {
    "data",
    "enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__",
    "## train_loader ##",
    "batch",
    "load",
    "next_batch",
}
COLLECTIVES = re.compile("nccl|c10d|all_reduce|allreduce|all_gather|reduce_scatter", re.IGNORECASE)
MEMORY = {"cudaMalloc", "cudaFree", "cudaHostAlloc", "cudaFreeHost", "cudaMallocHost", "cuMemAlloc_v2", "cuMemFree_v2"}
MEMORY |= {
    "cudaMalloc_v3020",
    "cudaFree_v3020",
    "cudaMallocHost_v3020",
    "cudaHostAlloc_v3020",
    "cudaFreeHost_v3020",
    "hipMalloc",
}
MEMORY |= {
    "hipFree",
    "cuMemHostAlloc",
    "cuMemAllocManaged",
    "cuMemAllocHost_v2",
    "cuMemCreate",
    "cuMemRelease",
    "cuMemMap",
    "cuMemUnmap",
    "cuMemAddressReserve",
}
BLOCKING_COPIES = {"cudaMemcpy_v3020", "cudaMemcpy", "hipMemcpyWithStream", "cuMemcpyHtoD_v2", "cuMemcpyDtoH_v2"}
BLOCKING_COPIES |= {"cuMemcpyDtoD_v2", "hipMemcpy"}
#: How ranges begin in the files at hand that a framework opens, and not the program's author.
FRAMEWORKS = (
    "ProfilerStep#",
    "Optimizer.",
    "nccl:",
    "enumerate(DataLoader)",
    "## ",
    "DistributedDataParallel.",
    "aten::",
)
#: Work that starts so long after its call returned waited for other work.
LONG_BEFORE_NS = 20_000


@dataclass
class Piece:
    """A time in which the process is in one state, with the innermost event; none where nothing is open."""

    start: int
    end: int
    state: str
    row: Row | None
    cause: str = ""


@dataclass
class Step:
    name: str
    opens: int
    closes: int
    start: int
    done: int
    launches: int


@dataclass
class Gap:
    start: int
    end: int
    parts: Counter[str]

    @property
    def length(self) -> int:
        return self.end - self.start

    def cause(self, order: tuple[str, ...]) -> str:
        """That of its largest part; of equals the first in the order of the causes."""
        return max(order, key=lambda each: (self.parts[each], -order.index(each)))


class Host:
    """What the launching process does, moment by moment."""

    def __init__(self, plain: Plain) -> None:
        self.plain = plain
        launches, _ = plain.joined
        self.process = most(call.process for call in launches)
        lanes = {row.lane for row in plain.rows if row.kind in STATES and row.process == self.process}
        of_threads, frames = [], []
        for lane in sorted(lanes, key=str):
            rows = sorted(
                (row for row in plain.rows if row.kind in STATES and row.lane == lane), key=lambda row: row.start
            )
            told = [(row, state) for row, (_, _, state) in zip(rows, host_intervals(plain, lane), strict=True)]
            # a thread that never launches, dispatches or runs a range only watches
            if any(state in ("python", "dispatch", "launch") for _, state in told):
                of_threads.append(self._of_thread([each for each in told if each[0].length > 0]))
                frames += plain.frames.get(lane, [])
        self.pieces = self._together(of_threads, [(start, end) for start, end, _ in frames])
        self.starts = [piece.start for piece in self.pieces]
        self._name_causes()

    @staticmethod
    def _of_thread(told: list[tuple[Row, str]]) -> list[Piece]:
        """A thread's own: the innermost is what was opened last, of several the shortest."""
        changes: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for at, (row, _) in enumerate(told):
            changes[row.start].append((1, at))
            changes[row.end].append((-1, at))
        inner = [(row.start, -row.end, HOST.index(state)) for row, state in told]
        is_open: set[int] = set()
        found = []
        for moment, after in pairwise(sorted(changes)):
            for step, at in changes[moment]:
                (is_open.add if step > 0 else is_open.discard)(at)
            if is_open:
                at = max(is_open, key=inner.__getitem__)
                found.append(Piece(moment, after, told[at][1], told[at][0]))
        return found

    @staticmethod
    def _together(of_threads: list[list[Piece]], frames: list[tuple[int, int]]) -> list[Piece]:
        """All threads in one; where nothing else is open, an open frame of Python's stack says Python."""
        own = {moment for pieces in of_threads for piece in pieces for moment in (piece.start, piece.end)}
        moments = sorted(own | {moment for frame in frames for moment in frame})
        with_frames = union(frames)
        at = [0] * len(of_threads)
        found = []
        for moment, after in pairwise(moments):
            state, row = "not-recorded", None
            for thread, pieces in enumerate(of_threads):
                while at[thread] < len(pieces) and pieces[at[thread]].end <= moment:
                    at[thread] += 1
                if at[thread] == len(pieces) or pieces[at[thread]].start > moment:
                    continue
                mine = pieces[at[thread]]
                if mine.state in SPEAKS and (state not in SPEAKS or SPEAKS.index(mine.state) < SPEAKS.index(state)):
                    state, row = mine.state, mine.row
            if state not in SPEAKS and before(with_frames, moment) > moment:
                state = "python"
            found.append(Piece(moment, after, state, row))
        return found

    def _name_causes(self) -> None:
        """What idle time of the device in each piece is put down to."""
        ranges = sorted(
            (row for row in self.plain.of("range") if row.process == self.process and row.length),
            key=lambda row: row.start,
        )
        open_now: list[Row] = []
        at = 0
        for piece in self.pieces:
            while at < len(ranges) and ranges[at].start <= piece.start:
                open_now.append(ranges[at])
                at += 1
            open_now = [row for row in open_now if row.end > piece.start]
            around = max(open_now, key=lambda row: (row.start, -row.end), default=None)
            piece.cause = CAUSE[piece.state]
            if piece.row is not None and piece.row.name in MEMORY and piece.state in ("api", "sync"):
                piece.cause = "allocation"
            loads = around is not None and around.name in DATA
            loads |= piece.row is not None and piece.row.name.startswith("enumerate(DataLoader)")
            if loads and piece.state in ("python", "not-recorded", "dispatch"):
                piece.cause = "data"
            names = [row.name for row in (around, piece.row) if row is not None]
            if piece.state == "sync" and any(COLLECTIVES.search(name) for name in names):
                piece.cause = "communication"

    def at(self, moment: int) -> Piece | None:
        place = bisect_right(self.starts, moment) - 1
        return self.pieces[place] if place >= 0 and moment < self.pieces[place].end else None

    def spent(self, start: int, end: int) -> Counter[str]:
        """The time from one moment to another by the cause that it would be."""
        found: Counter[str] = Counter()
        for piece in self.pieces[max(bisect_right(self.starts, start) - 1, 0) : bisect_left(self.starts, end)]:
            found[piece.cause] += max(0, min(piece.end, end) - max(piece.start, start))
        found["not-recorded"] += end - start - found.total()
        return found


class Steps:
    """A trace seen as steps, of the device that does most of what the process launches."""

    def __init__(self, plain: Plain, pattern: str = r"ProfilerStep#\d+") -> None:
        self.plain, self.host = plain, Host(plain)
        launches, _ = plain.joined
        self.device = most(row.device for call in launches if call.process == self.host.process for row in call.caused)
        self.work = sorted((row for row in plain.of(*WORK) if row.device == self.device), key=lambda row: row.start)
        self.starts = [row.start for row in self.work]
        self.by_end = sorted(self.work, key=lambda row: row.end)
        self.ends = [row.end for row in self.by_end]
        self.worked = merged(self.work)
        self.steps = self._steps(pattern)

    def _steps(self, pattern: str) -> list[Step]:
        """They tile: one begins where the one before was done, which is when its host or the last of its work ended."""
        mine = [
            row
            for row in self.plain.of("range")
            if row.process == self.host.process and re.fullmatch(pattern, row.name)
        ]
        if not mine:
            return []
        lane = most(row.lane for row in mine)
        ranges: list[Row] = []
        for row in sorted(
            (row for row in mine if row.lane == lane and row.length), key=lambda row: (row.start, -row.end)
        ):
            if not ranges or row.start >= ranges[-1].end:
                ranges.append(row)
        found: list[Step] = []
        calls = [call for call in self.plain.joined[0] if call.process == self.host.process]
        for at, row in enumerate(ranges):
            until = ranges[at + 1].start if at + 1 < len(ranges) else row.end
            own = [call for call in calls if row.start <= call.start < until]
            done = max([row.end, *(each.end for call in own for each in call.caused)])
            begin = found[-1].done if found else row.start
            found.append(Step(row.name, row.start, row.end, begin, max(done, begin), len(own)))
        return found

    @cached_property
    def window(self) -> tuple[int, int]:
        return self.steps[0].start, self.steps[-1].done

    def gaps(self, low: int, high: int) -> list[Gap]:
        """When the device had nothing to do from one moment to another, and what for."""
        busy = [(max(start, low), min(end, high)) for start, end in self.worked if end > low and start < high]
        edges = [low, *(moment for each in busy for moment in each), high]
        return [self._gap(left, right) for left, right in zip(edges[::2], edges[1::2], strict=True) if left < right]

    def _gap(self, left: int, right: int) -> Gap:
        at = bisect_left(self.starts, right)
        after = self.work[at] if at < len(self.work) and self.starts[at] == right else None
        call = self._launched.get(id(after)) if after is not None else None
        if after is not None and call is None:
            return Gap(left, right, Counter({"unknown": right - left}))
        parts: Counter[str] = Counter()
        began, back = (call.start, call.end) if call else (right, right)
        here = self.host.at(left)
        so_far = left
        if here is not None and here.state == "sync" and here.row is not None and not (call and back <= left):
            # the host had been ahead by as long as it had waited
            so_far = min(left + max(left - here.row.start, here.row.end - left), right)
            parts[here.cause] += so_far - left
        until = min(max(began, so_far), right)
        parts.update(self.host.spent(so_far, until))
        returned = min(max(back, until), right)
        parts["copy" if call and call.name in BLOCKING_COPIES else "host-launch"] += returned - until
        ended = bisect_right(self.ends, left)
        last = self.by_end[bisect_left(self.ends, self.ends[ended - 1])] if ended else None
        same = call is not None and last is not None and self._launched.get(id(last)) is call
        long_before = call is not None and (same or back + LONG_BEFORE_NS < right)
        parts["dependency" if long_before else "launch-latency"] += right - returned
        return Gap(left, right, +parts)

    @cached_property
    def _launched(self) -> dict[int, Row]:
        return launch_of(self.plain)

    def syncs(self, low: int, high: int) -> list[list[Any]]:
        """The calls that wait in a window by call, ops, range and line of Python: how many, how long, and how long the device idled then."""
        plain, process = self.plain, self.host.process
        waits = sorted(
            (
                row
                for row in plain.of("api")
                if row.process == process and low <= row.start < high and row.name in WAITS | BLOCKING_COPIES
            ),
            key=lambda row: row.start,
        )
        authors = [row for row in plain.of("range") if row.process == process and row.length]
        authors = [row for row in authors if not row.name.startswith(FRAMEWORKS)]
        placed = Opened(authors)
        ops_of: dict[Any, list[Row]] = defaultdict(list)
        for row in plain.of("op"):
            ops_of[row.lane].append(row)
        inner_ops = by_thread(plain.of("op"))
        lines = {
            lane: Opened(row for row in frames if re.search(r"\.py\(\d+\): ", row.name))
            for lane, frames in plain.stack.items()
        }
        gaps = self.gaps(low, high)
        groups: dict[tuple[str | None, ...], list[tuple[int, int]]] = defaultdict(list)
        for number, wait in enumerate(waits):
            ops = [row for row in ops_of[wait.lane] if row.start <= wait.start < row.end]
            outer = min(ops, key=lambda row: (row.start, -row.end), default=None)
            inner, place = inner_ops[wait.lane].at(wait.start), placed.at(wait.start)
            frame = lines[wait.lane].at(wait.start) if wait.lane in lines else None
            line = None if frame is None else frame.name.rpartition("/")[2]
            after = next((gap for gap in gaps if gap.start <= wait.end < gap.end), None)
            idle = 0
            if after is not None:
                until = min([after.end, *(each.start for each in waits[number + 1 : number + 2])])
                idle = max(until - max(after.start, wait.start), 0)
            key = (wait.name, *(None if row is None else row.name for row in (outer, inner, place)), line)
            groups[key].append((wait.length, idle))
        return [
            [
                *key,
                len(each),
                sum(length for length, _ in each),
                round(median(length for length, _ in each)),
                max(length for length, _ in each),
                sum(idle for _, idle in each),
            ]
            for key, each in groups.items()
        ]

    def busy(self, low: int, high: int) -> int:
        return sum(max(0, min(end, high) - max(start, low)) for start, end in self.worked)

    def alone(self, chosen: list[Row], low: int, high: int) -> int:
        """How long some work ran and no other did."""
        mine = {id(row) for row in chosen}
        others = merged(row for row in self.work if id(row) not in mine) if mine else self.worked

        def within(intervals: list[tuple[int, int]]) -> int:
            return sum(max(0, min(end, high) - max(start, low)) for start, end in intervals)

        return within(self.worked) - within(others)

    @property
    def collectives(self) -> list[Row]:
        return [row for row in self.work if row.kind == "kernel" and row.name.startswith("nccl")]

    @property
    def copies(self) -> list[Row]:
        return [row for row in self.work if row.copy_kind in ("HtoD", "DtoH")]

    def shares(self) -> dict[str, float]:
        """What the time of the steps is put down to: of three or more without the first."""
        low = self.steps[1].start if len(self.steps) > 2 else self.steps[0].start
        high = self.steps[-1].done
        by_part: Counter[str] = Counter()
        for gap in self.gaps(low, high):
            by_part.update(gap.parts)
        found = {bound: sum(by_part[cause] for cause in causes) for bound, causes in BOUNDS.items()}
        found["communication"] += self.alone(self.collectives, low, high)
        found["copies"] += self.alone(self.copies, low, high)
        found["gpu"] = high - low - sum(ns for bound, ns in found.items() if bound != "gpu")
        return {bound: ns / (high - low) for bound, ns in found.items()}
