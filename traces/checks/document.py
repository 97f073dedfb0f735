"""A check as documents and tables hold it."""

from __future__ import annotations

from collections.abc import Mapping

from launchlens.traces.checks.check import Check
from launchlens.traces.checks.decide import Outcome, Row
from launchlens.traces.documents.check import CheckDocument, CheckedRow
from launchlens.traces.tables.table import Column, Table, table

#: What the command ends with.
EXIT_CODES: Mapping[Outcome, int] = {"slower": 1, "undecided": 3, "not-shown": 0, "passed": 0}


def as_document(check: Check) -> CheckDocument:
    """The check as `check --json` prints it."""
    return CheckDocument(
        of=check.of,
        outcome=check.outcome,
        exit_code=EXIT_CODES[check.outcome],
        new=list(check.new),
        base=list(check.base),
        new_recordings=check.recordings[0],
        base_recordings=check.recordings[1],
        notes=list(check.notes),
        rows=[_row(each) for each in check.rows],
    )


def _row(row: Row) -> CheckedRow:
    return CheckedRow(
        metric=row.measured.metric,
        variant=row.measured.variant,
        regime=row.measured.regime,
        unit=row.measured.unit,
        allowance=row.allowance,
        base=row.base,
        new=row.new,
        ratio=None if row.ratio is None else row.ratio.value,
        interval=None if row.ratio is None else row.ratio.interval,
        p=row.p,
        p_adjusted=row.p_adjusted,
        rests_on=row.rests_on,
        outcome=row.outcome,
        reasons=list(row.reasons),
    )


COLUMNS = (
    Column("metric", "name", "what is limited"),
    Column("variant", "name", "the variant, of captures"),
    Column("regime", "code", "eager or graph, of captures"),
    Column("base", "figure", "the median of the base's side, a step or iteration", unit_in="unit", absent="–"),
    Column("new", "figure", "the median of the new side", unit_in="unit", absent="–"),
    Column("unit", "code", "the unit of both: ns, or nothing for a count", hint="unit"),
    Column("ratio", "ratio", "new over base", absent="–"),
    Column("interval", "interval", "95 % interval of the ratio", title="95 %", absent="none", of="ratio"),
    Column("allowance", "share", "by how much it may be larger"),
    Column("outcome", "code", "slower, passed, not-shown or undecided"),
    Column("reasons", "text", "why, as codes", title="why"),
)


def checked(check: Check) -> Table:
    """A row a limit and metric."""
    columns = [each for each in COLUMNS if check.of == "captures" or each.name not in ("variant", "regime")]
    rows = []
    for each in check.rows:
        of = [each.measured.variant, each.measured.regime] if check.of == "captures" else []
        ratio = (None, None) if each.ratio is None else (each.ratio.value, each.ratio.interval)
        rows.append(
            [
                each.measured.metric,
                *of,
                each.base,
                each.new,
                each.measured.unit,
                *ratio,
                each.allowance,
                each.outcome,
                " ".join(each.reasons),
            ]
        )
    return table("checked", "Limits", columns, rows)
