"""What changes would save, worked out the slow way: the steps played again event by event, from the rows that `plain_analysis` reads.

Written from docs/advice.md ("The replay, exactly" and "The changes, exactly"); nothing of launchlens is used. Numbers are those that `doctor --json` lists.
"""

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median

from traces.plain_analysis import WAITS, Row
from traces.plain_steps import BLOCKING_COPIES, FRAMEWORKS, MEMORY, Step, Steps
from traces.plain_tables import launch_of

LEAST_STRETCH, MOST_STRETCH, STRETCHED_NS = 1.3, 3.1, 20_000
MOST_STEPS, MOST_WORK = 8, 12_000
SOON_NS, USUAL_LATENCY_NS, USUAL_BETWEEN_NS = 12_000, 6_000, 1_000
LONG_ALLOCATION_NS = 10_000
STALL_NS, READ_BYTES, FEWEST = 100_000, 4_096, 8
GRAPH_NS, NODE_NS, BETWEEN_LEAST_NS, BETWEEN_MOST_NS = 15_000, 200, 300, 1_000
BATCHED_SHARE, FLOOR_NS, REPEATED, FOR_EACH, SAME = 1 / 3, 1_000, 0.8, 0.3, 0.8

READS = {"item", "_local_scalar_dense", "is_nonzero", "equal", "allclose", "to", "_to_copy", "copy_", "cpu"}
_SUMS_UP = (
    "norm sum mean max min amax amin argmax argmin std var median isnan isinf isfinite any all abs count_nonzero nansum nanmean "
    "eq ne gt lt ge le logical_and logical_or logical_not pow square sqrt div mul sub add rsub stack cat detach to _to_copy float "
    "double clone view reshape flatten squeeze unsqueeze _foreach_norm linalg_norm linalg_vector_norm vector_norm"
)
SUMS_UP = set(_SUMS_UP.split())
SIZED = {"nonzero", "masked_select", "_unique", "_unique2", "unique_dim", "unique_consecutive", "repeat_interleave"}
_BATCHED = (
    "abs acos add addcdiv addcmul asin atan ceil clamp clamp_max clamp_min copy cos cosh div erf erfc exp expm1 fill floor frac lerp "
    "lgamma log log10 log1p log2 max maximum minimum mul neg norm linalg_vector_norm pow reciprocal round rsqrt sigmoid sign sin "
    "sinh sqrt sub tan tanh trunc zero square where bernoulli clone zeros_like _to_copy to"
)
BATCHED = set(_BATCHED.split())
FOR_ITSELF = {"norm", "linalg_vector_norm", "max", "clone", "zeros_like", "to", "_to_copy"}

Span = tuple[int, int, float]


def aten(row: Row | None, names: set[str]) -> bool:
    return row is not None and row.name.startswith("aten::") and row.name.removeprefix("aten::") in names


def sums_up(row: Row) -> bool:
    return aten(row, SUMS_UP) or row.name == "detach"


@dataclass
class Made:
    """What is otherwise: spans of host time of which a share stays, in lists that each count a moment once; host time that is put in."""

    gone: list[list[Span]] = field(default_factory=list)
    added: list[tuple[int, int]] = field(default_factory=list)
    dropped: set[int] = field(default_factory=set)
    unwaited: set[int] = field(default_factory=set)
    took: dict[int, float] = field(default_factory=dict)
    close: set[int] = field(default_factory=set)
    close_ns: int = 0


@dataclass
class Work:
    """GPU work as it is replayed: by what it was held up, and how long after that it began."""

    row: Row
    call: Row
    stream: tuple[int | None, int | None]
    latency: float = 0.0
    after: float = 0.0
    waits_for: "Work | None" = None
    waits_more: float = 0.0

    @property
    def key(self) -> int:
        return id(self.row)


