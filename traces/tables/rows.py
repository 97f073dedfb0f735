"""What an analysis finds, by column: arrays and lists of one length, of which a table is made.

Most answers have a few rows, and a frame of pandas takes a hundred times as long to make and to sort.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.intervals import Ints

#: Numbers; whole numbers of which some are absent; or texts and flags, None where absent.
Values: TypeAlias = npt.NDArray[Any] | pd.arrays.IntegerArray | list[Any]


class Rows:
    """Columns of one length by name. Raises ValueError where they are not."""

    def __init__(self, columns: Mapping[str, Values]) -> None:
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns are not of one length: {lengths}")
        self._columns = dict(columns)
        self._length = next(iter(lengths.values()), 0)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, name: str) -> Values:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        """The names of the columns."""
        return iter(self._columns)

    def taken(self, which: Ints | npt.NDArray[np.bool_]) -> Rows:
        """Some rows, by their positions or by whether each is meant, in that order."""
        at = np.flatnonzero(which) if which.dtype == bool else which
        positions = at.tolist()
        return Rows(
            {
                name: [values[each] for each in positions] if isinstance(values, list) else values[at]
                for name, values in self._columns.items()
            }
        )

    def ordered(self, *by: str, **keys: Values) -> Rows:
        """The rows sorted by some columns, the first above all, and from the largest down where `-` stands before the name.

        `keys` are further columns to sort by, or others in place of those of their names. What is absent comes last, and equals stay
        in their order.
        """
        told = self._columns | keys
        sort_by = [_sort_key(told[name.removeprefix("-")], descending=name.startswith("-")) for name in by]
        return self.taken(np.lexsort(sort_by[::-1]))


def one_below_another(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts, of which there is one at least; their columns are arrays of numbers, and lists."""
    first, *others = parts
    if not others:
        return first
    columns: dict[str, Values] = {}
    for name in first:
        each = [part[name] for part in parts]
        columns[name] = list(chain(*each)) if isinstance(first[name], list) else np.concatenate(each)
    return Rows(columns)


def _sort_key(values: Values, *, descending: bool) -> npt.NDArray[Any]:
    if isinstance(values, list):
        rank = {text: at for at, text in enumerate(sorted({each for each in values if each is not None}))}
        key, gone = (
            np.array([rank.get(each, -1) for each in values], np.int64),
            np.array([each is None for each in values], bool),
        )
    elif isinstance(values, pd.arrays.IntegerArray):
        key, gone = values.to_numpy(np.int64, na_value=0), values.isna()
    else:
        return -values if descending else values
    return np.where(gone, np.iinfo(np.int64).max, -key if descending else key)
