"""The timelines of a few steps: lanes over one axis of time, to be drawn. Ranges, advice, host threads, gaps, GPU streams.

ranges          [ forward      ][ backward            ]
thread          [D][L][D ][L] [   S    ]                      states of the account
idle by cause          [ D ]            [  S   ]              the gaps, lettered
GPU 0, stream 7   [ k1 ]    [   k2     ][k3]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from launchlens.traces.advice.candidate import Saving
from launchlens.traces.analyses.kernel_names import short_name
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.analyses.steps import STEPS
from launchlens.traces.columns import numbers
from launchlens.traces.intervals import Ints, innermost
from launchlens.traces.problems import InputError
from launchlens.traces.steps.gaps import CAUSES, Gaps
from launchlens.traces.steps.pieces import Piece, pieces
from launchlens.traces.steps.stepped import Stepped
from launchlens.traces.steps.steps import Steps
from launchlens.traces.threads import thread_name

#: Pieces drawn of a lane, of the gaps of all devices together, and of all streams together.
OF_A_LANE, OF_ALL_GAPS, OF_ALL_STREAMS = 150, 150, 360
#: Lanes drawn: of the threads, and the streams, those that do most in the step; of devices those with the first numbers.
MOST_THREADS, MOST_DEVICES, MOST_STREAMS = 4, 8, 8
#: Odd steps that can be chosen: those furthest from the median one.
MOST_ODD = 3

LaneKind = Literal["ranges", "advice", "thread", "gaps", "stream"]


@dataclass(frozen=True)
class TimelineLane:
    """One lane. `number` is the advice's, from 1 on, or the device's of which the gaps are. Events without length are on it as well."""

    kind: LaneKind
    title: str
    pieces: tuple[Piece, ...]
    number: int = 0


@dataclass(frozen=True)
class StepTimeline:
    """One step, from the end of the one before to its own; without steps all of the trace. `number` counts from 1, 0 of all.

    `why` says in words why it is shown, and `spans` from when to when it is. `left_out` says what has no lane.
    """

    number: int
    name: str
    why: str
    spans: str
    start_ns: int
    length_ns: int
    lanes: tuple[TimelineLane, ...]
    left_out: tuple[str, ...]


def step_timelines(stepped: Stepped, savings: Sequence[Saving], asked: str | None = None) -> list[StepTimeline]:
    """The step that was asked for, the median one, the odd ones, the first and the last; the whole of a trace without steps.

    Empty where nothing was recorded in that time. Raises InputError where no step is `asked`.
    """
    steps = stepped.steps
    if steps is None:
        if asked is not None:
            raise InputError(stepped.joined.trace.path, f"has no step {asked!r}", "no steps were found: see --steps")
        low, high = stepped.window
        whole = _timeline(
            stepped, savings, 0, "from the first launch to the last work", "no steps were found", low, high
        )
        return [whole] if whole.lanes else []
    return [
        _timeline(stepped, savings, at + 1, steps.names[at], why, int(steps.start_ns[at]), int(steps.done_ns[at]))
        for at, why in _chosen(stepped, steps, asked).items()
    ]


def _chosen(stepped: Stepped, steps: Steps, asked: str | None) -> dict[int, str]:
    """Which steps are shown, and why, in the order in which they can be chosen."""
    found = STEPS.answer(Scope(stepped.joined, stepped.windows, steps=stepped.pattern))
    median = int(np.flatnonzero(found["is_median"])[0])
    wall = steps.wall_ns
    odd = np.flatnonzero([each is not None for each in found["odd_in"]])
    odd = odd[np.argsort(-np.abs(wall[odd] - wall[median]), kind="stable")][:MOST_ODD]
    why: dict[int, list[str]] = {}
    if asked is not None:
        why.setdefault(_asked(stepped, steps, asked), []).append("asked for")
    why.setdefault(median, []).append("the median one")
    for at in odd.tolist():
        why.setdefault(at, []).append(f"odd in {found['odd_in'][at]}")
    why.setdefault(0, []).append("the first")
    why.setdefault(len(steps) - 1, []).append("the last")
    return {at: ", ".join(said) for at, said in why.items()}


def _asked(stepped: Stepped, steps: Steps, asked: str) -> int:
    """The step of this name, of this number at the end of its name, or in this place, from 1 on: the first that tells one step."""
    number = _last_number(asked) if asked.isdecimal() else None
    by_name = [at for at, name in enumerate(steps.names) if name == asked]
    ends = [at for at, name in enumerate(steps.names) if number is not None and _last_number(name) == number]
    place = [number - 1] if number is not None and 0 < number <= len(steps) else []
    for found in (by_name, ends, place):
        if len(found) == 1:
            return found[0]
    first, last = steps.names[0], steps.names[-1]
    raise InputError(
        stepped.joined.trace.path, f"has no step {asked!r}", f"it has {len(steps):,}, from {first!r} to {last!r}"
    )


def _last_number(name: str) -> int | None:
    digits = name[len(name.rstrip("0123456789")) :]
    return int(digits) if 0 < len(digits) <= 18 and digits.isascii() else None


def _timeline(
    stepped: Stepped, savings: Sequence[Saving], number: int, name: str, why: str, low: int, high: int
) -> StepTimeline:
    threads, more_threads = _threads(stepped, low, high)
    streams, more_streams = _streams(stepped, low, high)
    devices = stepped.each_device[:MOST_DEVICES]
    lanes = [
        *_ranges(stepped, low, high),
        *_advised(stepped, savings, low, high),
        *threads,
        *(lane for each in devices for lane in _gaps(each, low, high, OF_ALL_GAPS // len(devices))),
        *streams,
    ]
    left_out = [
        f"{count:,} more {what}{'s' if count > 1 else ''}"
        for count, what in (
            (more_threads, "thread"),
            (len(stepped.each_device) - len(devices), "device"),
            (more_streams, "stream"),
        )
        if count
    ]
    return StepTimeline(number, name, why, _spans(stepped.steps), low, high - low, tuple(lanes), tuple(left_out))


def _spans(steps: Steps | None) -> str:
    if steps is None:
        return "From the first launch to the last work."
    return f"From {'where it begins' if steps.apart else 'the end of the step before'} to the end of its own last work."


def _cut(start: Ints, end: Ints, low: int, high: int) -> tuple[Ints, Ints]:
    return np.clip(start, low, high) - low, np.clip(end, low, high) - low


def _ranges(stepped: Stepped, low: int, high: int) -> Iterator[TimelineLane]:
    """The innermost range of the author's at each moment."""
    line = stepped.places
    if not len(line.row):
        return
    mine = (line.row >= 0) & (line.start_ns < high) & (line.end_ns > low)
    if mine.any():
        start, end = _cut(line.start_ns[mine], line.end_ns[mine], low, high)
        found = pieces(start, end, ["range"] * len(start), line.row[mine], OF_A_LANE)
        yield TimelineLane("ranges", "ranges of the author", _named(stepped, found))


