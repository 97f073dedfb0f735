"""Tables of figures, each in a unit of its own: what claims rest on, and what probes found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from launchlens.traces.captures.probes import Cell, FigureKey, Probe, ProbeTable
from launchlens.traces.claims.claim import Evidence, Judgement
from launchlens.traces.tables.table import Column, Kind, Table, table

#: What a figure of a probe is called, by the probe and its fields.
Named = Callable[[str, FigureKey], str]

_UNIT = Column("unit", "code", "unit of the figure: ns, ratio, share, or what is counted", hint="unit")
_VALUE = Column("value", "figure", "the figure", unit_in="unit", absent="unknown", whole=False)
_INTERVAL = Column(
    "interval", "interval", "its 95 % interval; null where it has none", of="figure", unit_in="unit",
    title="95 % interval", absent="–", whole=False,
)  # fmt: skip


def evidence(
    title: str, found: Sequence[Evidence], anchor: Callable[[Evidence], str], name: Callable[[Evidence], str]
) -> Table:
    """The figures that one claim rests on, as `name` calls them; `anchor` says where a page shows the rows behind one."""
    columns = (
        Column("figure", "text", "what it is"),
        _UNIT,
        _VALUE,
        _INTERVAL,
        Column("rows", "text", "the rows of the capture that it was computed from", title="computed from"),
        Column("section", "code", "where the report shows them", hint="anchor"),
    )
    rows = [[name(each), each.unit, each.value, each.interval, each.origin, anchor(each)] for each in found]
    return table("evidence", title, columns, rows)


def claims(judged: Iterable[Judgement]) -> Table:
    """A row per claim: what was said, what it gave, how it is tested, and the verdict."""
    columns = (
        Column("id", "code", "what the claim is called"),
        Column("claim", "text", "what is claimed"),
        Column("source", "text", "who claims it, and where"),
        Column("gave", "text", "the figure given with it", absent="no figure"),
        Column("test", "text", "how it is tested"),
        Column("verdict", "code", "supported, refuted, depends, not-reproduced, undecided, not-testable"),
        Column("depends_on", "text", "what the verdict depends on", title="on"),
        Column("why", "text", "what was not shown or not tested, and why"),
        Column("figures", "count", "how many figures it rests on"),
    )
    rows = [
        [each.claim.id, each.claim.text, each.claim.source, each.claim.gave or None, each.claim.test, each.verdict,
         each.on, each.why, len(each.evidence)]
        for each in judged
    ]  # fmt: skip
    return table("claims", "claims", columns, rows)


def all_evidence(judged: Iterable[Judgement], name: Callable[[Evidence], str]) -> Table:
    """Every figure of every claim, as `name` calls it."""
    columns = (
        Column("claim", "code", "the claim that rests on it"),
        Column("figure", "name", "what it is"),
        _UNIT,
        _VALUE,
        _INTERVAL,
        Column("rows", "text", "the rows of the capture that it was computed from", title="computed from"),
        Column("capture", "name", "the capture, where there are several"),
    )
    rows = [
        [item.claim.id, name(each), each.unit, each.value, each.interval, each.rows, each.capture]
        for item in judged
        for each in item.evidence
    ]
    return table("evidence", "what the claims rest on", columns, rows)


def figures(probe: Probe, name: Named) -> Table:
    """What one probe found, as `name` calls it; without a column of intervals where no figure has one, as counts haven't."""
    rows = [[name(probe.id, each), each.counted, each.value, each.interval] for each in probe.figures]
    found = table("figures", "What it found", (Column("figure", "name", "what it is"), _UNIT, _VALUE, _INTERVAL), rows)
    return found if any(each.interval for each in probe.figures) else found.without(["interval"])


def all_figures(probes: Iterable[Probe], name: Named) -> Table:
    """Every figure of some probes, as `name` calls it and by its fields."""
    columns = (
        Column("probe", "code", "the probe that found it"),
        Column("figure", "name", "what it is, in words"),
        Column("what", "code", "which figure of the probe it is"),
        Column("of", "name", "what it is about"),
        Column("part", "code", "which part of that"),
        Column("to", "name", "what a ratio is against"),
        Column("under", "code", "the condition it was found under"),
        _UNIT,
        _VALUE,
        Column("out_of", "count", "of a count: of how many"),
        _INTERVAL,
    )
    rows = [
        [probe.id, name(probe.id, each), *_fields(each), each.counted, each.value, each.out_of, each.interval]
        for probe in probes
        for each in probe.figures
    ]
    return table("figures", "what the probes found", columns, rows)


def _fields(key: FigureKey) -> list[str | None]:
    return [key.what, key.of or None, key.part or None, key.to or None, key.under or None]


def trials(made: ProbeTable, number: int, rows: int, columns: int, write: Callable[[Cell], str]) -> Table:
    """The first rows and columns of what a probe measured: a column of numbers is one, in any other `write` says each cell."""
    shown = [[row[at] if at < len(row) else None for at in range(columns)] for row in made.rows[:rows]]
    declared = []
    for at, title in enumerate(made.columns[:columns]):
        kind: Kind = made.kinds[at] if at < len(made.kinds) else "number"
        if kind not in _WORDS and not _are_numbers([row[at] for row in shown]):
            kind = "name"  # a table that says no kinds, or holds other things than it says
        declared.append(
            Column(f"column_{at}", kind, "as the probe wrote it down", title=title or "–", absent="–", whole=False)
        )
    cells = [
        [
            cell if cell is None or column.kind not in _WORDS else write(cell)
            for column, cell in zip(declared, row, strict=True)
        ]
        for row in shown
    ]
    return table(f"trials_{number}", made.title, declared, cells)


#: Kinds of columns whose cells are words.
_WORDS: frozenset[Kind] = frozenset({"name", "text", "code"})


def _are_numbers(cells: Sequence[Cell]) -> bool:
    """Whether a column holds numbers and nothing else, gaps apart, and none of so many digits that a float loses some."""
    there = [cell for cell in cells if cell is not None]
    return bool(there) and all(
        isinstance(cell, float) or (isinstance(cell, int) and not isinstance(cell, bool) and abs(cell) <= 2**53)
        for cell in there
    )


def controls(probe: Probe) -> Table:
    """What one probe must have found before its answer counts; those that did not pass first."""
    columns = (
        Column("control", "text", "what must be so", title="must be so"),
        Column("outcome", "code", "passed, or not-passed", title="outcome"),
        Column("found", "text", "what was found"),
    )
    rows = [
        [each.control, "passed" if each.passed else "not-passed", each.found]
        for each in sorted(probe.controls, key=lambda each: each.passed)
    ]
    return table("controls", "Controls", columns, rows)
