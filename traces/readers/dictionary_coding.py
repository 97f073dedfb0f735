"""Dictionary coding: values become small numbers while a file is read, and categories at the end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

Codes: TypeAlias = npt.NDArray[np.int32]


class Numbering:
    """Numbers values in the order in which they are first met."""

    def __init__(self) -> None:
        self._numbers: defaultdict[Hashable, int] = defaultdict()
        self._numbers.default_factory = self._numbers.__len__

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._numbers)

    def of(self, values: Sequence[Hashable]) -> Codes:
        # map over a dict's own method: the loop stays in C
        return np.fromiter(map(self._numbers.__getitem__, values), np.int32, len(values))

    def categorical(self, codes: Codes, text: Callable[[Any], str | None]) -> pd.Categorical:
        """The values of `codes` as categories of their `text`, which may be the same for several, or null."""
        texts = [text(value) for value in self._numbers]
        labels = [each for each in dict.fromkeys(texts) if each is not None]
        if len(labels) < len(texts):
            number = {each: at for at, each in enumerate(labels)}
            codes = np.array([*(-1 if each is None else number[each] for each in texts), -1], np.int32)[codes]
        dtype = _few(tuple(labels)) if len(labels) <= _MOST_OF_FEW else _categories(labels)
        return pd.Categorical.from_codes(codes, dtype=dtype, validate=False)


def _categories(labels: Sequence[str]) -> pd.CategoricalDtype:
    # as Python's own texts: every analysis goes through the names, and Arrow's take thirty times as long
    return pd.CategoricalDtype(pd.Index(labels, dtype=object))


#: So few are most often those that another trace has as well.
_MOST_OF_FEW = 32
#: Few categories, made once: for a small trace it takes longer than to read it.
_few = lru_cache(maxsize=256)(_categories)
