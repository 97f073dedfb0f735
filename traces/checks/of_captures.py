"""The numbers of captures that limits are about: of every variant and regime that both sides timed.

`step.wall` is the unprofiled marginal time of an iteration; all others are of the recorded one (`recorded.py`). Of three captures or more a
side, each gives one number; of fewer the rounds of all serve, which know nothing of how far another run would be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from launchlens.traces.checks.decide import Measurement
from launchlens.traces.checks.limits import Limit, fits, names_that_fit
from launchlens.traces.checks.recorded import Key, Recorded
from launchlens.traces.comparisons.metrics import KNOWN, LAUNCHES, STEP
from launchlens.traces.gate.gate import DataRefusedError
from launchlens.traces.problems import InputError
from launchlens.traces.statistics import Floats
from launchlens.traces.studies.compare import REASONS
from launchlens.traces.studies.side import Side
from launchlens.traces.studies.study import Study
from launchlens.traces.studies.two_captures import differences_of_runs
from launchlens.traces.thresholds import THRESHOLDS


@dataclass(frozen=True)
class Found:
    """Measurements with their allowances, how many captures stand on the new and the base's side, and what else is to be known."""

    measured: tuple[tuple[Measurement, float], ...]
    recordings: tuple[int, int]
    notes: tuple[str, ...]


def _step(side: Side) -> Floats:
    return np.asarray(side.blocks["wall_ns"], np.float64)


def _busy(side: Side) -> Floats | None:
    recording = side.recording
    return None if recording is None or recording.gpu_busy_ns is None else np.array([recording.gpu_busy_ns])


def _launches(side: Side) -> Floats | None:
    return (
        None if side.recording is None else np.array([float(sum(row.per_iteration for row in side.recording.ledger))])
    )


#: What is known of a side without its trace; any other metric is asked of that.
METRICS: Mapping[str, Callable[[Side], Floats | None]] = {STEP: _step, "gpu.busy": _busy, LAUNCHES: _launches}
#: How many names a refusal shows.
_NAMED = 16


def measured(
    new: Sequence[Path],
    base: Sequence[Path],
    limits: Sequence[Limit],
    study: Callable[[Path], Study],
    *,
    allow_single: bool,
) -> Found:
    """Every metric of every variant and regime that a limit is about. Raises InputError for a limit that is about none."""
    notes: list[str] = []
    studies: dict[Path, Study] = {}
    for path in dict.fromkeys([*new, *base]):
        try:
            studies[path] = study(path)
        except DataRefusedError as error:
            notes.append(str(error))
    ours, theirs = ([studies.get(path) for path in side] for side in (new, base))
    known = [each for each in (*theirs, *ours) if each is not None]
    if not known:
        raise InputError(new[0], "and all others contradict themselves, so nothing can be checked", "record them again")
    if len(known) > 1:
        notes += [REASONS[code] for code in differences_of_runs(known)]
    few = min(len(new), len(base)) < THRESHOLDS.least_runs and not allow_single
    keys = list(dict.fromkeys(key for each in known for key in each.sides))
    recorded = Recorded()
    rows = []
    for limit in limits:
        of = [key for key in keys if fits(limit.variant, key[0]) and fits(limit.regime, key[1])]
        if not of:
            raise InputError(
                new[0], f"has no variant {limit.variant!r} in a regime {limit.regime!r}", f"it has: {_said(keys)}"
            )
        names = _names(new[0], limit.metric, known, of, recorded)
        rows += [
            (_measurement(name, key, theirs, ours, recorded, few=few), limit.allowance)
            for name, those in names.items()
            for key in those
        ]
    return Found(tuple(rows), (len(new), len(base)), tuple(notes))


def _names(
    path: Path, metric: str, studies: Sequence[Study], keys: Sequence[Key], recorded: Recorded
) -> Mapping[str, Sequence[Key]]:
    """The metrics that fit, with the variants and regimes that have them in a capture; one that is known by its name is asked of all."""
    if metric in METRICS or metric in KNOWN:
        return {metric: keys}
    found: dict[str, list[Key]] = {}
    known: dict[str, None] = dict.fromkeys(METRICS)
    for key in keys:
        names = dict.fromkeys([*METRICS, *(name for each in studies for name in recorded.names(each, key))])
        known |= names
        for name in names_that_fit(metric, names):
            found.setdefault(name, []).append(key)
    if not found:
        more = "" if len(known) <= _NAMED else f" and {len(known) - _NAMED} more"
        named = ", ".join(list(known)[:_NAMED])
        raise InputError(path, f"is a capture, of which {metric!r} is no metric", f"it has {named}{more}")
    return found


def _measurement(
    name: str, key: Key, base: Sequence[Study | None], new: Sequence[Study | None], recorded: Recorded, *, few: bool
) -> Measurement:
    sides = [[None if each is None else each.sides.get(key) for each in side] for side in (base, new)]
    refused = any(each is None for side in (base, new) for each in side)
    refused = refused or any(
        one is not None and bool(one.refused or (one.withheld and name != STEP)) for side in sides for one in side
    )
    values = [
        [
            None
            if study is None or one is None
            else METRICS[name](one)
            if name in METRICS
            else recorded.of(study, key, name)
            for study, one in zip(studies, side, strict=True)
        ]
        for studies, side in zip((base, new), sides, strict=True)
    ]
    why = "data-refused" if refused else "not-recorded" if any(each is None for side in values for each in side) else ""
    found = [tuple(each for each in side if each is not None and len(each)) for side in values]
    return Measurement(
        name,
        "" if name == LAUNCHES else "ns",
        found[0],
        found[1],
        *key,
        why_not=why or ("too-few-captures" if few else ""),
    )


def _said(keys: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{variant} ({regime})" for variant, regime in keys)
