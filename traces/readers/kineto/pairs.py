"""Puts events together that a file holds as two: where one begins (`ph` is B), and where it ends (E).

Kineto writes whole events; what others write in its format, or convert to it, may have such halves. On a thread they nest: an
end is of the last beginning that has none yet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from launchlens.traces.problems import Problems
from launchlens.traces.readers.kineto.events import Begin, Complete, End, EventBlock, Scalar, raw_text
from launchlens.traces.readers.kineto.times import text_to_ns


class Pairs:
    """The halves met so far that wait for their other half, by process and thread, in the order of the file."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._open: defaultdict[tuple[Scalar, Scalar], list[Begin]] = defaultdict(list)

    def of(self, halves: Iterable[Begin | End]) -> EventBlock:
        """The events that these halves complete; an end without a beginning is counted."""
        whole = []
        for half in halves:
            waiting = self._open[half.pid, half.tid]
            if isinstance(half, Begin):
                waiting.append(half)
            elif waiting:
                whole.append(_whole(waiting.pop(), half))
            else:
                self._problems.add("half-an-event")
        return EventBlock(whole, [], None)

    def close(self) -> None:
        """Count the beginnings that no end was met of."""
        self._problems.add("half-an-event", sum(map(len, self._open.values())))
        self._open.clear()


def _whole(begin: Begin, end: End) -> Complete:
    """Both halves as one event, with its times as text; one without a length where a half has no time."""
    start, stop = (text_to_ns(raw_text(half.ts)) for half in (begin, end))
    dur = None if start is None or stop is None else _us(stop - start)
    return Complete(begin.name, begin.cat, raw_text(begin.ts), dur, begin.pid, begin.tid, begin.args)


def _us(ns: int) -> str:
    """Nanoseconds as decimal microseconds."""
    return f"{'-' * (ns < 0)}{abs(ns) // 1000}.{abs(ns) % 1000:03d}"
