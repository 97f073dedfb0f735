"""Intervals that overlap without nesting, laid out on lanes in which they nest."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush


def sweep(start: Sequence[int], end: Sequence[int]) -> Iterator[tuple[int, int, bool]]:
    """Lay intervals out on as many lanes as it takes for those of one lane to nest; yield (lane, index, begins).

        0   |--------------|            a lane is a stack: what comes next goes inside the innermost
        1        |----|                 interval that holds all of it, else onto a lane where nothing
        2              |-------|        is open, else (2, here) onto a new one

    Begins and ends come in order of time; those of one lane at one moment in the order of a stack, ends first.
    """
    stacks: list[list[int]] = []
    empty: list[int] = []
    tops: list[tuple[int, int]] = []  # (end of the innermost open interval, lane), sorted: the first is the next to end

    def close() -> tuple[int, int, bool]:
        lane = tops.pop(0)[1]
        index = stacks[lane].pop()
        if stacks[lane]:
            insort(tops, (end[stacks[lane][-1]], lane))
        else:
            heappush(empty, lane)
        return lane, index, False

    for index in sorted(range(len(start)), key=lambda i: (start[i], -end[i])):
        while tops and tops[0][0] <= start[index]:
            yield close()
        holds = bisect_left(tops, (end[index], -1))
        if holds < len(tops):
            lane = tops.pop(holds)[1]
        elif empty:
            lane = heappop(empty)
        else:
            lane = len(stacks)
            stacks.append([])
        stacks[lane].append(index)
        insort(tops, (end[index], lane))
        yield lane, index, True
    while tops:
        yield close()
