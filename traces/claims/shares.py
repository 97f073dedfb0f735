"""Shares of what one of two spends more than the other: within 0 and 1, whatever else it spends less."""

from __future__ import annotations

import numpy as np

from launchlens.traces.statistics import Floats, percentiles


def share_of_more(chosen: Floats, others: Floats) -> Floats:
    """What is more in `chosen`, as a share of what is more in it and in `others` (the last axis); NaN where nothing is.

    Parts of a difference sum to it with their signs, so one of them may be larger than the whole; of all that is more, it is a
    share.
    """
    more = np.maximum(chosen, 0.0)
    whole = more + np.maximum(others, 0.0).sum(axis=-1)
    shares: Floats = np.divide(more, whole, out=np.full_like(whole, np.nan), where=whole > 0)
    return shares


def interval_of(shares: Floats) -> tuple[float, float] | None:
    """The 95 % interval of the shares of all draws; None where one of them has nothing to be a share of."""
    return None if np.isnan(shares).any() else percentiles(shares)
