"""Two sides of traces against each other: on one screen, and as a page."""

from __future__ import annotations

from collections.abc import Iterator

from launchlens.reports.blocks import Block, Page, Paragraph, Section, Shown
from launchlens.reports.words.recorder import recorders
from launchlens.traces.documents.comparison import ComparisonDocument
from launchlens.traces.documents.trace_comparison import TraceSideRow
from launchlens.traces.tables import trace_differences
from launchlens.traces.tables.table import Table
from launchlens.traces.units import duration

#: Rows of each table on the first screen.
ON_A_SCREEN = 4
#: Tables that the first screen leaves out.
BEYOND_A_SCREEN = ("account", "devices_kernels", "devices_idle_causes", "conditions", "phases")


def tables(document: ComparisonDocument) -> list[Table]:
    """Every table of the comparison."""
    return trace_differences.tables(document)


def blocks(document: ComparisonDocument, *, brief: int | None = None) -> list[Block]:
    """What a terminal shows: what differs besides the program, the sentences, and the tables; of a `brief` screen so many rows of each."""
    found: list[Block] = [*_first(document)]
    for table in trace_differences.tables(document):
        if brief is not None and table.name in BEYOND_A_SCREEN:
            continue
        if brief is not None:
            table = _that_differ(table)
            names = [column.name for column in table.columns]
            shown = table.pick(table.title, *(name for name in trace_differences.BRIEF if name in names))
            found.append(Shown(shown, most=brief))
        else:
            found.append(Shown(table))
    return found


def page(document: ComparisonDocument) -> Page:
    """The comparison as a page, with every table."""
    a, b = list(document.sides or ())
    sections = [Section("difference", "Difference", "What differs", tuple(_first(document)))]
    sections += [
        Section(f"table-{table.name}", table.title, table.title, (Shown(table, style="bare"),))
        for table in trace_differences.tables(document)
        if len(table)
    ]
    return Page(
        brand="launchlens comparison",
        title=f"{', '.join(b.given)} against {', '.join(a.given)}",
        says="",
        measured=f"{a.steps} and {b.steps} steps, recorded by {recorders([*a.recorded_by, *b.recorded_by])}",
        sections=tuple(sections),
        foot="Made by launchlens. This page is complete in itself: it loads nothing, and runs one script, which sorts and searches tables.",
        sortable=True,
    )


def _first(document: ComparisonDocument) -> Iterator[Block]:
    """What is said before any number, then what changed most, and what that doesn't show."""
    for each in document.conditions or ():
        yield Paragraph(f"The sides differ in {each.what}: {each.was} before, {each.now} now.", "warning")
    for sentence in document.sentences or ():
        yield Paragraph(sentence)
    yield Paragraph(str(document.caveat), "note")
    for name, side in zip("AB", document.sides or (), strict=True):
        yield Paragraph(_side(name, side), "note")
        for skipped in side.skipped:
            yield Paragraph(f"not used of {name}: {skipped}", "warning")
    for phase in document.phases or ():
        if not phase.compared:
            took = " and ".join(duration(each) for each in (phase.was_ns, phase.now_ns) if each is not None)
            yield Paragraph(
                f"Not compared, for they do something else: {phase.steps_was} and {phase.steps_now} steps {phase.name} of {took}.",
                "note",
            )


def _side(name: str, side: TraceSideRow) -> str:
    of = f"{side.steps} of {side.steps_in_all} steps"
    several = f" in {len(side.recordings)} recordings" if len(side.recordings) > 1 else ""
    several += (
        f" of {'one run' if side.runs == 1 else f'{side.runs} runs'}"
        if several and side.runs < len(side.recordings)
        else ""
    )
    several += "".join(f", of GPU {each}" for each in side.devices if not each.endswith(" of 1"))
    first = ", without the first of each" if side.first_left_out else ""
    odd = f"; {side.odd_steps} of them take far longer or shorter than the others" if side.odd_steps else ""
    return f"{name}: {', '.join(side.given)}, {of}{several}{first}, found by {', '.join(side.found_by)}; median {duration(side.wall_median_ns)}{odd}"


def _that_differ(table: Table) -> Table:
    """The rows that differ: on one screen nobody looks for what does not."""
    differs = [difference != 0 for difference in table.cells("difference_ns")]
    return table.where(differs) if any(differs) else table
