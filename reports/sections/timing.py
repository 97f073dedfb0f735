"""Timing: every variant's samples and interval, and how they were taken."""

from __future__ import annotations

from launchlens.reports.blocks import Block, Chapter, Figure, Paragraph, Section
from launchlens.reports.figures.timing import SAMPLES, timing_figure
from launchlens.reports.words.verdict import in_regime
from launchlens.traces.studies.study import Study
from launchlens.traces.tables.table import Table
from launchlens.traces.tables.timing import timing as timing_table
from launchlens.traces.units import interval, times

_COLUMNS = ("variant", "control", "wall_ns", "wall_interval_ns", "rounds", "host_ns", "device_ns")


def timing(study: Study) -> Section:
    """A figure and a table a regime."""
    intro = Paragraph(
        "Time of one iteration with no profiler attached, fastest on top. Each faint point is one round; the dot is the median,"
        " the bar through it its 95 % interval. The hollow row times the baseline a second time: it shows what “the same” looks"
        " like here."
    )
    blocks: list[Block] = [intro]
    for index, regime in enumerate(study.regimes):
        sides = study.in_regime(regime)
        best = [side.variant for side in study.winners(regime)] if len(sides) > 1 else []
        drawing = timing_figure(f"timing-{index}", sides, study.controls.get(regime), best)
        figure = Figure((drawing,), tuple(_notes(study, regime)), _table(study, regime))
        blocks.append(Chapter(in_regime(regime), (figure,)))
    return Section("timing", "Timing", "Timing: what is faster, and how sure that is", tuple(blocks))


def _table(study: Study, regime: str) -> Table:
    return timing_table(study).only("", regime=regime).pick("Unprofiled time per iteration", *_COLUMNS)


def _notes(study: Study, regime: str) -> list[str]:
    timings = study.capture.timings
    mine = timings[timings["regime"] == regime]
    rounds, lengths = mine["round"].nunique(), sorted(mine["iterations"].unique())
    per_block = f"{lengths[0]:,}" if len(lengths) == 1 else f"{lengths[0]:,} to {lengths[-1]:,}"
    one_length = "only" in set(mine["length"])
    blocks = "one block" if one_length else "a short block and one twice as long"
    notes = [
        f"No profiler: {rounds:,} rounds, each with {blocks} of every variant, in turn, of {per_block} iterations."
    ]
    if not one_length:
        notes.append("The time of an iteration is what the long block takes more, by the iterations that it has more.")
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
