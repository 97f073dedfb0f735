"""Codes of the probe `empty-loop`, which is added: of its one figure, and of its verdict."""

from __future__ import annotations

from typing import Final

ID: Final = "empty-loop"

HOST_TIME: Final = "host-time"
FIGURES: Final = frozenset({HOST_TIME})

SHORT: Final = "short"
