"""Where the progress of a run goes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol


class Steps(Protocol):
    """`step(text, total)` opens one step of `total` parts and gives what advances it."""

    def step(self, text: str, total: int) -> AbstractContextManager[Callable[[int], None]]: ...


class Points(Protocol):
    """Says how far a sweep is: points done, of so many known so far, seconds left at most, and what is measured now."""

    def __call__(self, done: int, known: int, left_s: float, now: str) -> None: ...


class SweepSteps(Protocol):
    """`points(text)` opens the measuring of points, and gives what says how far it is."""

    def points(self, text: str) -> AbstractContextManager[Points]: ...
