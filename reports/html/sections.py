"""The report's timing, account and timeline sections as plain data: figures, what they say, and tables beside them."""

from __future__ import annotations

from collections.abc import Sequence

from launchlens.reports.figures.account import account_figure
from launchlens.reports.figures.timeline import EVENTS, Summary, summary, timeline_figure
from launchlens.reports.figures.timing import SAMPLES, timing_figure
from launchlens.reports.html.parts import Chapter, Part, Table, timed_only
from launchlens.reports.words.units import duration, interval, times
from launchlens.traces.account import DEVICE_STATES
from launchlens.traces.studies.side import Side
from launchlens.traces.studies.study import Study
from launchlens.traces.timeline import Timeline

#: Rows of a timeline's table; what is left out is counted.
SUMMARY_ROWS = 40


def timing_chapters(study: Study) -> list[Chapter]:
    """Every variant's samples and interval, and how they were taken."""
    chapters = []
    for index, regime in enumerate(study.regimes):
        sides = study.in_regime(regime)
        names = [side.variant for side in study.winners(regime)] if len(sides) > 1 else []
        drawing = timing_figure(f"timing-{index}", sides, study.controls.get(regime), names)
        rows = [_timing_row(side, side.variant) for side in sides]
        if regime in study.controls:
            rows.append(_timing_row(study.controls[regime], f"{study.controls[regime].variant}, timed again"))
        columns = ["variant", "median", "95 % interval, µs", "rounds", "submitting", "between device events"]
        table = Table("Unprofiled time per iteration", columns, rows)
        chapters.append(Chapter(f"timing-{index}", regime, [Part("", [drawing], _timing_notes(study, regime), table)]))
    return chapters


def _timing_row(side: Side, name: str) -> list[str]:
    device = "–" if side.device is None else duration(side.device.value)
    bounds = interval(side.wall.interval, 1000)
    return [name, duration(side.wall.value), bounds, str(side.wall.samples), duration(side.host.value), device]


def _timing_notes(study: Study, regime: str) -> list[str]:
    timings = study.capture.timings
    mine = timings[timings["regime"] == regime]
    rounds, blocks = mine["round"].nunique(), sorted(mine["iterations"].unique())
    per_block = f"{blocks[0]:,}" if len(blocks) == 1 else f"{blocks[0]:,} to {blocks[-1]:,}"
    notes = [
        f"No profiler: {rounds:,} rounds, each with one block of {per_block} iterations of every variant, in turn."
    ]
    if rounds > SAMPLES:
        notes.append(f"At most {SAMPLES} of {rounds:,} samples are drawn per variant, evenly thinned.")
    clocks = mine["sm_clock_mhz"].dropna()
    if len(clocks):
        low, high = int(clocks.min()), int(clocks.max())
        notes.append(f"SM clock before the rounds: {low:,} MHz" + (f" to {high:,} MHz." if high != low else "."))
    control = study.control_ratio(regime)
    if control is None:
        notes.append("The baseline was not timed against itself, so there is no A/A control.")
    else:
        notes.append(
            f"A/A control: the baseline against itself gives {times(control.value)}, 95 % interval {interval(control.interval)}."
        )
    return notes


def account_chapters(study: Study) -> list[Chapter]:
    """The stacked account of every recorded variant, with the exact numbers."""
    chapters = []
    for index, regime in enumerate(study.regimes):
        sides = [side for side in study.in_regime(regime) if side.recording is not None]
        notes = timed_only(study, regime)
        if not sides:
            chapters.append(Chapter(f"account-{index}", regime, [], notes))
            continue
        if any(side.recording is not None and side.recording.device is None for side in sides):
            notes.append(_no_device(study))
        table = _account_table(sides)
        chapters.append(
            Chapter(
                f"account-{index}",
                regime,
                [Part("", [account_figure(f"account-{index}", sides)], (), table)],
                notes,
            )
        )
    return chapters


def _no_device(study: Study) -> str:
    if study.capture.manifest.device == "cpu":
        return "There is no GPU in this capture, so there is no device lane: only the host's time is split."
    return "The trace holds no GPU activity, so what the device did is unknown: only the host's time is split."


def _account_table(sides: Sequence[Side]) -> Table:
    """Whole ns per iteration, host state by device state; every row and every variant sums to what it shows."""
    rows = []
    for side in sides:
        recording = side.recording
        assert recording is not None
        account = recording.per_iteration.whole()
        for host, on_device in [*account.by_host_and_device().items(), ("all", account.on_device())]:
            shown = [f"{ns:,}" if account.device_known else "–" for ns in on_device.values()]
            rows.append([side.variant, host, *shown, f"{sum(on_device.values()):,}"])
    return Table(
        "Profiled time of one iteration, ns: host state by what the device did meanwhile",
        ["variant", "host", *DEVICE_STATES, "sum"],
        rows,
        names=2,
    )


def timeline_chapters(study: Study) -> list[Chapter]:
    """One recorded iteration of each variant."""
    chapters = []
    for index, regime in enumerate(study.regimes):
        shown = [
            (side, side.recording.timeline)
            for side in study.in_regime(regime)
            if side.recording is not None and side.recording.timeline is not None
        ]
        longest = max((_extent(timeline) for _, timeline in shown), default=0.0)
        parts = []
        for at, (side, timeline) in enumerate(shown):
            drawing = timeline_figure(f"timeline-{index}-{at}", side.variant, timeline, longest)
            events, notes = len(timeline.events), []
            if events > EVENTS:
                notes.append(f"{EVENTS:,} of {events:,} events are drawn: the longest ones. The trace holds them all.")
            title = f"{side.variant}, {duration(timeline.length_ns)}"
            parts.append(Part(title, [drawing], notes, _summary_table(summary(timeline))))
        notes = [] if shown else ["No single iteration was recorded."]
        chapters.append(Chapter(f"timeline-{index}", regime, parts, notes))
    return chapters


def _extent(timeline: Timeline) -> float:
    ends = timeline.events["end_ns"]
    return float(max(timeline.length_ns, ends.max() if len(ends) else 0))


def _summary_table(rows: Sequence[Summary]) -> Table:
    shown = [[row.lane, row.kind, row.name, f"{row.count:,}", f"{row.total_ns:,}"] for row in rows[:SUMMARY_ROWS]]
    caption = "What happened in this iteration; events nest, so the times don't add up"
    if len(rows) > SUMMARY_ROWS:
        caption += f" ({SUMMARY_ROWS} of {len(rows):,} names)"
    return Table(caption, ["lane", "kind", "name", "times", "ns in all"], shown, names=3)
