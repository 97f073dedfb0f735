"""Tables of what was launched: a capture's `ledger` and `gpu_work`, a row per kind of launch and of work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from launchlens.traces.studies.side import Side
from launchlens.traces.studies.study import Study
from launchlens.traces.tables.table import Column, Table, table

_REGIME = Column("regime", "code", "eager or graph")
_VARIANT = Column("variant", "name", "what was recorded")


def ledger(study: Study) -> Table:
    """Launches of one recorded iteration: how many times what each costs."""
    columns = (
        _REGIME,
        _VARIANT,
        Column("api", "name", "the API call", title="API call"),
        Column(
            "activity", "name", "what it caused; null where nothing was recorded", title="causes", absent="not recorded"
        ),
        Column("channel", "name", "the kind of hardware channel that took it, where the recorder tells", absent=""),
        Column("per_iteration", "count", "launches per iteration", title="launches per iteration", whole=False),
        Column("api_ns", "time", "mean time in the call", title="× API time per launch", whole=False),
        Column("api_total_ns", "time", "the product of the two", title="= API time per iteration", whole=False),
        Column("queued", "count", "launches per iteration that queued", title="of which queued", whole=False),
        Column("queue_ns", "time", "median queue time of those", title="queue time, median", whole=False, absent="–"),
        Column(
            "gpu_ns", "time", "mean GPU time of one launch's work", title="GPU time per launch", whole=False, absent="–"
        ),
    )
    return table(
        "ledger", "Launches of one recorded iteration", columns, _launches(study), order="dearest of each variant first"
    )


def gpu_work(study: Study) -> Table:
    """What ran on the GPU in one recorded iteration, by kind and name."""
    columns = (
        _REGIME,
        _VARIANT,
        Column("kind", "code", "kernel, memcpy, memset or graph"),
        Column("name", "name", "the recorder's own name of it"),
        Column("per_iteration", "count", "how often per iteration", title="per iteration", whole=False),
        Column("gpu_ns", "time", "mean GPU time of one", title="GPU time of one", whole=False),
    )
    return table(
        "gpu_work",
        "What ran on the GPU, as the recorder names it",
        columns,
        _work(study),
        order="longest of each variant first",
    )


def _sides(study: Study) -> Iterator[Side]:
    for regime in study.regimes:
        yield from study.in_regime(regime)


def _launches(study: Study) -> Iterator[list[Any]]:
    for side in _sides(study):
        for row in side.recording.ledger if side.recording else ():
            yield [side.regime, side.variant, row.api, row.activity, row.channel, row.per_iteration, row.api_ns,
                   row.per_iteration * row.api_ns, row.queued, row.queue_ns, row.gpu_ns]  # fmt: skip


def _work(study: Study) -> Iterator[list[Any]]:
    for side in _sides(study):
        for row in side.recording.work if side.recording else ():
            yield [side.regime, side.variant, row.kind, row.name, row.per_iteration, row.gpu_ns]
