"""How the reading of many files goes on: called with how many more are done."""

from __future__ import annotations

from collections.abc import Callable

Done = Callable[[int], None]
