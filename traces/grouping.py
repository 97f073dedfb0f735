"""Positions by their keys: all groups are cut from one sort, however many there are."""

from __future__ import annotations

from math import prod
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
    if not len(positions):
        return {}
    order = _order_of(keys)
    first = np.concatenate(([0], np.flatnonzero(np.logical_or.reduce([np.diff(key[order]) != 0 for key in keys])) + 1))
    labels = [key[order[first]].tolist() for key in keys]
    parts = np.split(positions[order], first[1:])
    return dict(zip(labels[0] if len(keys) == 1 else zip(*labels, strict=True), parts, strict=True))


def numbered(*columns: pd.Series[Any]) -> Ints:
    """A number for each row that those with the same values have as well, from 0 on, in the order of the values."""
    number = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        codes, values = pd.factorize(column, sort=True)
        number = np.unique(number * max(len(values), 1) + codes, return_inverse=True)[1]
    return number


def _order_of(keys: tuple[Ints, ...]) -> npt.NDArray[np.intp]:
    """The order of some positions by their keys, stable. Keys of few values are made one small number: that is sorted in one pass."""
    low = [int(key.min()) for key in keys]
    spans = [int(key.max()) - least + 1 for key, least in zip(keys, low, strict=True)]
    if prod(spans) > 1 << 62:
        return np.lexsort(keys[::-1])
    code = np.zeros(len(keys[0]), np.int64)
    for key, least, span in zip(keys, low, spans, strict=True):
        code = code * span + (key.astype(np.int64) - least)
    return np.argsort(code.astype(np.uint16) if prod(spans) <= 1 << 16 else code, kind="stable")
