"""The A/A control: one thing timed twice in the same rounds. How far it is from itself says what a difference must exceed.

One rule for studies and probes: with too few rounds for an interval, a control shows nothing, and so does not pass.
"""

from __future__ import annotations

from launchlens.traces.statistics import Estimate
from launchlens.traces.thresholds import THRESHOLDS


def takes_as_long(ratio: Estimate, within: float = THRESHOLDS.control_within) -> bool:
    """Whether a thing takes as long as itself: the ratio's interval covers 1, or the ratio is `within` a share of 1, either way."""
    if ratio.interval is None:
        return False
    return ratio.covers(1.0) or 1 / (1 + within) <= ratio.value <= 1 + within


def explains(control: Estimate, value: float) -> bool:
    """Whether a ratio `value` of two things is as near to 1 as the interval of the control reaches, on either side of 1."""
    if control.interval is None:
        return False
    low, high = control.interval
    reach = max(high, 1 / low, 1 / high, low)
    return 1 / reach <= value <= reach
