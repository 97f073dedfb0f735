"""Where the progress of a run goes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol


class Steps(Protocol):
    """`step(text, total)` opens one step of `total` parts and gives what advances it."""

    def step(self, text: str, total: int) -> AbstractContextManager[Callable[[int], None]]: ...
