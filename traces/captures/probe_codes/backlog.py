"""Codes of the probe `backlog`. Figures are of a variant, `under` one of two conditions; counts are of pairs, and of variants."""

from __future__ import annotations

from typing import Final

ID: Final = "backlog"

#: Time per iteration: on the device behind a backlog, and from the first call to the end of the device's work eagerly.
DEVICE_TIME: Final = "device-time"
WALL_TIME: Final = "wall-time"
#: Time of a variant over that of the baseline, round by round.
RATIO: Final = "ratio"
#: Of all pairs of variants: those whose order changes, those that keep it, and those where it isn't shown under both conditions.
PAIRS_THAT_FLIP: Final = "pairs-that-flip"
PAIRS_IN_ORDER: Final = "pairs-in-the-same-order"
PAIRS_UNDECIDED: Final = "pairs-not-decided"
#: Variants that could not be put behind a backlog.
LEFT_OUT: Final = "variants-left-out"
FIGURES: Final = frozenset({DEVICE_TIME, WALL_TIME, RATIO, PAIRS_THAT_FLIP, PAIRS_IN_ORDER, PAIRS_UNDECIDED, LEFT_OUT})

#: Conditions.
BEHIND: Final = "backlog"
EAGER: Final = "eager"

#: Verdicts; that no flip is shown is `NO_FLIP` of verdicts.py.
FLIPS: Final = "ranking-flips"
HOLDS: Final = "ranking-holds"