def _advised(stepped: Stepped, savings: Sequence[Saving], low: int, high: int) -> Iterator[TimelineLane]:
    """What each piece of advice rests on: the outermost events."""
    for number, saving in enumerate(savings, 1):
        rows = np.concatenate([each.rows for each in saving.candidate.evidence] or [np.empty(0, np.int64)])
        rows = rows[(stepped.start[rows] < high) & (stepped.end[rows] > low)]
        rows = rows[np.lexsort((-stepped.end[rows], stepped.start[rows]))]
        if not len(rows):
            continue
        outer = np.ones(len(rows), bool)
        outer[1:] = stepped.end[rows][1:] > np.maximum.accumulate(stepped.end[rows])[:-1]
        rows = rows[outer]
        start, end = _cut(stepped.start[rows], stepped.end[rows], low, high)
        found = pieces(start, end, ["advice"] * len(rows), rows, OF_A_LANE)
        yield TimelineLane("advice", f"advice {number}: {saving.candidate.code}", _named(stepped, found), number)


def _threads(stepped: Stepped, low: int, high: int) -> tuple[list[TimelineLane], int]:
    """The threads of the process that have most events in that time, and how many more there are."""
    host = stepped.joined.host_events
    inside: dict[int, Ints] = {}
    for thread in host.threads_of(stepped.process):
        mine = host.of_thread[stepped.process, thread]
        mine = mine[(host.start_ns[mine] < high) & (host.end_ns[mine] > low)]
        if len(mine):
            inside[thread] = mine
    most = sorted(inside, key=lambda thread: -len(inside[thread]))
    made = [_thread(stepped, thread, inside[thread], low, high) for thread in most[:MOST_THREADS]]
    return made, len(most[MOST_THREADS:])


def _thread(stepped: Stepped, thread: int, mine: Ints, low: int, high: int) -> TimelineLane:
    """The states of a thread, each with the event that is innermost where it begins."""
    host = stepped.joined.host_events
    lane = stepped.joined.evident_lane(stepped.process, thread).runs()
    start, end = lane.edges[:-1], lane.edges[1:]
    says = (start < high) & (end > low) & (lane.state != lane.names.index("not-recorded"))
    start, end = np.clip(start[says], low, high), np.clip(end[says], low, high)
    edges, owner = innermost(host.start_ns[mine], host.end_ns[mine], rank=host.evident[mine])
    row = np.full(len(start), -1, np.int64)
    if len(owner):
        at = np.searchsorted(edges, start, side="right") - 1
        within = (at >= 0) & (at < len(owner))
        open_ = np.where(within, owner[np.clip(at, 0, len(owner) - 1)], -1)
        row = np.where(open_ >= 0, host.rows[mine[open_]], -1)
    what = [lane.names[state] for state in lane.state[says].tolist()]
    title = f"thread {thread_name(stepped.events, stepped.process, thread)}"
    found = _named(stepped, pieces(start - low, end - low, what, row, OF_A_LANE))
    _, outer = stepped.op_around(np.array([max(piece.row, 0) for piece in found], np.int64))
    around = [
        stepped.name(op) if op >= 0 and piece.row >= 0 else "" for piece, op in zip(found, outer.tolist(), strict=True)
    ]
    return TimelineLane("thread", title, tuple(map(_within, found, around)))


