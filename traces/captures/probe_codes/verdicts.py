"""Codes of verdicts that several probes share."""

from __future__ import annotations

from typing import Final

#: A control did not pass, none was made, or the probe could not be run.
INCONCLUSIVE: Final = "inconclusive"
#: Verdicts of probes that were made well and decide nothing: neither the one answer nor the other is shown.
NO_DIFFERENCE, NO_FLIP = "no-difference-shown", "no-flip-shown"
UNDECIDED: Final = frozenset({INCONCLUSIVE, NO_DIFFERENCE, NO_FLIP})
#: Between the answers of which a verdict names several, because they can't be told apart.
OR: Final = " or "
