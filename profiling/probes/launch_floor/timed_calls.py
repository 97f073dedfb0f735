"""Calls timed from Python: how long a burst of them takes, and how long until the host sees what one of them wrote.

burst:   |lead|call call call ... call|            the GPU is idle before, and is waited for after, outside of the timing
         began^                       ^ended
answer:  word = 0 |call ... |look look look: 1     the word is in pinned host memory, the kernel writes it over the bus
             began^                        ^ended
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns
from typing import Protocol

#: Calls before a burst's timing begins: the first ones after an idle time are dearer.
LEAD = 4
#: Looks after which an answer counts as not coming: some ten milliseconds or more.
MOST_LOOKS = 200_000

Call = Callable[[], object]


class Seen(Protocol):
    """A word that the host can see: a `ctypes.c_uint32`, say."""

    value: int


def burst(call: Call, calls: int) -> float:
    """Time of `calls` calls, ns, with Python's loop around them. Nothing is waited for."""
    for _ in range(LEAD):
        call()
    began = perf_counter_ns()
    for _ in range(calls):
        call()
    return perf_counter_ns() - began


def answer(call: Call, word: Seen, looks: int = MOST_LOOKS) -> float | None:
    """Time from before the call until the host sees that `word` isn't 0, ns; None where it stays 0.

    What the call launches must write the word, and nothing else may.
    """
    word.value = 0
    began = perf_counter_ns()
    call()
    for _ in range(looks):
        if word.value:
            return perf_counter_ns() - began
    return None


def look_ns(word: Seen, looks: int = 2000) -> float:
    """How long one look at the word takes, ns: an answer is seen that much late at most."""
    word.value = 0
    began = perf_counter_ns()
    for _ in range(looks):
        if word.value:
            break
    return (perf_counter_ns() - began) / looks
