"""What the report's sections are made of: chapters (one a regime) of parts, each with figures, words and a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from launchlens.reports.figures.drawing import Drawing
from launchlens.traces.studies.study import Study


@dataclass(frozen=True)
class Table:
    """A table ready to print: every row has as many texts as `columns`; `total` marks the last row as a sum.

    The first `names` columns hold names, the others numbers.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    names: int = 1
    total: bool = False


@dataclass(frozen=True)
class Part:
    """Figures with their words and their table; `choice` is what a selector calls it, where one part is shown at a time."""

    title: str
    drawings: Sequence[Drawing] = ()
    notes: Sequence[str] = ()
    table: Table | None = None
    choice: str = ""


@dataclass(frozen=True)
class Chapter:
    """What a section shows of one regime; `id` is unique on the page."""

    id: str
    regime: str
    parts: Sequence[Part] = field(default_factory=list)
    notes: Sequence[str] = ()


def timed_only(study: Study, regime: str) -> list[str]:
    """A note about the variants of a regime that were timed but not recorded, if there are any."""
    without = [side.variant for side in study.in_regime(regime) if side.recording is None]
    return [f"Timed, but not recorded under a profiler: {', '.join(without)}."] if without else []
