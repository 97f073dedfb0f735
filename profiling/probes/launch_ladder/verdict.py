"""From timed bursts to the answer of the probe `launch-ladder`: what each step of a call costs the host, and which is largest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from launchlens.profiling.probes.launch_ladder.ladder import Account, Ladder, Times, account
from launchlens.profiling.probes.method.conclusion import concluded
from launchlens.profiling.probes.method.samples import cells, estimated
from launchlens.profiling.probes.method.tables import of_rows
from launchlens.traces.captures.probe_codes import launch_ladder as codes
from launchlens.traces.captures.probes import Cell, ColumnKind, Control, Probe, ProbeFigure, ProbeTable
from launchlens.traces.control import takes_as_long
from launchlens.traces.statistics import Estimate, median, paired_ratio
from launchlens.traces.thresholds import THRESHOLDS

WHAT_IS_LEFT = "what the steps leave of the whole: parts that no rung has, and what the parts cost otherwise when alone"


@dataclass(frozen=True)
class Launched:
    """What one call put into a CUDA graph: `nodes` of them, where `expected` are right."""

    call: str
    expected: int
    nodes: int


@dataclass(frozen=True)
class Checks:
    """What was found out about the calls besides their times.

    `right` says of each call that copies whether the destination then held the source. `same` says whether the launch that
    was rebuilt out of Triton's parts passes the launcher what Triton itself passes it; None where nothing was rebuilt.
    """

    launched: Sequence[Launched]
    right: Mapping[str, bool]
    same: bool | None = None


def conclude(ladders: Sequence[Ladder], times: Times, checks: Checks, notes: Sequence[str] = ()) -> Probe:
    """The probe's answer. `times` holds ns per call by rung: [rounds]."""
    accounts = {ladder.name: account(ladder, times) for ladder in ladders}
    return concluded(
        codes.ID,
        verdict=codes.verdict({name: found.largest for name, found in accounts.items()}),
        controls=controls(ladders, times, checks),
        figures=list(_figures(ladders, accounts, times)),
        tables=[_steps(ladder, accounts[ladder.name]) for ladder in ladders] + [_rungs(ladders, times)],
        notes=notes,
    )


def controls(ladders: Sequence[Ladder], times: Times, checks: Checks) -> list[Control]:
    """What must have been found before the answer counts."""
    again = {item.name: paired_ratio(times[item.again], times[item.whole]) for item in ladders}
    half = {item.name: paired_ratio(times[item.half], times[item.whole]) for item in ladders}
    disordered = [words for ladder in ladders for words in _disordered(ladder, times)]
    apart = [item.name for item in ladders if any(step.name == codes.API_CALL for step in item.steps)]
    miscounted = [item for item in checks.launched if item.nodes != item.expected]
    wrong = [name for name, right in checks.right.items() if not right]
    made = [
        Control(
            "the whole, timed twice in every round, takes as long as itself (within its interval or 5 %)",
            bool(again) and all(takes_as_long(ratio, THRESHOLDS.probe_control_within) for ratio in again.values()),
            _ratios(again),
        ),
        Control(
            "in bursts half as long a call takes as long (within 15 %), so no burst fills the queue",
            bool(half) and all(_near(ratio, THRESHOLDS.probe_half_within) for ratio in half.values()),
            _ratios(half),
        ),
        Control(
            "a rung is not dearer than the one that contains it, beyond its interval and 2 %",
            bool(ladders) and not disordered,
            "; ".join(disordered) or "none is",
        ),
        Control(
            "the API call was measured by itself, apart from the rungs",
            len(apart) == len(ladders) > 0,
            f"for {', '.join(apart) or 'none'}",
        ),
        Control(
            "a copy of no elements launches nothing, and each whole call launches one thing",
            bool(checks.launched) and not miscounted,
            "; ".join(f"{item.call}: {item.nodes}" for item in checks.launched) or "nothing was counted",
        ),
        Control(
            "the calls that copy wrote what they should",
            bool(checks.right) and not wrong,
            f"{', '.join(wrong)} did not" if wrong else f"{len(checks.right)} of {len(checks.right)} did",
        ),
    ]
    if checks.same is not None:
        found = "they are the same" if checks.same else "they differ"
        made.append(Control("Triton's parts, put together, call its launcher as Triton does", checks.same, found))
    return made


