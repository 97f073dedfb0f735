"""Tables of a comparison of traces: a row per name, what differs most first; the figures are those of `compare --json`."""

from __future__ import annotations

from typing import Any

from launchlens.traces.documents.comparison import ComparisonDocument
from launchlens.traces.documents.trace_comparison import DifferenceRow
from launchlens.traces.tables.table import Column, Table, of_structures, table

WAS = Column("was_ns", "time", "its time in a typical step of a", title="was")
NOW = Column("now_ns", "time", "its time in one of b", title="now")
DIFFERENCE = Column("difference_ns", "time", "b's less a's", title="difference", signed=True)
INTERVAL = Column(
    "interval_ns", "interval", "95 % interval of the difference; null of too few steps", title="95 % interval", of="time",
    signed=True, absent="no interval",
)  # fmt: skip
EQUAL_PACE = Column(
    "at_equal_pace_ns", "time", "the difference were the host as quick on either side; null where that is not known, and of the GPU's work",
    title="at one pace", signed=True, absent="–",
)  # fmt: skip
_MORE = (
    Column("calls_was", "count", "how often it is called, launched or opened in a step of a; null of what is not called", title="calls were", whole=False),
    Column("calls_now", "count", "how often in one of b", title="are", whole=False),
    Column("by_calls_ns", "time", "what of the difference more or fewer calls explain", title="by calls", signed=True),
    Column("by_cost_ns", "time", "what of it dearer or cheaper calls explain", title="by cost", signed=True),
    EQUAL_PACE,
    Column("status", "code", "same, added, gone or renamed"),
    Column("renamed_from", "name", "what a calls it, where it was renamed", title="renamed from", absent="–"),
    Column("confidence", "share", "how sure that is", absent="–"),
    Column("paired_by", "text", "what both have in common: op, position, shape", title="paired by", absent="–"),
)  # fmt: skip
#: Those of the account.
CELLS = (
    Column("host", "code", "what the host was in"), Column("device", "code", "what the device ran"),
    WAS, NOW, DIFFERENCE, INTERVAL,
)  # fmt: skip
#: The tables of names: what stands above each, and what its rows are.
NAMED = (
    ("ranges", "By range, where it was launched or the host was", "the author's innermost range", "range"),
    ("idle_causes", "By what the GPU waited for", "the cause of idle time", "waited for"),
    ("operators", "By operator that launched, or in which the host was", "the op", "operator"),
    ("kernels", "By GPU work", "the kernel, memcpy or memset", "kernel"),
)
#: What a screen has room for.
BRIEF = ("name", "was_ns", "now_ns", "difference_ns", "interval_ns", "calls_was", "calls_now", "status")


def tables(document: ComparisonDocument) -> list[Table]:
    """Every table, the figures of a step first."""
    return [
        figures(document),
        *named(document),
        *account(document),
        *devices(document),
        *conditions(document),
        *phases(document),
    ]


def figures(document: ComparisonDocument) -> Table:
    """A row per whole that the other tables sum to."""
    columns = (
        Column("name", "code", "wall: the time of a step; busy, idle and unknown: of it, what the GPU did, and sum to it", title="of a step"),
        WAS, NOW, DIFFERENCE, INTERVAL, EQUAL_PACE,
    )  # fmt: skip
    return of_structures("difference", "A typical step", columns, document.figures or ())


def named(document: ComparisonDocument) -> list[Table]:
    """The tables of names that the traces have."""
    found = []
    for name, title, meaning, heading in NAMED:
        rows = getattr(document, name)
        if rows:
            columns = of_names(meaning, heading)
            found.append(table(name, title, columns, map(_cells, rows), order="what differs most first"))
    return found


def of_names(meaning: str, heading: str) -> tuple[Column, ...]:
    """The columns of a table of names."""
    return (Column("name", "name", meaning, title=heading), WAS, NOW, DIFFERENCE, INTERVAL, *_MORE)


def _cells(row: DifferenceRow) -> list[Any]:
    return [
        row.name, row.was_ns, row.now_ns, row.difference_ns, row.interval_ns, row.calls_was, row.calls_now, row.by_calls_ns,
        row.by_cost_ns, row.at_equal_pace_ns, row.status, row.renamed_from, row.confidence, row.paired_by and ", ".join(row.paired_by),
    ]  # fmt: skip


def account(document: ComparisonDocument) -> list[Table]:
    """The difference cell by cell of the account, where there is one."""
    rows = document.account or ()
    return (
        [of_structures("account", "By host and device", CELLS, rows, order="what differs most first")] if rows else []
    )


_ON = Column("device", "text", "the GPU, by its number", title="GPU")
#: Those of a step on each of several GPUs.
ON_DEVICES = (
    _ON, Column("name", "code", "wall, busy, idle or unknown, as in `difference`", title="of a step"), WAS, NOW, DIFFERENCE, INTERVAL,
)  # fmt: skip


def devices(document: ComparisonDocument) -> list[Table]:
    """Where both sides use several GPUs, each of them: its figures, its work and what it waited for."""
    several = document.devices or ()
    if not several:
        return []
    figures_of = [
        [str(each.device), row.name, row.was_ns, row.now_ns, row.difference_ns, row.interval_ns]
        for each in several
        for row in each.figures
    ]
    found = [table("devices", "A typical step, GPU by GPU", ON_DEVICES, figures_of)]
    for name, title, meaning, heading in NAMED:
        if name in ("kernels", "idle_causes"):
            rows = [[str(each.device), *_cells(row)] for each in several for row in getattr(each, name) or ()]
            columns = (_ON, *of_names(meaning, heading))
            found.append(
                table(f"devices_{name}", f"{title}, GPU by GPU", columns, rows, order="what differs most first")
            )
    return found


def conditions(document: ComparisonDocument) -> list[Table]:
    """In what the recordings differ besides the program, where they do."""
    columns = (
        Column("what", "text", "what differs"), Column("was", "name", "as a's recordings have it"), Column("now", "name", "as b's have it"),
    )  # fmt: skip
    rows = document.conditions or ()
    return [of_structures("conditions", "What differs besides the program", columns, rows)] if rows else []


def phases(document: ComparisonDocument) -> list[Table]:
    """Which steps there are on either side, and which of them are compared."""
    columns = (
        Column("name", "name", "what the steps are called", title="steps"),
        Column("steps_was", "count", "how many a has", title="were"),
        Column("steps_now", "count", "how many b has", title="are"),
        Column("was_ns", "time", "median time of one in a", title="took"),
        Column("now_ns", "time", "median time of one in b", title="take"),
        Column("alike", "share", "what the steps of both sides have in common"),
        Column("compared", "flag", "whether these are compared"),
    )  # fmt: skip
    return [of_structures("phases", "Phases of the program", columns, document.phases or ())]
