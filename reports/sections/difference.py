"""The difference: a pair at a time, its waterfalls, its sum, and all of its cells."""

from __future__ import annotations

from collections.abc import Sequence

from launchlens.reports.blocks import Block, Chapter, Choice, Figure, Fold, Paragraph, Section
from launchlens.reports.figures.difference import Step, difference_figure, explained_figure, explained_steps, steps
from launchlens.reports.figures.drawing import short
from launchlens.reports.words.verdict import in_regime
from launchlens.traces.account import LaneName
from launchlens.traces.studies.compare import REASONS, Comparison
from launchlens.traces.studies.study import Study
from launchlens.traces.tables.differences import difference as difference_table
from launchlens.traces.tables.explained import parts
from launchlens.traces.tables.table import Table
from launchlens.traces.units import interval, percent, signed_duration, times


def difference(study: Study) -> Section:
    """A waterfall per pair, the fastest variant's first; two where the device's lane explains the difference."""
    comparisons = study.against_baseline
    gpu = any(side.recording is not None and side.recording.device is not None for side in study.sides.values())
    or_gpu = " (or, where the host waits for the GPU, that the GPU did)" if gpu else ""
    recorded = "" if study.light is not None else "recorded "
    intro = Paragraph(
        f"From the baseline’s {recorded}iteration to the variant’s, one step per thing that the host did{or_gpu}: steps to the left"
        " save time, steps to the right cost it, and together they are the whole difference (digits are rounded so that they add"
        " up too)."
    )
    chapters = [_chapter(study, index, regime, comparisons) for index, regime in enumerate(study.regimes)]
    return Section("difference", "Difference", "Difference: what makes one slower than the other", (intro, *chapters))


def _chapter(study: Study, index: int, regime: str, comparisons: Sequence[Comparison]) -> Chapter:
    mine = [comparison for comparison in comparisons if comparison.b.regime == regime]
    if not mine:
        nothing = "There is nothing to compare: only one variant was timed, or not the baseline."
        return Chapter(in_regime(regime), (Paragraph(nothing, "note"),))
    id = f"difference-{index}"
    pairs = tuple(_pair(f"{id}-{at}", comparison) for at, comparison in enumerate(mine))
    names = tuple(_name(comparison) for comparison in mine)
    label = f"Compare {short(study.capture.manifest.baseline)} with"
    return Chapter(in_regime(regime), (Choice(id, label, names, pairs),))


def _name(comparison: Comparison) -> str:
    whole = comparison.difference_ns if comparison.explained is None else comparison.explained.ns
    return comparison.b.variant if whole is None else f"{comparison.b.variant} ({signed_duration(whole)})"


def _pair(id: str, comparison: Comparison) -> Chapter:
    a, b, ratio = comparison.a, comparison.b, comparison.ratio
    unprofiled = (
        f"Without a profiler, {b.variant} takes {times(ratio.value)} the time of {a.variant} (95 % interval"
        f" {interval(ratio.interval)}): {'; '.join(REASONS[code] for code in comparison.reasons)}."
    )
    found = comparison.explained
    blocks: tuple[Block, ...] = (Paragraph(unprofiled, "note"),)
    if found is not None and found.closes:
        table = parts([comparison]).pick("The parts of the unprofiled difference", "lane", "state", "ns", "interval_ns")
        pace = (_changes_pace(comparison),) if found.changes_pace else ()
        drawn = (explained_figure(f"{id}-unprofiled", comparison, found),)
        blocks = (Figure(drawn, (_sum(explained_steps(found), "Without a profiler"), *pace, unprofiled), table),)
    elif found is not None:
        worst = max(found.a.closure, found.b.closure)
        text = f"Not explained: of one side {percent(worst)} of the unprofiled time can’t be attributed."
        blocks = (Paragraph(text, "warning"), *blocks)
    if comparison.difference_ns is not None:
        recorded = _as_recorded(id, comparison, () if found is not None and found.closes else (unprofiled,))
        # beside what explains the user's run, what was recorded of another one is for those who look for it
        as_recorded = "As recorded under the profiler, which adds to either side"
        blocks = (*blocks, Fold(as_recorded, (recorded,))) if found is not None else (recorded,)
    return Chapter(f"{a.variant} → {b.variant}", blocks, level=4)


def _as_recorded(id: str, comparison: Comparison, notes: tuple[str, ...]) -> Figure:
    lanes: tuple[LaneName, ...] = ("device", "host") if comparison.explained_by == "device" else ("host",)
    sums = tuple(_sum_of(comparison, lane) for lane in lanes)
    drawn = tuple(difference_figure(f"{id}-{lane}", comparison, lane) for lane in lanes)
    return Figure(drawn, (*sums, *notes), _table(comparison), "Host × device cells, with intervals")


def _changes_pace(comparison: Comparison) -> str:
    return (
        f"The two wait for different things: of {comparison.a.variant} stands what is gone, of {comparison.b.variant} what there is"
        " instead."
    )


def _table(comparison: Comparison) -> Table:
    cells = difference_table([comparison])
    picked = cells.pick("The difference cell by cell, per iteration", "host", "device", "ns", "interval_ns")
    return picked.exact("ns", "interval_ns").summed("ns")


def _sum_of(comparison: Comparison, lane: LaneName) -> str:
    """The waterfall as a sum that a reader can check."""
    what = "what the device did" if lane == "device" else "what the host did"
    return _sum(steps(comparison, lane), f"Recorded, by {what}")


def _sum(made: Sequence[Step], what: str) -> str:
    total = sum(step.ns for step in made)
    terms = " ".join(step.text.removesuffix(" µs").replace("+", "+ ").replace("−", "− ") for step in made)
    whole = f"{'−' if total < 0 else '+'}{abs(total) / 1000:.2f} µs per iteration"
    return f"{what}: {terms or '0.00'} = {whole}."
