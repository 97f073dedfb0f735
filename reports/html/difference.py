"""The report's difference section as plain data: a pair at a time, its waterfalls, its sum, and all of its cells."""

from __future__ import annotations

from collections.abc import Sequence

from launchlens.reports.figures.difference import difference_figure, steps
from launchlens.reports.html.parts import Chapter, Part, Table
from launchlens.reports.words.units import interval, signed_duration, times
from launchlens.traces.account import LaneName
from launchlens.traces.studies.compare import REASONS, Comparison
from launchlens.traces.studies.document import comparison_row
from launchlens.traces.studies.study import Study


def difference_chapters(study: Study, comparisons: Sequence[Comparison]) -> list[Chapter]:
    """A waterfall per pair, the fastest variant's first; two where the device's lane explains the difference."""
    chapters = []
    for index, regime in enumerate(study.regimes):
        mine = [comparison for comparison in comparisons if comparison.b.regime == regime]
        parts = [_pair(f"difference-{index}-{at}", comparison) for at, comparison in enumerate(mine)]
        notes = [] if mine else ["There is nothing to compare: only one variant was timed, or not the baseline."]
        chapters.append(Chapter(f"difference-{index}", regime, parts, notes))
    return chapters


def _pair(id: str, comparison: Comparison) -> Part:
    a, b, ratio = comparison.a, comparison.b, comparison.ratio
    title = f"{a.variant} → {b.variant}"
    unprofiled = (
        f"Without a profiler, {b.variant} takes {times(ratio.value)} the time of {a.variant} (95 % interval"
        f" {interval(ratio.interval)}): {'; '.join(REASONS[code] for code in comparison.reasons)}."
    )
    if comparison.difference_ns is None:
        return Part(title, (), [unprofiled], None, b.variant)
    lanes: tuple[LaneName, ...] = ("device", "host") if comparison.explained_by == "device" else ("host",)
    adds = [_sum_of(comparison, lane) for lane in lanes]
    drawings = [difference_figure(f"{id}-{lane}", comparison, lane) for lane in lanes]
    choice = f"{b.variant} ({signed_duration(comparison.difference_ns)})"
    return Part(title, drawings, [*adds, unprofiled], _difference_table(comparison), choice)


def _sum_of(comparison: Comparison, lane: LaneName) -> str:
    """The waterfall as a sum that a reader can check."""
    made = steps(comparison, lane)
    total = sum(step.ns for step in made)
    terms = " ".join(step.text.removesuffix(" µs").replace("+", "+ ").replace("−", "− ") for step in made)
    whole = f"{'−' if total < 0 else '+'}{abs(total) / 1000:.2f} µs per iteration"
    what = "what the device did" if lane == "device" else "what the host did"
    return f"Recorded, by {what}: {terms or '0.00'} = {whole}."


def _difference_table(comparison: Comparison) -> Table:
    found = comparison_row(comparison)
    known = all(side.recording is not None and side.recording.device for side in (comparison.a, comparison.b))
    rows = []
    for part in found.parts or []:
        bounds = part.interval_ns
        between = "no interval" if bounds is None else f"{bounds[0]:+,} to {bounds[1]:+,}"
        rows.append([part.host, (part.device if known else None) or "–", f"{part.ns:+,}", between])
    rows.append(["all", "", "" if found.difference_ns is None else f"{found.difference_ns:+,}", ""])
    columns = ["host", "device", "difference, ns", "95 % interval of the mean, ns"]
    return Table("The difference cell by cell, per iteration", columns, rows, names=2, total=True)