def _within(piece: Piece, op: str) -> Piece:
    return replace(piece, around=op)


def _named(stepped: Stepped, found: Sequence[Piece]) -> tuple[Piece, ...]:
    """Pieces with the names and the moments of their events."""
    return tuple(
        piece if piece.row < 0 else replace(piece, name=stepped.name(piece.row), at_ns=int(stepped.start[piece.row]))
        for piece in found
    )


def _gaps(stepped: Stepped, low: int, high: int, most: int) -> Iterator[TimelineLane]:
    """When a device had nothing to do, by cause, and when it is not known whether it had: a gap's `row` is its position."""
    gaps = stepped.gaps
    assert gaps is not None
    mine = np.flatnonzero((gaps.start_ns < high) & (gaps.end_ns > low))
    lost_start, lost_end = stepped.joined.unknown.get(gaps.device) or (mine[:0], mine[:0])
    lost = (lost_start < high) & (lost_end > low)
    start, end = _cut(
        np.concatenate((gaps.start_ns[mine], lost_start[lost])),
        np.concatenate((gaps.end_ns[mine], lost_end[lost])),
        low,
        high,
    )
    what = [CAUSES[each] for each in gaps.cause[mine].tolist()] + ["gpu-unknown"] * int(lost.sum())
    row = np.concatenate((mine, np.full(int(lost.sum()), -1, np.int64)))
    if len(what):
        found = [_between(stepped, gaps, piece) for piece in pieces(start, end, what, row, most)]
        yield TimelineLane("gaps", f"GPU {gaps.device} idle, by cause", tuple(found), gaps.device)


def _between(stepped: Stepped, gaps: Gaps, piece: Piece) -> Piece:
    """The piece of a gap with the work that stands around it."""
    if piece.row < 0:
        return piece
    before, after = (
        short_name(stepped.name(row)) if row >= 0 else "nothing"
        for row in (int(gaps.before_row[piece.row]), int(gaps.after_row[piece.row]))
    )
    return replace(piece, around=f"between {before} and {after}", at_ns=int(gaps.start_ns[piece.row]))


def _streams(stepped: Stepped, low: int, high: int) -> tuple[list[TimelineLane], int]:
    """The streams that are busy longest in that time, of the devices that the process gives work to, and how many more there are."""
    of, events = stepped.joined.launches, stepped.events
    rows = of.activity_rows[(stepped.start[of.activity_rows] < high) & (stepped.end[of.activity_rows] > low)]
    launched = of.joined_rows[of.process[of.owner] == stepped.process]
    device = numbers(events, "device", absent=-1)
    rows = rows[np.isin(device[rows], device[launched if len(launched) else rows])]
    keys = [numbers(events, name, absent=-1)[rows] for name in ("device", "context", "stream")]
    if not len(rows):
        return [], 0
    known, lane = np.unique(np.stack(keys), axis=1, return_inverse=True)
    lane = lane.ravel()
    start, end = _cut(stepped.start[rows], stepped.end[rows], low, high)
    busy = np.bincount(lane, weights=end - start)
    kept = np.sort(np.argsort(-busy, kind="stable")[:MOST_STREAMS]).tolist()
    kinds = stepped.joined.work_kinds
    contexts = len(np.unique(known[1])) > 1
    made = []
    for each in kept:
        mine = np.flatnonzero(lane == each)
        device, context, stream = known[:, each].tolist()
        title = f"GPU {device if device >= 0 else 'not named'}, stream {stream if stream >= 0 else 'not named'}"
        title += f" of context {context}" if contexts and context >= 0 else ""
        what = [str(kind) for kind in kinds[rows[mine]]]
        found = pieces(start[mine], end[mine], what, rows[mine], max(OF_ALL_STREAMS // len(kept), 6))
        made.append(TimelineLane("stream", title, tuple(_copied(stepped, piece) for piece in _named(stepped, found))))
    return made, known.shape[1] - len(kept)


def _copied(stepped: Stepped, piece: Piece) -> Piece:
    """The piece of a copy with from where to where it goes."""
    kind = stepped.events["copy_kind"].array[piece.row] if piece.what == "memcpy" else None
    return piece if kind is None or pd.isna(kind) else replace(piece, around=str(kind))
