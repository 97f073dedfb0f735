"""Columns of a table, as the event table is one, as plain arrays.

What is asked of a trace of a few events takes as long as the asking: pandas compares a Series in 60 µs, and an array in 3.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.intervals import Ints


def codes(frame: pd.DataFrame, column: str) -> Ints:
    """The codes of a column of categories, pandas' -1 for null."""
    found: Ints = frame[column].array.codes.astype(np.int64)
    return found


def numbers(frame: pd.DataFrame, column: str, *, absent: int) -> Ints:
    """A column of whole numbers, `absent` for null."""
    found: Ints = frame[column].array.to_numpy(np.int64, na_value=absent)
    return found


def is_any(frame: pd.DataFrame, column: str, *texts: str) -> npt.NDArray[np.bool_]:
    """For each row whether a column of categories holds one of some texts; not where it is null."""
    values = frame[column].array
    # null has the last place, where its code leads
    meant = np.array([*(text in texts for text in values.categories), False])
    found: npt.NDArray[np.bool_] = meant[values.codes]
    return found


def is_on(events: pd.DataFrame, device: int, rows: Ints | None = None) -> npt.NDArray[np.bool_]:
    """Which events, or which of those at some positions, are of a device."""
    devices = events["device"].array
    if rows is not None:
        devices = devices[rows]
    found: npt.NDArray[np.bool_] = devices.to_numpy(np.int64, na_value=np.iinfo(np.int64).min) == device
    return found


def most_first(devices: pd.arrays.IntegerArray) -> list[int]:
    """The devices that are named, that which is named most often first, of equals the one that comes first."""
    known = devices[~devices.isna()].to_numpy(np.int64)
    distinct, first, counts = np.unique(known, return_index=True, return_counts=True)
    found: list[int] = distinct[np.lexsort((first, -counts))].tolist()
    return found
