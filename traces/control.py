"""The A/A control of a probe: one thing timed twice in the same rounds. (That of a study: `studies/steadiness.py`.)

With too few rounds for an interval, a control shows nothing, and so does not pass.
"""

from __future__ import annotations

from launchlens.traces.statistics import Estimate
from launchlens.traces.thresholds import THRESHOLDS


def takes_as_long(ratio: Estimate, within: float = THRESHOLDS.control_within) -> bool:
    """Whether a thing takes as long as itself: the ratio's interval covers 1, or the ratio is `within` a share of 1, either way."""
    if ratio.interval is None:
        return False
    return ratio.covers(1.0) or 1 / (1 + within) <= ratio.value <= 1 + within
