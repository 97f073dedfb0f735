"""What `analyze` names of a trace, marked in it: its steps, the gaps of its GPU by cause, the places of its advice, its longest kernels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from launchlens.traces.advice.advise import advise
from launchlens.traces.advice.candidate import Saving
from launchlens.traces.advice.words import advice_sentence, how_to
from launchlens.traces.analyses.kernel_names import short_name
from launchlens.traces.intervals import Ints
from launchlens.traces.perfetto.layers import Layer
from launchlens.traces.steps.gaps import CAUSES, Gaps
from launchlens.traces.steps.stepped import Stepped
from launchlens.traces.thresholds import THRESHOLDS

GROUP, CATEGORY = "launchlens", "launchlens"
#: Gaps, and places of one piece of advice, that are marked: the longest.
MOST_MARKED = 5_000
#: Kernels that are marked: single ones, whatever their names.
LONGEST = 50

_STEPS_SAYS = (
    "The steps of `launchlens analyze`: each from the end of the one before to the end of its own last work. Found by "
)
_IDLE_SAYS = (
    "When the GPU had nothing to do for {least:g} µs or more, by what it waited for: the cause that most of the gap is put down to"
    " (`analyze --show idle`). "
)


def mark_layers(stepped: Stepped) -> list[Layer]:
    """The marks of a trace, none of what it does not hold."""
    return [layer for layer in _marks(stepped) if len(layer.start_ns)]


def _marks(stepped: Stepped) -> Iterator[Layer]:
    steps = stepped.steps
    if steps is not None:
        yield _layer("steps", steps.names, steps.start_ns, steps.done_ns, _STEPS_SAYS + steps.found_by)
    for each in stepped.each_device:
        assert each.gaps is not None
        yield _idle(each, each.gaps)
    for number, saving in enumerate(advise(stepped), 1):
        yield _advice(stepped, number, saving)
    for each in stepped.each_device:
        yield _longest_kernels(each)


def _layer(
    track: str,
    names: tuple[str, ...] | list[str],
    start: Ints,
    end: Ints,
    says: str,
    arguments: list[dict[str, int | str]] | None = None,
) -> Layer:
    codes, used = pd.factorize(np.array(names, object))
    path = (GROUP, track)
    return Layer(
        path, [str(each) for each in used], codes.astype(np.int64), start, end, None, says, CATEGORY, arguments or ()
    )


def _idle(stepped: Stepped, gaps: Gaps) -> Layer:
    """The gaps that `analyze` lists, each under its cause."""
    marked, says = _longest(gaps.length_ns, np.flatnonzero(gaps.length_ns >= THRESHOLDS.idle_gap_ns))
    causes = [CAUSES[each] for each in gaps.cause[marked]]
    arguments = [
        _known({"of that cause, ns": part, "before": before, "after": after})
        for part, before, after in zip(
            gaps.parts[marked, gaps.cause[marked]].tolist(),
            _short_names(stepped, gaps.before_row[marked]),
            _short_names(stepped, gaps.after_row[marked]),
            strict=True,
        )
    ]
    track = f"idle by cause: GPU {gaps.device}"
    says = _IDLE_SAYS.format(least=THRESHOLDS.idle_gap_ns / 1000) + says
    return _layer(track, causes, gaps.start_ns[marked], gaps.end_ns[marked], says, arguments)


def _advice(stepped: Stepped, number: int, saving: Saving) -> Layer:
    """The events that a piece of advice rests on."""
    code = saving.candidate.code
    rows = np.concatenate([each.rows for each in saving.candidate.evidence] or [np.empty(0, np.int64)])
    kept, says = _longest((stepped.end - stepped.start)[rows], np.arange(len(rows)))
    rows = rows[kept]
    names = [str(name) for name in stepped.names(rows)]
    told = f"{advice_sentence(saving)} {how_to(code)} {says}"
    return _layer(f"advice {number}: {code}", names, stepped.start[rows], stepped.end[rows], told)


def _longest_kernels(stepped: Stepped) -> Layer:
    """The longest single kernels of the device, numbered from the longest on."""
    kernels = stepped.work[(stepped.events["kind"].iloc[stepped.work] == "kernel").to_numpy(bool)]
    length = (stepped.end - stepped.start)[kernels]
    rows = kernels[np.argsort(-length, kind="stable")][:LONGEST]
    names = [f"{rank}. {short_name(str(name))}" for rank, name in enumerate(stepped.names(rows), 1)]
    arguments = [_known({"kernel": name}) for name in stepped.names(rows)]
    track = f"longest kernels: GPU {stepped.device}"
    says = f"The longest single kernels, at most {LONGEST}, numbered from the longest on."
    return _layer(track, names, stepped.start[rows], stepped.end[rows], says, arguments)


def _longest(length: Ints, among: Ints) -> tuple[Ints, str]:
    """The longest of some, in their order, and how many these are where not all are kept."""
    if len(among) <= MOST_MARKED:
        return among, ""
    kept = among[np.argsort(-length[among], kind="stable")[:MOST_MARKED]]
    return np.sort(kept), f"Marked are the longest {MOST_MARKED:,} of {len(among):,}."


def _short_names(stepped: Stepped, rows: Ints) -> list[str | None]:
    return [None if name is None else short_name(name) for name in stepped.names(rows)]


def _known(arguments: dict[str, int | str | None]) -> dict[str, int | str]:
    return {name: value for name, value in arguments.items() if value is not None}