def _near(ratio: Estimate, by: float) -> bool:
    return abs(ratio.value - 1) <= by


def _ratios(found: Mapping[str, Estimate]) -> str:
    return ", ".join(f"{name} × {ratio.value:.3f}" for name, ratio in found.items()) or "nothing was timed"


def _disordered(ladder: Ladder, times: Times) -> Iterator[str]:
    for inner, outer in zip(ladder.nested, ladder.nested[1:], strict=False):
        step = median(times[outer] - times[inner])
        most = step.value if step.high is None else step.high
        if most < 0 and step.value < -THRESHOLDS.probe_rung_order * median(times[outer]).value:
            yield f"{inner} takes {-step.value:.0f} ns more than {outer}"


def _figures(ladders: Sequence[Ladder], accounts: Mapping[str, Account], times: Times) -> Iterator[ProbeFigure]:
    for ladder in ladders:
        name, found = ladder.name, accounts[ladder.name]
        yield estimated(found.whole, codes.WHOLE, of=name)
        for step, cost in found.steps.items():
            if step == codes.RESIDUAL:
                yield estimated(cost, codes.RESIDUAL, of=name)
            else:
                yield estimated(cost, codes.STEP, of=name, part=step)
        for more in ladder.beside:
            if times.keys() >= more.terms.keys():
                yield estimated(median(more.of(times)), codes.WHOLE, of=name, under=more.name)
    if len(ladders) > 1:
        first, *others = ladders
        for other in others:
            ratio = paired_ratio(times[other.whole], times[first.whole])
            yield estimated(ratio, codes.RATIO, "ratio", of=other.name, to=first.name)


def _steps(ladder: Ladder, found: Account) -> ProbeTable:
    columns: dict[str, ColumnKind] = {
        "step": "code",
        "time": "time",
        "low": "time",
        "high": "time",
        "share of the whole": "share",
        "what it contains": "text",
        "how it comes about": "text",
    }
    contains = {step.name: (step.contains, _sum(step.terms)) for step in ladder.steps}
    contains[codes.RESIDUAL] = (WHAT_IS_LEFT, "whole − all steps")

    def row(name: str, cost: Estimate, what: str, how: str) -> tuple[Cell, ...]:
        return name, *cells(cost), cost.value / found.whole.value, what, how

    rows = [row(name, cost, *contains[name]) for name, cost in found.steps.items()]
    rows.append(row("whole", found.whole, ladder.rungs[ladder.whole], ladder.whole))
    return of_rows(f"{ladder.name}: host time of one call, step by step", columns, rows)


def _sum(terms: Mapping[str, int]) -> str:
    """Rungs added and taken away: `a − b + 2 × c`."""
    words: list[str] = []
    for rung, factor in terms.items():
        sign = "−" if factor < 0 else "+" if words else ""
        times = f"{abs(factor)} × " if abs(factor) != 1 else ""
        words.append(f"{sign} {times}{rung}".strip())
    return " ".join(words)


def _rungs(ladders: Sequence[Ladder], times: Times) -> ProbeTable:
    rungs = {name: what for ladder in ladders for name, what in ladder.rungs.items() if name in times}
    rows: list[tuple[Cell, ...]] = []
    for name, what in rungs.items():
        rows.append((name, *cells(median(times[name])), len(times[name]), what))
    columns: dict[str, ColumnKind] = {
        "rung": "name",
        "time per call": "time",
        "low": "time",
        "high": "time",
        "rounds": "count",
        "what one call of it is": "text",
    }
    return of_rows("What was timed, in bursts of calls, round by round in turn", columns, rows)
