"""The timeline: one recorded iteration of each variant, event by event."""

from __future__ import annotations

from launchlens.reports.blocks import Block, Chapter, Figure, Legend, Paragraph, Section, Together, drawings
from launchlens.reports.figures.drawing import DEVICE_COLOURS
from launchlens.reports.figures.timeline import EVENTS, STYLES, summary, timeline_figure
from launchlens.reports.sections.account import colours_met
from launchlens.reports.words.verdict import in_regime
from launchlens.traces.studies.side import Side
from launchlens.traces.studies.study import Study
from launchlens.traces.tables.table import Column, Table, table
from launchlens.traces.timeline import Timeline
from launchlens.traces.units import duration

#: Rows of a timeline's table; what is left out is counted.
SUMMARY_ROWS = 40


def timeline(study: Study) -> Section:
    """A figure a variant, on one scale for a regime."""
    chapters = [_chapter(study, index, regime) for index, regime in enumerate(study.regimes)]
    seen = drawings(chapters)
    colours = colours_met({style: colour for style, (colour, _) in STYLES.items()}, seen, "timeline")
    gpu = bool(set(colours) & set(DEVICE_COLOURS))
    rows = (
        "Above, the host’s calls by nesting; below, the GPU. A grey line leads from each launch to the work it caused."
        if gpu
        else "The rows are the host’s calls by nesting."
    )
    intro = Paragraph(
        f"One recorded iteration of each variant, of middle length. {rows} Point at a bar for its name; drag across to look"
        " closer, double-click to go back."
    )
    legend = Legend(tuple((colour, style, "") for style, colour in colours.items()), "Colours of the timeline")
    return Section("timeline", "Timeline", "Timeline: one iteration, event by event", (intro, legend, *chapters))


def _chapter(study: Study, index: int, regime: str) -> Chapter:
    shown = [
        (side, side.recording.timeline)
        for side in study.in_regime(regime)
        if side.recording is not None and side.recording.timeline is not None
    ]
    if not shown:
        return Chapter(in_regime(regime), (Paragraph("No single iteration was recorded.", "note"),))
    longest = max(_extent(each) for _, each in shown)
    id = f"timeline-{index}"
    parts = tuple(_part(f"{id}-{at}", side, each, longest) for at, (side, each) in enumerate(shown))
    return Chapter(in_regime(regime), (Together(id, "the same µs scale for all variants", parts),))


def _part(id: str, side: Side, it: Timeline, longest: float) -> Block:
    events, notes = len(it.events), []
    if events > EVENTS:
        notes.append(f"{EVENTS:,} of {events:,} events are drawn: the longest ones. The trace holds them all.")
    figure = Figure(
        (timeline_figure(id, side.variant, it, longest),), tuple(notes), _summary(it), "What happened in it"
    )
    return Chapter(f"{side.variant}, {duration(it.length_ns)}", (figure,), level=4)


def _extent(it: Timeline) -> float:
    ends = it.events["end_ns"]
    return float(max(it.length_ns, ends.max() if len(ends) else 0))


def _summary(it: Timeline) -> Table:
    columns = (
        Column("lane", "code", "host or gpu"),
        Column("kind", "code", "what kind of event"),
        Column("name", "name", "its name"),
        Column("count", "count", "how often it happened", title="times"),
        Column(
            "total_ns", "time", "its time in all; events nest, so times don't add up", title="ns in all", shown_in="ns"
        ),
    )
    rows = [[row.lane, row.kind, row.name, row.count, row.total_ns] for row in summary(it)]
    caption = "What happened in this iteration; events nest, so the times don't add up"
    if len(rows) > SUMMARY_ROWS:
        caption += f" ({SUMMARY_ROWS} of {len(rows):,} names)"
    return table("iteration", caption, columns, rows[:SUMMARY_ROWS])
