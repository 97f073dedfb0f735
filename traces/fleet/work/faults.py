"""A fault met in one file of many: it is that file's answer, and the others go on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from launchlens.traces.fleet.summary import RankSummary, Unusable

Summarise = Callable[[Path, str | None], "list[RankSummary] | Unusable"]
_LONGEST = 200


def told(summarise: Summarise, path: Path, steps: str | None) -> list[RankSummary] | Unusable:
    """What a file holds; a fault of launchlens is told as why it can't be used."""
    try:
        return summarise(path, steps)
    except Exception as error:  # noqa: BLE001  one file of a thousand ends nothing
        what = " ".join(f"{type(error).__name__}: {error}".split())[:_LONGEST]
        return Unusable(path, f"met a fault of launchlens: {what} (`analyze` of this file alone shows more)")
