"""Which events have a name that says something: each name is asked of once, and only those that occur where it matters.

A trace may have as many names as events, and a dozen questions are put to them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.intervals import Ints


def named(
    names: pd.Series[str] | pd.Categorical, says: Callable[[str], bool], rows: Ints | None = None
) -> npt.NDArray[np.bool_]:
    """For each of some rows of a column of names (all without) whether `says` holds of its name; not of null, nor of row -1."""
    said = what_names_say(names, lambda name: int(says(name)), rows, nothing=0)
    return said.astype(bool)


def what_names_say(
    names: pd.Series[str] | pd.Categorical, says: Callable[[str], int], rows: Ints | None = None, *, nothing: int
) -> Ints:
    """For each of some rows of a column of names (all without) the number that `says` gives for its name; `nothing` for null and row -1."""
    values = names.array if isinstance(names, pd.Series) else names
    codes, categories = values.codes, values.categories
    # row -1 meets the null that is put behind all others
    codes = codes if rows is None else np.append(codes, codes.dtype.type(-1))[rows]
    occurs = np.zeros(len(categories) + 1, bool)
    occurs[codes] = True
    used = np.flatnonzero(occurs[:-1])
    said = np.full(len(categories) + 1, nothing, np.int64)
    said[used] = [says(str(name)) for name in categories[used].tolist()]
    found: Ints = said[codes]
    return found
