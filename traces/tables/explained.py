"""Tables of what unprofiled times are made of: `explained`, a row a side and part, and `parts`, of the differences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from launchlens.traces.studies.compare import Comparison
from launchlens.traces.studies.explained import Explained, Part
from launchlens.traces.studies.study import Study
from launchlens.traces.tables.table import Column, Pivot, Table, table

_LANE = Column("lane", "code", "host or device: whose time it is")
_STATE = Column("state", "code", "state of the lane, between (of the device's work), or not attributed", title="part")
_NS = Column("ns", "time", "unprofiled time of one iteration", title="time", whole=False)
_INTERVAL = Column(
    "interval_ns", "interval", "its 95 % interval; null where it has none", of="time", title="95 % interval", whole=False,
    absent="–",
)  # fmt: skip


def explained(study: Study) -> Table:
    """A row per side and part; the parts of a side sum to its unprofiled time."""
    columns = (
        Column("regime", "code", "eager or graph"),
        Column("variant", "name", "what was timed"),
        _LANE,
        _STATE,
        _NS,
        _INTERVAL,
        Column("closure", "share", "share of the side's time that is not attributed"),
    )
    title = "What the unprofiled time of an iteration is made of"
    return table("explained", title, columns, _of_sides(study))


def _of_sides(study: Study) -> Iterator[list[Any]]:
    for regime in study.regimes:
        for side in study.in_regime(regime):
            found = study.explained(side)
            if found is not None:
                for part in (*found.parts, found.not_attributed):
                    yield [regime, side.variant, part.lane, part.state, part.ns, part.interval, found.closure]


def of_regime(study: Study, regime: str, title: str) -> Table:
    """The parts of every side of a regime, to be read crosswise: a row a variant, a column a part."""
    columns = (Column("variant", "name", "what was timed"), _STATE, _NS)
    rows = [
        [side.variant, part.state, part.ns]
        for side in study.in_regime(regime)
        if (found := study.explained(side)) is not None
        for part in _shown(found)
    ]
    return table("explained", title, columns, rows, pivot=Pivot("variant", "state", "ns"))


def _shown(found: Explained) -> list[Part]:
    return [part for part in (*found.parts, found.not_attributed) if abs(part.ns) >= 0.5]


def parts(comparisons: Iterable[Comparison]) -> Table:
    """A row per comparison and part; the parts of a comparison sum to its unprofiled difference."""
    signed = Column(
        "ns", "time", "what b spends more of it in an iteration", title="difference", whole=False, signed=True
    )
    ends = Column(
        "interval_ns", "interval", "its 95 % interval; null where it has none", of="time", title="95 % interval",
        whole=False, signed=True, absent="–",
    )  # fmt: skip
    columns = (
        Column("regime", "code", "eager or graph"),
        Column("a", "name", "the side compared with"),
        Column("b", "name", "the side compared"),
        _LANE,
        _STATE,
        signed,
        ends,
    )
    rows = [
        [item.b.regime, item.a.variant, item.b.variant, part.lane, part.state, part.ns, part.interval]
        for item in comparisons
        if item.explained is not None
        for part in (*item.explained.parts, item.explained.not_attributed)
    ]
    return table("parts", "What the unprofiled differences are made of", columns, rows)