class PlainReplay:
    """Some steps in a row of a trace."""

    def __init__(self, seen: Steps) -> None:
        self.seen, self.plain, self.host = seen, seen.plain, seen.host
        self.steps = self._usual()
        self.low, self.high = self.steps[0].opens, self.steps[-1].closes
        self._cut()
        self._take_work()
        self._take_waits()
        self._look_around()

    def _usual(self) -> list[Step]:
        steps = self.seen.steps
        begin = 1 if len(steps) > 2 else 0
        count = min(MOST_STEPS, len(steps) - begin)
        while count > 2 and sum(step.launches for step in steps[begin : begin + count]) > MOST_WORK:
            count -= 1
        usual = median(step.done - step.start for step in steps[begin:])
        off = [abs(step.done - step.start - usual) for step in steps]
        first = min(range(begin, len(steps) - count + 1), key=lambda at: (sum(off[at : at + count]), at))
        return steps[first : first + count]

    def _cut(self) -> None:
        """The host's line: (start, end, row, whether it waits)."""
        self.line: list[tuple[int, int, Row | None, bool]] = []
        #: Its pieces, with how long each takes, by how much longer the host took as recorded.
        self.stretched: dict[float, list[tuple[int, int, float]]] = {}
        at = self.low
        for piece in self.host.pieces:
            start, end = max(piece.start, self.low), min(piece.end, self.high)
            if start >= end:
                continue
            if at < start:
                self.line.append((at, start, None, False))
            waits = piece.state == "sync"
            if piece.row is not None and piece.row.name in MEMORY and piece.state in ("api", "sync"):
                waits = waits or end - start > LONG_ALLOCATION_NS
            self.line.append((start, end, piece.row, waits))
            at = end
        if at < self.high:
            self.line.append((at, self.high, None, False))

    def _take_work(self) -> None:
        launched = launch_of(self.plain)
        self.work: list[Work] = []
        for row in self.seen.work:
            call = launched.get(id(row))
            if call is not None and call.process == self.host.process and self.low <= call.start < self.high:
                self.work.append(Work(row, call, (row.context, row.stream)))
        free: dict[object, int] = {}
        before, queued, reached = [], [], []
        for each in self.work:
            known = each.stream in free
            before.append(free.get(each.stream, self.low))
            queued.append(known and each.call.start < before[-1])
            reached.append(max(each.row.start - each.call.start, 0))
            free[each.stream] = max(free.get(each.stream, each.row.end), each.row.end)
        direct = [ns for ns, waited in zip(reached, queued, strict=True) if not waited]
        usual = median(direct) if direct else USUAL_LATENCY_NS
        steps = [
            each.row.start - left
            for each, left, waited in zip(self.work, before, queued, strict=True)
            if waited and 0 <= each.row.start - left < SOON_NS
        ]
        step = median(steps) if steps else USUAL_BETWEEN_NS
        for each, left, waited, ns in zip(self.work, before, queued, reached, strict=True):
            in_call = max(min(each.call.end, each.row.start) - each.call.start, 0)
            beyond = max(each.row.start - left, 0)
            each.latency = max(min(usual, ns), min(in_call, usual)) if waited else ns
            each.after = beyond if waited else min(step, beyond)
        self._take_dependencies(before, step)

    def _take_dependencies(self, before: list[int], step: float) -> None:
        by_end = sorted(self.work, key=lambda each: each.row.end)
        ends = [each.row.end for each in by_end]
        depends = []
        for each, left in zip(self.work, before, strict=True):
            at = bisect_right(ends, each.row.start) - 1
            if at < 0:
                continue
            other, late = by_end[at], max(left, each.call.start)
            if (
                other.stream != each.stream
                and each.row.start - other.row.end < SOON_NS
                and other.row.end > late
                and other.call.start <= each.call.start
                and each.row.start - late > SOON_NS / 2
            ):
                depends.append((each, other))
        held = {each.key for each, _ in depends}
        others = [each.latency for each in self.work if each.key not in held]
        usual = median(others) if others else USUAL_LATENCY_NS
        for each, other in depends:
            each.waits_for, each.waits_more = other, each.row.start - other.row.end
            each.after, each.latency = step, min(each.latency, usual)

    def _take_waits(self) -> None:
        by_end = sorted(self.work, key=lambda each: each.row.end)
        ends = [each.row.end for each in by_end]
        self.waits: list[tuple[int, int, Row | None, Work | None, int]] = []
        for start, end, row, waiting in self.line:
            if not waiting:
                continue
            at = bisect_right(ends, end) - 1
            while at >= 0 and by_end[at].call.start > start:
                at -= 1
            of = by_end[at] if at >= 0 else None
            done = of.row.end if of else start
            self.waits.append((start, end, row, of, end - max(done, start)))

    # -- played

    def _clock(self, made: Made, stretch: float) -> Callable[[int], float]:
        """Where the host is in its own code at a recorded moment."""
        if stretch not in self.stretched:
            self.stretched[stretch] = [
                (start, end, 0.0 if waiting else end - start - min(end - start, STRETCHED_NS) * (1 - 1 / stretch))
                for start, end, _, waiting in self.line
            ]
        pieces = self.stretched[stretch]
        for spans in made.gone:
            pieces = self._less(pieces, spans)
        moments, total = [pieces[0][0]], [0.0]
        for _, end, length in pieces:
            moments.append(end)
            total.append(total[-1] + length)
        added = sorted(each for each in made.added if self.low <= each[0] < self.high)

        def at(moment: int) -> float:
            place = min(max(bisect_right(moments, moment) - 1, 0), len(pieces) - 1)
            left, right = moments[place], moments[place + 1]
            share = min(max((moment - left) / (right - left), 0.0), 1.0)
            inside = total[place] + (total[place + 1] - total[place]) * share
            return inside + sum(ns for put, ns in added if put <= moment)

        return at

    @staticmethod
    def _less(pieces: list[tuple[int, int, float]], spans: list[Span]) -> list[tuple[int, int, float]]:
        """The pieces with only a share of what lies in spans; where two overlap the time is the earlier one's."""
        apart, reach = [], None
        for start, end, share in sorted(spans, key=lambda span: span[0]):
            begin = start if reach is None else max(start, reach)
            reach = end if reach is None else max(reach, end)
            if begin < end:
                apart.append((begin, end, share))
        found, at = [], 0
        for start, end, length in pieces:
            while at < len(apart) and apart[at][1] <= start:
                at += 1
            left, number = start, at
            while left < end:
                if number == len(apart) or apart[number][0] >= end:
                    found.append((left, end, length * (end - left) / (end - start)))
                    break
                begin, until, share = apart[number]
                if left < begin:
                    found.append((left, begin, length * (begin - left) / (end - start)))
                    left = begin
                right = min(until, end)
                found.append((left, right, length * (right - left) / (end - start) * share))
                left, number = right, number + (until <= end)
        return found

    def play(self, made: Made | None = None, stretch: float = 1.0) -> float:
        """How long a step takes, ns."""
        made = made or Made()
        clock = self._clock(made, stretch)
        events: list[tuple[int, int, int]] = [(each.call.start, 0, at) for at, each in enumerate(self.work)]
        events += [(wait[0], 1, at) for at, wait in enumerate(self.waits)]
        events += [(step.closes, 2, at) for at, step in enumerate(self.steps)]
        opens = [step.opens for step in self.steps]
        free: dict[object, float] = defaultdict(float)
        ended: dict[int, float] = defaultdict(float)
        done = [0.0] * len(self.steps)
        late = 0.0
        for moment, kind, at in sorted(events):
            now = clock(moment) + late
            if kind == 0:
                each = self.work[at]
                if each.key in made.dropped:
                    ended[each.key] = free[each.stream]
                    continue
                after = made.close_ns if each.key in made.close else each.after
                begin = max(now + each.latency, free[each.stream] + after)
                if each.waits_for is not None:
                    begin = max(begin, ended[each.waits_for.key] + each.waits_more)
                free[each.stream] = ended[each.key] = begin + made.took.get(each.key, each.row.length)
                step = bisect_right(opens, moment) - 1
                done[step] = max(done[step], ended[each.key])
            elif kind == 1:
                start, end, row, of, more = self.waits[at]
                if row is not None and id(row) in made.unwaited:
                    continue
                until = now if of is None else max(now, ended[of.key])
                rest = more - min(more, STRETCHED_NS) * (1 - 1 / stretch)
                late += until - now + rest - (clock(end) - clock(start))
            else:
                done[at] = max(done[at], now)
        for at in range(1, len(done)):
            done[at] = max(done[at], done[at - 1])
        return done[0] if len(done) == 1 else (done[-1] - done[0]) / (len(done) - 1)

    def saves(self, least: Made, most: Made) -> tuple[float, float]:
        """The share of a step that a change saves, at least and at most."""
        shares = []
        for stretch in (LEAST_STRETCH, MOST_STRETCH):
            as_is = self.play(None, stretch)
            shares += [min(max(as_is - self.play(made, stretch), 0.0), as_is) / as_is for made in (least, most)]
        return min(shares), max(shares)

    # -- what is around calls

    def _look_around(self) -> None:
        process = self.host.process
        self.ops = sorted((row for row in self.plain.of("op")), key=lambda row: (row.start, -row.end))
        self.authors = [
            row for row in self.plain.of("range") if row.process == process and not row.name.startswith(FRAMEWORKS)
        ]
        self.ops_of: dict[object, list[Row]] = defaultdict(list)
        for row in self.ops:
            self.ops_of[row.lane].append(row)
        calls = [
            call for call in self.plain.joined[0] if call.process == process and self.low <= call.start < self.high
        ]
        self.launches = sorted(calls, key=lambda call: call.start)
        self.inner: dict[int, Row | None] = {}
        self.outer: dict[int, Row | None] = {}
        self.place: dict[int, Row | None] = {}
        begun: Counter[object] = Counter()
        is_open: dict[object, list[Row]] = defaultdict(list)
        for call in self.launches:  # in order: an op that has ended holds none that comes later
            ops = self.ops_of[call.lane]
            while begun[call.lane] < len(ops) and ops[begun[call.lane]].start <= call.start:
                is_open[call.lane].append(ops[begun[call.lane]])
                begun[call.lane] += 1
            is_open[call.lane] = [op for op in is_open[call.lane] if call.start < op.end]
            self._around(call, is_open[call.lane])

    def _around(self, row: Row, holds: list[Row]) -> None:
        self.inner[id(row)] = holds[-1] if holds else None
        self.outer[id(row)] = holds[0] if holds else None
        self.place[id(row)] = self._place(row.start)

    def _place(self, moment: int) -> Row | None:
        here = [row for row in self.authors if row.start <= moment < row.end]
        return max(here, key=lambda row: (row.start, -row.end), default=None)

    def _in_most_steps(self, moments: Iterable[int]) -> bool:
        opens = [step.opens for step in self.seen.steps]
        held = {bisect_right(opens, moment) - 1 for moment in moments}
        return 2 * len(held - {-1}) >= len(self.steps)

    # -- changes

    def prefetch_data(self) -> list[tuple[float, float]]:
        spans: list[list[int]] = []
        rows: dict[int, Row] = {}
        for piece in self.host.pieces:
            if piece.cause == "data":
                if spans and spans[-1][1] == piece.start:
                    spans[-1][1] = piece.end
                else:
                    spans.append([piece.start, piece.end])
                if piece.row is not None and self.low <= piece.row.start < self.high:
                    rows[id(piece.row)] = piece.row
        inside = [(start, end) for start, end in spans if self.low <= start < self.high]
        total = sum(end - start for start, end in inside) / len(self.steps)
        if total < STALL_NS or not rows or not self._in_most_steps(row.start for row in rows.values()):
            return []
        gone = Made(gone=[[(start, end, 0.0) for start, end in inside]])
        rest = max(self.play(gone, MOST_STRETCH), 1.0)
        stays = min(max((total - rest) / total, STALL_NS / total, 0.0), 1.0)
        return [self.saves(Made(gone=[[(start, end, stays) for start, end in inside]]), gone)]

    def remove_sync(self) -> list[tuple[float, float]]:
        waits = [
            row
            for row in sorted(self.plain.of("api"), key=lambda row: row.start)
            if row.process == self.host.process
            and self.low <= row.start < self.high
            and row.name in WAITS | BLOCKING_COPIES
        ]
        groups: dict[object, list[Row]] = defaultdict(list)
        large, small = self._uploading(READ_BYTES), self._uploading(0)
        for wait in waits:
            self._around(wait, [op for op in self.ops_of[wait.lane] if op.start <= wait.start < op.end])
            outer, place = self.outer[id(wait)], self.place[id(wait)]
            if outer is None or id(outer) not in large:
                groups[("in", place.name) if place else ("of", (outer or wait).name)].append(wait)
        return [
            self._without(group, small) for group in groups.values() if self._in_most_steps(row.start for row in group)
        ]

    def _uploading(self, at_least: int) -> set[int]:
        """The outermost ops that bring so many bytes to the device."""
        return {
            id(self.outer[id(call)])
            for call in self.launches
            if call.caused and call.caused[0].copy_kind == "HtoD" and (call.caused[0].bytes or 0) >= at_least
        }

    def _without(self, waits: list[Row], uploading: set[int]) -> tuple[float, float]:
        units, brought, reads, sized = [], [], [], []
        for wait in waits:
            inner, outer = self.inner[id(wait)], self.outer[id(wait)]
            brings = outer is not None and id(outer) in uploading
            read = aten(outer, READS) and not brings
            units.append(outer if read and outer is not None else wait)
            if brings and outer is not None:
                brought.append(outer)
            elif read and outer is not None:
                reads.append((wait, outer))
            elif aten(inner, SIZED) and inner is not None and outer is not None:
                sized.append((inner, outer))
        read_ops = {id(outer) for _, outer in reads}
        within = [inner for inner, outer in sized if inner is not outer]
        feeding, made = self._feeding(waits, reads, read_ops)
        tops = list({id(outer): outer for _, outer in sized}.values())
        everything = [(each.start, each.end, 0.0) for each in units]
        calls_of = {id(top): [call for call in self.launches if self.outer[id(call)] is top] for top in tops}
        one = self._ops_of_one_launch()
        shrunk = [
            (top.start, top.end, min(1 / max(len(calls_of[id(top)]), 1), one / max(top.length, 1))) for top in tops
        ]
        stay = {id(calls[-1]) for calls in calls_of.values() if calls}
        least, most = set(), set()
        in_sized, in_made = {id(each) for each in within}, made | {id(each) for each in brought}
        for call in self.launches:
            inner, outer = self.inner[id(call)], self.outer[id(call)]
            work = {id(row) for row in call.caused}
            if id(outer) in read_ops or id(inner) in in_sized:
                least |= work
            if id(outer) in read_ops | in_made or (id(outer) in calls_of and id(call) not in stay):
                most |= work
        unwaited = {id(each) for each in waits}
        return self.saves(
            Made([everything, [(each.start, each.end, 0.0) for each in within]], dropped=least, unwaited=unwaited),
            Made(
                [everything, feeding, [(each.start, each.end, 0.0) for each in brought], shrunk],
                dropped=most,
                unwaited=unwaited,
            ),
        )

    def _ops_of_one_launch(self) -> float:
        """What an outermost op with one launch usually takes."""
        many = Counter(id(self.outer[id(call)]) for call in self.launches)
        found = [row.length for row in self.ops if many[id(row)] == 1]
        return median(found) if found else float("inf")

    def _feeding(
        self, waits: list[Row], reads: list[tuple[Row, Row]], read_ops: set[int]
    ) -> tuple[list[Span], set[int]]:
        """The host time in which no more is done than what is read, and the ops that make it."""
        lanes = {wait.lane for wait, _ in reads}
        tops, reach = [], {lane: 0 for lane in lanes}
        for row in self.ops:
            if row.lane in lanes:
                if row.start >= reach[row.lane] and self.low <= row.start < self.high:
                    tops.append(row)
                reach[row.lane] = max(reach[row.lane], row.end)
        at_place = [self._place(row.start) for row in tops]
        spans, made = [], set()
        for wait, read in reads:
            at = next((at for at, row in enumerate(tops) if row is read), None)
            low = read.start
            if at is not None:
                place, first = self.place[id(wait)], at
                while (
                    first > 0
                    and sums_up(tops[first - 1])
                    and id(tops[first - 1]) not in read_ops
                    and at_place[first - 1] is place
                ):
                    first -= 1
                made |= {id(row) for row in tops[first:at]}
                low = tops[first].start
                if first > 0 and at_place[first - 1] is place:
                    low = tops[first - 1].end if id(tops[first - 1]) in read_ops else low
                elif place is not None:
                    low = place.start
            spans.append((low, read.end, 0.0))
        return spans, made

    def capture_graph(self) -> list[tuple[float, float]]:
        by_name: dict[str, list[Row]] = defaultdict(list)
        for row in self.authors:
            if self.low <= row.start < self.high:
                by_name[re.sub(r"(0x[0-9a-fA-F]+|\d+)", "*", row.name)].append(row)
        taken: list[tuple[int, int]] = []
        captured = 0
        for rows in sorted(by_name.values(), key=lambda rows: -sum(row.length for row in rows)):
            spans = [(row.start, row.end) for row in rows]
            if not any(start < end_ and start_ < end for start, end in spans for start_, end_ in taken) and (
                self._can_be_captured(spans)
            ):
                taken += spans
                captured += sum(len(calls) for calls in self._held(spans))
        if 2 * captured < len(self.launches):
            spans = [(step.opens, step.closes) for step in self.steps]
            if self._can_be_captured(spans):
                taken = spans
        if not taken:
            return []
        held = self._held(taken)
        work = {id(row) for calls in held for call in calls for row in call.caused}
        later = work - {id(calls[0].caused[0]) for calls in held if calls}
        nodes = round(len(work) / len(taken))
        gone = [[(start, end, 0.0) for start, end in taken]]
        dear = [(start, GRAPH_NS + NODE_NS * nodes) for start, _ in taken]
        cheap = [(start, GRAPH_NS) for start, _ in taken]
        return [
            self.saves(
                Made(gone, dear, close=later, close_ns=BETWEEN_MOST_NS),
                Made(gone, cheap, close=later, close_ns=BETWEEN_LEAST_NS),
            )
        ]

    def _held(self, spans: list[tuple[int, int]]) -> list[list[Row]]:
        """The launches in each of some spans, in order; of spans that begin before a launch the last one holds it, or none."""
        found: list[list[Row]] = [[] for _ in spans]
        for call in self.launches:
            at = max(
                (at for at, span in enumerate(spans) if span[0] <= call.start),
                key=lambda at: spans[at][0],
                default=None,
            )
            if at is not None and call.start < spans[at][1]:
                found[at].append(call)
        return found

    def _can_be_captured(self, spans: list[tuple[int, int]]) -> bool:
        held = self._held(spans)
        calls = [call for each in held for call in each]
        if len(calls) < FEWEST * len(spans) or not all(call.caused for call in calls):
            return False
        if any("GraphLaunch" in call.name or call.caused[0].copy_kind in ("HtoD", "DtoH") for call in calls):
            return False
        stops = [
            row
            for row in self.plain.of("api")
            if row.name in WAITS | BLOCKING_COPIES and row.process == self.host.process
        ]
        stops += [row for row in self.plain.of("api") if row.name in MEMORY]
        stops += [
            row
            for row in self.authors
            if re.search(r"\b(data|load|batch|next_batch|inputs?)\b|load|next_batch", row.name)
        ]
        moments = [row.start for row in stops if self.low <= row.start < self.high]
        if any(start <= moment < end for start, end in spans for moment in moments):
            return False
        made = Counter(tuple(call.caused[0].name for call in each) for each in held)
        return len(spans) >= 2 and max(made.values()) >= SAME * len(spans)

    def batch_launches(self) -> list[tuple[float, float]]:
        runs: dict[object, list[tuple[list[Row], int]]] = defaultdict(list)
        for run in self._rows_alike():
            if len(run) < FEWEST:
                continue
            names = Counter(self._kind(call) for call in run)
            if sum(many for many in names.values() if many >= FEWEST) < REPEATED * len(run):
                continue
            outer = [self.outer[id(call)] for call in run]
            each = [
                row is not None and (aten(row, FOR_ITSELF) or re.fullmatch(r"aten::\w*_", row.name)) for row in outer
            ]
            if outer[0] is not None and sum(map(bool, each)) < FOR_EACH * len(run):
                continue
            place = self.place[id(run[0])]
            runs[place.name if place else None].append((run, len(names)))
        found = []
        for mine in runs.values():
            if not self._in_most_steps(call.start for run, _ in mine for call in run):
                continue
            least, most, later = [], [], []
            for run, kinds in mine:
                first, last = (self.outer[id(call)] or call for call in (run[0], run[-1]))
                stays = kinds / len(run)
                least.append((first.start, last.end, max(stays, BATCHED_SHARE)))
                most.append((first.start, last.end, stays))
                later += [call.caused[0] for call in run[kinds:] if call.caused]
            close = {id(row) for row in later}
            some: dict[int, float] = {id(row): max(row.length - FLOOR_NS / 2, 0) for row in later}
            all_of: dict[int, float] = {id(row): max(row.length - FLOOR_NS, 0) for row in later}
            found.append(self.saves(Made([least], took=some, close=close), Made([most], took=all_of, close=close)))
        return found

    def _kind(self, call: Row) -> tuple[bool, str | None]:
        outer = self.outer[id(call)]
        return (True, outer.name) if outer else (False, call.caused[0].name if call.caused else None)

    def _rows_alike(self) -> list[list[Row]]:
        """Launches in a row, of one thread and place, that could be one: of ops that have a batched form, or of one kernel without an op."""
        runs: list[list[Row]] = []
        before: tuple[object, ...] | None = None
        for call in self.launches:
            outer = self.outer[id(call)]
            batched = outer is not None and aten(outer, BATCHED | {f"{name}_" for name in BATCHED})
            if not batched and not (outer is None and call.caused):
                before = None
                continue
            place = self.place[id(call)]
            here = (batched or self._kind(call), call.lane, id(place))
            alike = before is not None and here == before
            if alike:
                runs[-1].append(call)
            else:
                runs.append([call])
            before = here
        return runs
