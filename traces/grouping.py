"""Positions by their keys: all groups are cut from one sort, however many there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.intervals import Ints


def by_key(keys: npt.NDArray[Any], positions: Ints) -> list[tuple[Any, Ints]]:
    """Some positions by their key, in the order of the keys."""
    if not len(keys):
        return []
    distinct, which = np.unique(keys, return_inverse=True)
    order = np.argsort(which, kind="stable")
    parts = np.split(positions[order], np.cumsum(np.bincount(which))[:-1])
    return list(zip(distinct.tolist(), parts, strict=True))


def by_keys(positions: Ints, *keys: Ints) -> dict[Any, Ints]:
    """Some positions by their keys, one or several, each a number a position; in the order in which they stand."""
    by = keys[0] if len(keys) == 1 else list(keys)
    return {at: positions[mine] for at, mine in pd.Series(positions).groupby(by).indices.items()}
