"""The analysis of a trace: its page, and the same blocks for every other medium."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from msgspec.structs import replace as replace_document

from launchlens.reports.blocks import (
    Bar,
    Block,
    Chapter,
    Choice,
    Fold,
    Page,
    Paragraph,
    Reference,
    Section,
    Shown,
    Tone,
)
from launchlens.reports.figures.drawing import DEVICE_COLOURS, HOST_COLOURS
from launchlens.reports.figures.step_strips import step_strips
from launchlens.reports.pages.trace_links import Links, named_apart, step_anchor
from launchlens.reports.words.codes import DEVICE_WORDS, HOST_WORDS
from launchlens.reports.words.recorder import recorder
from launchlens.traces.analyses.answers import Answers
from launchlens.traces.analyses.catalogue import BRIEF, CATALOGUE
from launchlens.traces.documents.analysis import AccountOfTrace, AnalysisDocument
from launchlens.traces.problems import InputError, Severity
from launchlens.traces.step_timelines import StepTimeline
from launchlens.traces.tables import accounts, of_trace
from launchlens.traces.tables.table import Table
from launchlens.traces.units import duration, percent, size

#: The tables of the document itself.
OF_DOCUMENT = ("advice", "advice_rows", "totals", "ranges", "launch_cost", "account")
NO_WINDOW = "No time account: no thread launches anything, and neither --range nor --thread was given."
NO_STEPS = "No advice: no steps were found, by which savings are told. Name the ranges that are the steps with --steps."
NOT_WORTH_IT = "No advice: of the changes that are known none would save enough of a step to be seen."
MORE = "More: --full (all), --show idle (each gap), --html FILE (timelines), `launchlens open` (Perfetto)."
#: The tables of a trace, in order: the section of each, by its id on the page and its title. One without rows is left out there.
#: What is worked out of the trace itself is an analysis (`launchlens.traces.analyses`).
TABLES: tuple[tuple[str, str, Callable[[AnalysisDocument], Table]], ...] = (
    ("totals", "GPU work and launches", of_trace.totals),
    ("ranges", "Ranges", of_trace.ranges),
    ("costs", "Launch costs", of_trace.launch_cost),
)
#: Sections that the first screen of a terminal leaves out; and the totals, where it has a table of kernels.
BEYOND_A_SCREEN = ("ranges", "costs")
#: A cause of less of the idle time than this has no row on the first screen.
LEAST_OF_IDLE = 0.01
TONES: dict[Severity, Tone] = {"info": "note", "warning": "warning", "error": "error"}


def page(document: AnalysisDocument, answers: Sequence[Table] = (), timelines: Sequence[StepTimeline] = ()) -> Page:
    """The analysis as a page: verdict, timelines of some steps, account as bars, and every table; `answers` are those of the analyses."""
    devices = Counter(document.source.devices.values())
    on = "".join(f"; {f'{count} × ' if count > 1 else ''}{device}" for device, count in devices.items())
    return Page(
        brand="launchlens analysis",
        title=Path(document.source.path).name,
        says="",
        measured=f"{size(document.source.bytes)}, recorded by {_recorder(document)}{on}",
        sections=tuple(_said_once(each) for each in sections(document, answers, timelines)),
        foot="Made by launchlens. This page is complete in itself: it loads nothing, and its scripts only sort and search its tables, and "
        "find one's way in it.",
        sortable=True,
    )


def blocks(document: AnalysisDocument, answers: Sequence[Table] = (), *, brief: int | None = None) -> list[Block]:
    """What a terminal shows: where the trace is from, what to know about it, its tables, and its account last.

    A `brief` first screen has so many rows of each table, and leaves out those of BEYOND_A_SCREEN.
    """
    source = document.source
    head = Paragraph(f"{source.path}, {size(source.bytes)}, recorded by {_recorder(document)}")
    left_out = ("account", *(BEYOND_A_SCREEN if brief is not None else ()))
    if brief is not None:  # a screen without a table of what isn't there is no surprise
        known = [each for each in document.problems if each.code != "table-absent"]
        document = replace_document(document, problems=known)
    if brief is not None:
        left_out = (*left_out, *(f"table-{table.name}" for table in answers if table.name not in BRIEF))
        if any(table.name == "kernels" for table in answers):
            left_out = (*left_out, "totals")
    shown = [block for section in sections(document, answers) if section.id not in left_out for block in section.blocks]
    if brief is not None:
        shown = [_brief(block, brief) if isinstance(block, Shown) else block for block in shown]
    shown = [replace(block, table=for_people(block.table)) if isinstance(block, Shown) else block for block in shown]
    more = [Paragraph(MORE, "note")] if brief is not None else []
    return [head, *shown, *_accounts(document, exact=False), *more]


def tables(document: AnalysisDocument, answers: Sequence[Table] = ()) -> list[Table]:
    """Every table of a trace; a trace that launches nothing has no account."""
    advised = [of_trace.advice(document), of_trace.advice_rows(document)] if document.advice else []
    own = (*advised, *(make(document) for _, _, make in TABLES))
    return [*own, *answers, *accounts.of_trace(document)]


def _said_once(section: Section) -> Section:
    """A section of a page whose one table is not called again what the heading calls it."""
    match section.blocks:
        case (Shown() as only,) if only.table.title == section.title:
            return replace(section, blocks=(replace(only, style="bare"),))
        case _:
            return section


def for_people(table: Table) -> Table:
    """A table with the columns that a terminal has room for; files and the page have all."""
    if table.name == "ranges":
        return table.pick(table.title, *of_trace.RANGES_ON_A_SCREEN)
    alike = _alike(table)
    return named_apart(table.without(alike) if alike and table.pivot is None else table)


def _alike(table: Table) -> set[str]:
    """The column that people need only where it has several values, where it has one."""
    named = {question.name: question.of_several for question in CATALOGUE}.get(table.name, "")
    return {named} if named in table and len({*table.cells(named)}) <= 1 else set()


def _brief(block: Shown, most: int) -> Shown:
    """A table with the columns that its analysis shows first, and `most` of its rows: of causes of idle time those that weigh anything."""
    if block.table.name == "idle_causes":
        causes = block.table.where((count or 0) > 0 for count in block.table.cells("count"))
        block = replace(block, table=causes)
        most = min(most, max(sum((share or 0) >= LEAST_OF_IDLE for share in causes.cells("share")), 1))
    block = replace(block, most=most, whole=f"--show {block.table.name}")
    first = {question.name: question.brief for question in CATALOGUE}.get(block.table.name)
    if not first:
        return block
    alike = _alike(block.table)
    return replace(block, table=block.table.pick(block.table.title, *(name for name in first if name not in alike)))


def one(document: AnalysisDocument, answered: Answers, name: str, option: str) -> Table:
    """The table of this name, for which `option` asked. Raises InputError where there is none, or the trace holds nothing of it."""
    found = {table.name: table for table in tables(document, [*answered.tables.values()])}
    if name in answered.lacking:
        raise InputError(document.source.path, f"has no table {name}: {answered.lacking[name]}")
    if name in ("advice", "advice_rows") and name not in found:
        why = (NO_STEPS if document.verdict.steps is None else NOT_WORTH_IT).removeprefix("No advice: ")
        raise InputError(document.source.path, f"has no table {name}: {why}")
    if name not in found:
        raise InputError(option, f"{name!r} is none of {', '.join(found)}")
    return found[name]


def sections(
    document: AnalysisDocument, answers: Sequence[Table] = (), timelines: Sequence[StepTimeline] = ()
) -> Iterator[Section]:
    """What limits the program and what would help, what to know about the trace, timelines of some steps, its account, and its tables.

    Tables without rows are left out.
    """
    made = [(id, title, make(document)) for id, title, make in TABLES]
    own = [of_trace.advice_rows(document), *(table for _, _, table in made)]
    links = Links({table.name: table for table in (*own, *answers) if len(table)}, timelines)
    yield Section("verdict", "Verdict", "What limits it, and what would help", tuple(_verdict(document, links)))
    problems = _problems(document)
    if any(each.severity != "info" for each in document.problems):
        yield from problems
    if timelines:
        title = "Timeline of a step" if document.verdict.steps else "Timeline"
        yield Section("timeline", "Timeline", title, tuple(_timeline(timelines, links)))
    yield from problems
    yield Section("account", "Account", "Time account", tuple(_accounts(document, exact=True)))
    first, *others = made
    for id, title, table in (first, *((f"table-{each.name}", each.title, each) for each in answers), *others):
        if len(table):
            yield Section(id, title, title, (links.shown(table),))


def _problems(document: AnalysisDocument) -> Iterator[Section]:
    """What was met, where anything was."""
    if document.problems:
        said = tuple(
            Paragraph(f"{each.severity}: {each.count} × {each.code}: {each.meaning}", TONES[each.severity])
            for each in document.problems
        )
        yield Section("problems", "Problems", "What to know about this trace", said)


def _timeline(timelines: Sequence[StepTimeline], links: Links) -> Iterator[Block]:
    """One step at a time; the first is shown first."""
    yield Paragraph(
        f"{timelines[0].spans} A gap of the GPU has the colour and the letter of what the GPU "
        "waited for. Each box leads to its row in the tables below, and rows lead back here.",
        "note",
    )
    names, chapters = [], []
    names_tell = len({timeline.name for timeline in timelines}) == len(timelines)
    for timeline in timelines:
        anchor = step_anchor(timeline.number)
        name = timeline.name if names_tell else f"{timeline.name}, number {timeline.number}"
        names.append(f"{name}, {duration(timeline.length_ns)}: {timeline.why}")
        strips = step_strips(f"{anchor}-lanes", timeline, links.of_piece, links.anchor, links.kernel_names)
        chapters.append(Chapter(names[-1], (strips,), anchor))
    yield Choice("timelines", "Step", tuple(names), tuple(chapters))


def _verdict(document: AnalysisDocument, links: Links) -> Iterator[Block]:
    """The verdict, each piece of advice with how it is followed, and what they rest on."""
    yield Paragraph(document.verdict.sentence, references=links.of_verdict(document))
    if document.verdict.devices_sentence is not None:
        yield Paragraph(document.verdict.devices_sentence, references=links.of_devices(document))
    if "steps" in links.tables:
        yield _steps(document, links)
    for number, row in enumerate(document.advice, 1):
        said = f"{number}. {row.sentence}"
        yield Paragraph(said, "good", links.of_advice(said, row.code))
        yield Paragraph(row.how, "note", indent=3)
    if document.verdict.steps is None:
        yield Paragraph(NO_STEPS, "note")
    elif not document.advice and document.verdict.share is not None:
        yield Paragraph(NOT_WORTH_IT, "note")
    if document.advice:
        yield Fold("What the advice rests on", (links.shown(of_trace.advice_rows(document)),))


def _steps(document: AnalysisDocument, links: Links) -> Paragraph:
    """How many steps that is about, and how long the median one takes."""
    steps = links.tables["steps"]
    median = sorted(steps.cells("wall_ns"))[(len(steps) - 1) // 2]
    many = f"The median of {len(steps):,} steps" if len(steps) > 1 else "One step"
    said = f"{many} ({document.verdict.steps_found_by}) takes "
    text = f"{said}{duration(median)}, under the profiler."
    at = links.row("steps", wall_ns=median)
    return Paragraph(text, references=(Reference(len(said), len(said) + len(duration(median)), at),) if at else ())


def _recorder(document: AnalysisDocument) -> str:
    return recorder(document.source.recorded_by, document.source.recorded_by_version)


def _accounts(document: AnalysisDocument, *, exact: bool) -> Iterator[Block]:
    """Bars and cells, of each device; `exact` where there is room for every nanosecond."""
    if document.account is None:
        yield Paragraph(NO_WINDOW, "note")
        return
    first = document.account
    for account in (first, *(each for each in document.accounts if each.device != first.device)):
        yield from _account(account, exact=exact)


def _account(account: AccountOfTrace, *, exact: bool) -> Iterator[Block]:
    if account.window_ns:
        yield from account_bars(account)
    cells = accounts.cells(account)
    yield Shown(cells.exact("ns").changed(title=f"{cells.title}, in ns") if exact else cells)


def account_bars(account: AccountOfTrace) -> Iterator[Bar]:
    """The host's and the device's share of the window, as bars of coloured parts."""
    host, device = Counter[str](), Counter[str]()
    for cell in account.cells:
        host[cell.host] += cell.ns
        if cell.device is not None:
            device[cell.device] += cell.ns
    for title, sums, colours, words in (
        ("Host", host, HOST_COLOURS, HOST_WORDS),
        ("GPU", device, DEVICE_COLOURS, DEVICE_WORDS),
    ):
        parts = tuple(
            (colour, words[state], sums[state] / account.window_ns, _share(sums[state], account.window_ns))
            for state, colour in colours.items()
            if sums[state]
        )
        if parts:
            yield Bar(title, parts)


def _share(ns: int, whole: int) -> str:
    return f"{duration(ns)}, {percent(ns / whole)}"
