"""New recordings held against those of a base: every limit on every metric that it is about, of captures or of traces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from launchlens.traces.checks import of_captures, of_traces
from launchlens.traces.checks.decide import Outcome, Row, decided
from launchlens.traces.checks.limits import Limit
from launchlens.traces.comparisons.sides import Reading
from launchlens.traces.problems import InputError
from launchlens.traces.studies.named_sides import runs_of
from launchlens.traces.studies.study import Study


@dataclass(frozen=True)
class Check:
    """What was checked: a row a limit and metric. `notes` are what the sides differ in besides the program, and files that were not used."""

    of: Literal["captures", "traces"]
    new: tuple[str, ...]
    base: tuple[str, ...]
    recordings: tuple[int, int]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    @property
    def outcome(self) -> Outcome:
        """What the whole comes to: slower where anything is, else undecided, else not shown, else passed."""
        found = {row.outcome for row in self.rows}
        order: tuple[Outcome, ...] = ("slower", "undecided", "not-shown")
        return next((each for each in order if each in found), "passed")


def check(
    new: Sequence[str],
    base: Sequence[str],
    limits: Sequence[Limit],
    study: Callable[[Path], Study],
    *,
    steps: str | None = None,
    allow_single: bool = False,
    reading: Reading | None = None,
) -> Check:
    """Hold `new` against `base`, each one or several captures or traces, or folders and patterns of them.

    `study` reads a capture. Raises InputError for what can't be used, and for a limit that is about nothing that either side has.
    """
    new, base = list(dict.fromkeys(new)), list(dict.fromkeys(base))
    runs = [_captures(given) for given in (new, base)]
    if all(runs):
        captures = of_captures.measured(runs[0], runs[1], limits, study, allow_single=allow_single)
        rows, notes = decided(captures.measured), captures.notes
        return Check("captures", tuple(new), tuple(base), captures.recordings, tuple(rows), notes)
    if any(runs):
        raise InputError(
            new[0], f"can't be checked against {base[0]}: one is a capture, the other a trace", "give two of a kind"
        )
    traces = of_traces.measured(new, base, limits, steps=steps, reading=reading)
    return Check("traces", tuple(new), tuple(base), traces.recordings, tuple(decided(traces.measured)), traces.notes)


def _captures(given: Sequence[str]) -> list[Path]:
    """The captures that a side stands for, each once: one that is given twice is no second run."""
    found = [each for side in given for each in runs_of(Path(side.partition("::")[0]))]
    return list({each.resolve(): each for each in found}.values())
