"""Copies by kind, size and memory: bytes and bandwidth, and which are of pageable memory, which the host has to wait for."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from launchlens.traces.analyses.kernels import masked, own_call
from launchlens.traces.analyses.question import Need, Question
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.grouping import Floats, Groups
from launchlens.traces.intervals import Ints
from launchlens.traces.tables.rows import Rows
from launchlens.traces.tables.table import Column
from launchlens.traces.thresholds import THRESHOLDS

#: Upper ends of the classes of size, bytes, and what they are called.
_ENDS = (64 << 10, 1 << 20, 16 << 20)
CLASSES = ("under 64 KiB", "64 KiB to 1 MiB", "1 to 16 MiB", "16 MiB and more")
_MEMORY = re.compile(r"\(([^()]*->[^()]*)\)")

COLUMNS = (
    Column("kind", "name", "from where to where: HtoD, DtoH, DtoD, ..."),
    Column("size_class", "code", f"size of one: {', '.join(CLASSES)}; null where the recorder tells no size", title="size"),
    Column("memory", "name", "kinds of memory, as recorded; null where the recorder tells none"),
    Column("pageable", "flag", "whether host memory of it is pageable, so that it can't run while the host goes on; null where not told"),
    Column("count", "count", "how many", title="times"),
    Column("bytes", "size", "bytes moved; null where the recorder tells none"),
    Column("total_ns", "time", "their GPU time, in all", title="in all"),
    Column("share", "share", "their share of the GPU time of all copies"),
    Column("median_ns", "time", "GPU time of one, median", title="median"),
    Column("bandwidth_gb_s", "number", "bytes over time, of all of them together, GB/s", title="GB/s", whole=False),
    Column("seen_gb_s", "number", "the highest bandwidth that a copy of 1 MiB or more of this kind and memory reached in this trace, GB/s; "
           "null without any", title="best seen, GB/s", whole=False),
    Column("share_of_seen", "share", "bandwidth as a share of that", title="of best seen"),
    Column("limit_gb_s", "number", "what the way can do at most, GB/s: within a device half of what its memory reads and writes, where the recorder tells "
           "that (what stays in a cache may go faster); null of other ways, of which no recorder tells", title="at most, GB/s", whole=False),
    Column("share_of_limit", "share", "bandwidth as a share of that", title="of that"),
    Column("link_at_least_gb_s", "number", "what the way between host and device, or between devices, can do at least, GB/s: the highest bandwidth of a copy "
           "of 1 MiB or more of this kind in this trace, whatever its memory (pinned memory shows most); null within a device, and without any",
           title="link at least, GB/s", whole=False),
    Column("share_of_link", "share", "bandwidth as a share of that: at most so much of what the link can do", title="of link"),
    Column("call_ns", "time", "time of the host in the call that made one, median; null without any", title="in the call"),
)  # fmt: skip


def _answer(scope: Scope) -> Rows:
    rows = scope.work_of("memcpy")
    events = scope.events
    size = events["bytes"].array[rows]
    known = ~size.isna()
    moved = size.to_numpy(np.int64, na_value=0)
    class_of = np.where(known, np.searchsorted(_ENDS, moved, side="right"), -1)
    memory, memory_names = _memories(scope, rows)
    kinds = events["copy_kind"].array.categories
    kind = events["copy_kind"].array.codes[rows].astype(np.int64)
    keys, code = np.unique(np.stack([kind, class_of, memory]), axis=1, return_inverse=True)
    groups = Groups(code.ravel().astype(np.int64), keys.shape[1])
    duration = scope.dur[rows]
    total, told = groups.sum(duration), groups.only(known)
    own, call, _ = own_call(scope, rows)
    alone = groups.only(own)
    timed = known & (duration > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(
            groups.only(timed).empty, np.nan, groups.only(timed).sum(moved) / groups.only(timed).sum(duration)
        )
    seen = _best(kind, memory, moved, duration, timed)[groups.first(np.arange(len(rows)))]
    limit = _limits(scope, rows, groups)
    within = np.array([*(str(each) == "DtoD" for each in kinds), True])[kind]
    of_link = _best(kind, np.zeros(len(kind), np.int64), moved, duration, timed & ~within)
    link = of_link[groups.first(np.arange(len(rows)))]
    texts = [None if at < 0 else memory_names[at] for at in keys[2].tolist()]
    return Rows(
        {
            "kind": [None if at < 0 else str(kinds[at]) for at in keys[0].tolist()],
            "size_class": [None if at < 0 else CLASSES[at] for at in keys[1].tolist()],
            "memory": texts,
            "pageable": [None if text is None else "pageable" in text.lower() for text in texts],
            "count": groups.sizes,
            "bytes": masked(told.sum(moved), told),
            "total_ns": total,
            "share": total / total.sum() if total.sum() else np.full(len(total), np.nan),
            "median_ns": groups.median(duration),
            "bandwidth_gb_s": rate,
            "seen_gb_s": seen,
            "share_of_seen": rate / seen,
            "limit_gb_s": limit,
            "share_of_limit": rate / limit,
            "link_at_least_gb_s": link,
            "share_of_link": rate / link,
            "call_ns": masked(alone.median(call), alone),
        }
    ).ordered("-total_ns", "kind", "at", "memory", at=keys[1])


def _memories(scope: Scope, rows: Ints) -> tuple[Ints, list[str]]:
    """The kinds of memory that the name of each copy tells, as a code of the texts beside; -1 for none."""
    codes, names = pd.factorize(scope.names.codes[rows])
    told = [match[1] if (match := _MEMORY.search(str(each))) else None for each in scope.names.categories[names]]
    texts = list(dict.fromkeys(text for text in told if text is not None))
    code_of = np.array([-1 if text is None else texts.index(text) for text in told], np.int64)
    return code_of[codes], texts


def _best(
    kind: Ints, memory: Ints, moved: Ints, duration: Ints, timed: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> Floats:
    """For each copy the highest bandwidth of the large ones of its kind and memory; NaN without any."""
    _, code = np.unique(np.stack([kind, memory]), axis=1, return_inverse=True)
    code = code.ravel()
    best = np.full(int(code.max(initial=0)) + 1, np.nan)
    large = timed & (moved >= THRESHOLDS.large_copy_bytes)
    np.fmax.at(best, code[large], moved[large] / duration[large])
    return best[code]


def _limits(scope: Scope, rows: Ints, groups: Groups) -> Floats:
    """For each group what its copies could reach at most, GB/s; NaN where that is not told, or not the same for all of them."""
    of_copy = np.full(len(rows), -1, np.int64)
    within = np.asarray(scope.events["copy_kind"].array[rows] == "DtoD")
    device = scope.events["device"].array[rows].to_numpy(np.int64, na_value=-1)
    for number, rate in scope.joined.trace.memory_bandwidths.items():
        of_copy[within & (device == number)] = rate
    found = groups.ordered(of_copy)
    # a copy within a device both reads and writes each byte
    return np.where((found.min == found.max) & (found.min > 0), found.min / 2e9, np.nan)


COPIES = Question(
    name="copies",
    title="Copies",
    asks="What is copied, how fast, and what of it is of pageable memory?",
    columns=COLUMNS,
    needs=(Need(lambda scope: len(scope.work_of("memcpy")) > 0, "no copies"),),
    answer=_answer,
    nothing="no copies",
    order="by GPU time",
)
