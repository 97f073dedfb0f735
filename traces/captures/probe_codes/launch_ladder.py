"""Codes of the probe `launch-ladder`. Figures are of a ladder (`copy_`, `triton`), `part` names a step of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from launchlens.traces.captures.probe_codes.verdicts import OR

ID: Final = "launch-ladder"

#: Host time of the whole call, of one step of it, and what the steps leave of the whole: steps and residual sum to it.
WHOLE: Final = "ladder-whole"
STEP: Final = "ladder-step"
RESIDUAL: Final = "residual"
#: The whole of one ladder over that of another, round by round.
RATIO: Final = "ratio"
FIGURES: Final = frozenset({WHOLE, STEP, RESIDUAL, RATIO})

#: Ladders.
COPY, TRITON = "copy_", "triton"
#: Steps; those of Triton's own way to the launch follow one another.
LOOP, CALL, DISPATCH, API_CALL, INDEXING, GRID = "loop", "call", "dispatch", "api-call", "indexing", "grid"
DEVICE, BINDING, LOOK_UP, HOOKS, LAUNCHER = "device-and-stream", "binding", "look-up", "hooks", "launcher"
#: What a whole may be timed `under`, beside the usual.
GRID_BOUND, NO_HOOKS, IDLE_HOOKS = "grid-bound-before", "no-hooks", "idle-hooks"

_BETWEEN = "; "
_IS = ": "


def verdict(largest: Mapping[str, Sequence[str]]) -> str:
    """The verdict that names the largest step of each ladder, or several: `copy_: api-call; triton: binding or hooks`."""
    return _BETWEEN.join(f"{ladder}{_IS}{OR.join(steps)}" for ladder, steps in largest.items())


def largest(verdict: str) -> dict[str, list[str]]:
    """What such a verdict names: the largest steps by ladder."""
    named = (part.partition(_IS) for part in verdict.split(_BETWEEN))
    return {ladder: steps.split(OR) for ladder, _, steps in named}
