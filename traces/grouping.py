"""Positions by their keys, all groups cut from one sort however many there are; and numbers in groups, summed up group by group in
whole-array steps: a trace has millions of rows and thousands of names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.intervals import Ints

Floats = npt.NDArray[np.float64]


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


@dataclass(frozen=True)
class Ordered:
    """Values sorted within groups, which lie one after the other; what stands for a group without rows means nothing. Of fractions
    `quantile` is what means something."""

    values: Ints
    first: Ints
    sizes: Ints

    @property
    def min(self) -> Ints:
        return self._at(self.first)

    @property
    def max(self) -> Ints:
        return self._at(self.first + self.sizes - 1)

    @property
    def median(self) -> Ints:
        """Halves rounded to even."""
        return np.rint(self.quantile(0.5)).astype(np.int64)

    def quantile(self, part: float) -> Floats:
        """The quantile of each group, between two rows interpolated as numpy does."""
        at = self.first + part * np.maximum(self.sizes - 1, 0)
        low, high = (self._at(each.astype(np.int64)).astype(np.float64) for each in (np.floor(at), np.ceil(at)))
        found: Floats = low + (high - low) * (at - np.floor(at))
        return found

    def _at(self, positions: Ints) -> Ints:
        if not len(self.values):
            return np.zeros(len(positions), np.int64)
        return self.values[np.clip(positions, 0, len(self.values) - 1)]


class Groups:
    """Rows by the code of their group, 0 to `count` - 1; a row of code -1 belongs to none."""

    def __init__(self, codes: Ints, count: int) -> None:
        self.codes = codes
        self.count = count

    @cached_property
    def _known(self) -> npt.NDArray[np.bool_]:
        return self.codes >= 0

    @cached_property
    def sizes(self) -> Ints:
        """How many rows each group has."""
        sizes: Ints = np.bincount(self.codes[self._known], minlength=self.count).astype(np.int64)
        return sizes

    @property
    def empty(self) -> npt.NDArray[np.bool_]:
        """Which groups have no rows."""
        empty: npt.NDArray[np.bool_] = self.sizes == 0
        return empty

    def sum(self, values: Ints) -> Ints:
        """The sum of each group, exact; 0 of none."""
        total = np.zeros(self.count, np.int64)
        np.add.at(total, self.codes[self._known], values[self._known])
        return total

    def ordered(self, values: Ints) -> Ordered:
        """The values sorted within their groups: medians and extremes are read off it."""
        codes, known = self.codes[self._known], values[self._known]
        last = np.cumsum(self.sizes)
        return Ordered(known[np.lexsort((known, codes))], last - self.sizes, self.sizes)

    def median(self, values: Ints) -> Ints:
        """The median of each group, halves rounded to even."""
        return self.ordered(values).median

    def deviation(self, values: Ints) -> Floats:
        """The sample's standard deviation of each group; NaN of fewer than two rows."""
        known, codes = values[self._known].astype(np.float64), self.codes[self._known]
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.bincount(codes, known, minlength=self.count) / self.sizes
            squares = np.bincount(codes, (known - mean[codes]) ** 2, minlength=self.count)
            return np.where(self.sizes > 1, np.sqrt(squares / (self.sizes - 1)), np.nan)

    def distinct(self, values: Ints) -> Ints:
        """How many different values each group has."""
        which, unique = pd.factorize(values[self._known])
        pairs = pd.unique(self.codes[self._known] * max(len(unique), 1) + which)
        return np.bincount(pairs // max(len(unique), 1), minlength=self.count).astype(np.int64)

    def first(self, values: Ints) -> Ints:
        """The value of the first row of each group."""
        found = np.zeros(self.count, np.int64)
        rows = np.flatnonzero(self._known)[::-1]
        found[self.codes[rows]] = values[rows]
        return found

    @staticmethod
    def by(codes: Ints) -> Groups:
        """The groups up to the largest code."""
        return Groups(codes, int(codes.max(initial=-1)) + 1)

    @staticmethod
    def of(*keys: Ints) -> tuple[Groups, Ints]:
        """Rows that are alike in all keys, the group that comes first first, and the first row of each."""
        # by hashing: a sort for each key takes several times as long where there are many rows
        codes, found = pd.factorize(keys[0])
        for key in keys[1:]:
            part, parts = pd.factorize(key)
            codes, found = pd.factorize(codes * max(len(parts), 1) + part)
        first = np.empty(len(found), np.int64)
        first[codes[::-1]] = np.arange(len(codes))[::-1]
        return Groups(codes.astype(np.int64), len(found)), first

    def only(self, chosen: npt.NDArray[np.bool_]) -> Groups:
        """The same groups with the chosen rows only; values are still given for every row."""
        return Groups(np.where(chosen, self.codes, -1), self.count)
