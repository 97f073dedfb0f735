"""Tables of what the costs of launches predict: `predicted`, a row a side, and `what_if`, were several launches one."""

from __future__ import annotations

from launchlens.traces.studies.study import Study
from launchlens.traces.studies.what_if import NotPredicted
from launchlens.traces.tables.table import Column, Table, table

_REGIME = Column("regime", "code", "eager or graph")
_PREDICTED = Column(
    "predicted_ns", "time", "time of one iteration by the costs of its launches", title="predicted", whole=False,
    absent="–",
)  # fmt: skip
_ENDS = Column(
    "interval_ns", "interval", "its interval, by those of the costs and what points lie off their line", of="time",
    title="interval", whole=False, absent="–",
)  # fmt: skip
_MEASURED = Column(
    "measured_ns", "time", "unprofiled time of one iteration", title="measured", whole=False, absent="not measured"
)
_OFF = Column(
    "off", "share", "prediction less measurement, as a share of the measurement", title="off by", absent="–",
    signed=True,
)  # fmt: skip


def predicted(study: Study, regime: str | None = None) -> Table:
    """A row per side: what it should take by the costs of its launches, and what it took."""
    columns = (
        _REGIME,
        Column("variant", "name", "what was timed"),
        _PREDICTED,
        _ENDS,
        Column("pace", "code", "host or device: which of them needs longer by the costs", title="by", absent="–"),
        _MEASURED,
        _OFF,
        Column("why_not", "code", "why it is not predicted; null where it is", title="not predicted", absent=""),
    )
    rows = []
    for each in study.what_if.sides if study.what_if is not None else ():
        if regime not in (None, each.side.regime):
            continue
        found = each.predicted
        known = (
            [None, None, None]
            if isinstance(found, NotPredicted)
            else [found.ns, (found.low_ns, found.high_ns), found.by]
        )
        why_not = found.code if isinstance(found, NotPredicted) else None
        rows.append([each.side.regime, each.side.variant, *known, each.side.wall.value, each.off, why_not])
    return table("predicted", "What an iteration should take by the costs of its launches", columns, rows)


def were_one(study: Study, regime: str | None = None) -> Table:
    """A row per launch that could be made in place of several, and variant that was measured so."""
    columns = (
        _REGIME,
        Column("of", "name", "the variants whose launches these are"),
        Column("launches", "count", "how many launches they make in an iteration"),
        Column("launch_path", "code", "the way by which the one launch would be made", title="one launch by"),
        Column("node", "code", "what the launch is in a graph: kernel or memcpy", title="of a"),
        Column("flat_buffer", "flag", "whether it can be made only of what lies in one buffer", title="flat buffer"),
        _PREDICTED,
        _ENDS,
        Column(
            "variant", "name", "the variant that was measured with such a launch", title="measured variant", absent="–"
        ),
        _MEASURED,
        _OFF,
    )
    rows = []
    for each in study.what_if.were_one if study.what_if is not None else ():
        if regime not in (None, each.regime):
            continue
        found = each.predicted
        begins = [
            *(each.regime, ", ".join(side.variant for side in each.of), each.per_iteration, each.path),
            *(each.launch.node, each.of_flat_buffer, found.ns, (found.low_ns, found.high_ns)),
        ]
        rows += [
            [*begins, like.side.variant, like.side.wall.value, found.ns / like.side.wall.value - 1]
            for like in each.measured
        ] or [[*begins, None, None, None]]
    return table("what_if", "What an iteration would take were its launches one", columns, rows)
