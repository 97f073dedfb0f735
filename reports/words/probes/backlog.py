"""The words for the probe `backlog`."""

from __future__ import annotations

from launchlens.reports.words.probes.words import ProbeWords, by_code
from launchlens.traces.captures.probe_codes import backlog as codes
from launchlens.traces.captures.probe_codes.verdicts import NO_FLIP
from launchlens.traces.captures.probes import FigureKey, Probe, ProbeFigure
from launchlens.traces.units import listed, times

ASKS = "Does the ranking of the variants flip when the device never waits for the host?"
VERDICTS = {codes.FLIPS: "Ranking flips", codes.HOLDS: "Ranking holds", NO_FLIP: "No flip shown"}
UNDER = {codes.BEHIND: "behind a backlog", codes.EAGER: "eager"}
COUNTS = {
    codes.PAIRS_THAT_FLIP: "pairs that flip",
    codes.PAIRS_IN_ORDER: "pairs that keep their order",
    codes.PAIRS_UNDECIDED: "pairs whose order is not shown",
    codes.LEFT_OUT: "variants not put behind a backlog",
}
#: Flips that are named; the table holds the others.
NAMED = 3


def _says(probe: Probe) -> str:
    lead = "With all work queued before the device may begin, so that it never waits for the host, "
    return " ".join([lead + _orders(probe), *_against_the_baseline(probe), *_left_out(probe)])


def _orders(probe: Probe) -> str:
    flips, keeps, open_ = (
        probe.value(what) or 0 for what in (codes.PAIRS_THAT_FLIP, codes.PAIRS_IN_ORDER, codes.PAIRS_UNDECIDED)
    )
    of = f"of {flips + keeps + open_:,.0f} pairs of variants"
    undecided = [f"of {open_:,.0f} it is not shown"] if open_ else []
    if flips:
        return listed([f"{flips:,.0f} {of} change their order", f"{keeps:,.0f} keep it", *undecided]) + "."
    return listed([f"{keeps:,.0f} {of} keep their order", *undecided]) + "."


def _left_out(probe: Probe) -> list[str]:
    out = probe.figure(codes.LEFT_OUT)
    if out is None or not out.value:
        return []
    return [f"{out.value:,.0f} {out.counted} could not be put behind a backlog; the table of them says why."]


def _against_the_baseline(probe: Probe) -> list[str]:
    """The sentence on the variants that are faster than the baseline under one condition, and slower under the other."""
    flips: list[str] = []
    baseline = ""
    for eager in probe.figures:
        behind = probe.figure(codes.RATIO, of=eager.of, to=eager.to, under=codes.BEHIND)
        if (eager.what, eager.under) == (codes.RATIO, codes.EAGER) and behind is not None and _flip(eager, behind):
            flips.append(
                f"{eager.of} ({times(eager.value or 0)} eagerly, {times(behind.value or 0)} behind the backlog)"
            )
            baseline = eager.to
    more = [f"{len(flips) - NAMED} more"] if len(flips) > NAMED else []
    return [f"Against {baseline} it flips for {listed([*flips[:NAMED], *more])}."] if flips else []


def _flip(eager: ProbeFigure, behind: ProbeFigure) -> bool:
    if eager.interval is None or behind.interval is None:
        return False
    return (eager.interval[1] < 1 < behind.interval[0]) or (behind.interval[1] < 1 < eager.interval[0])


def _figure(key: FigureKey) -> str:
    if key.what in COUNTS:
        return COUNTS[key.what]
    under = UNDER.get(key.under, key.under)
    if key.what == codes.DEVICE_TIME:
        return f"{key.of}: device time {under}"
    if key.what == codes.WALL_TIME:
        return f"{key.of}: {under} time"
    return f"{key.of} ÷ {key.to} {under}" if key.what == codes.RATIO else ""


WORDS = ProbeWords(codes.ID, ASKS, _says, _figure, by_code(VERDICTS))
