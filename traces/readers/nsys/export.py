"""An Nsight Systems export as its reader sees it, whatever it is stored in: tables, columns, rows, texts by id.

What the tables mean is nsys.py's and nsys_schema.py's business; how they are stored is nsys_sqlite.py's and nsys_parquet.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from launchlens.traces.intervals import Ints
from launchlens.traces.readers.nsys.schema import Source

#: Stands for SQL's NULL inside this reader's int64 arrays; the event table turns it into real nulls.
NULL = np.iinfo(np.int64).min
#: Columns in which the oldest exports, unable to store NULL, wrote 0 for "none".
ZERO_IS_NONE = frozenset({"correlation", "graph", "graph_node"})
#: The table of texts that others refer to by id.
STRINGS = "StringIds"
#: The column of NVTX events that holds bytes.
PAYLOAD = "binaryData"


class Export(Protocol):
    """One export, open. Its methods raise InputError, naming the table, for what turns out to be damaged."""

    @property
    def columns(self) -> Mapping[str, frozenset[str]]:
        """The columns of each table that the reader may want."""

    @property
    def bytes(self) -> int:
        """The size of what it is stored in."""

    def rows_of(self, table: str) -> int:
        """About how many rows `table` has, without reading it."""

    def rows(self, table: str, columns: Sequence[str]) -> Iterable[Sequence[object]]:
        """Some columns of a small table, row by row; None for absent values."""

    def texts(self, ids: Sequence[int]) -> Iterable[tuple[int, object]]:
        """The texts of those of `ids` that StringIds holds."""

    def events(self, source: Source, names: Names, after_chunk: Callable[[int], None]) -> dict[str, Ints]:
        """The columns of one table that `source` asks for and the table has: int64, NULL where absent, of one length.

        A `name` column holds codes of `names`, -1 where the export has none. `after_chunk` is told the rows of each
        chunk. The table has `start` and `end`.
        """


class Names:
    """The names met so far, each once: `known[code]` is the text. Ids are looked up in StringIds when first met."""

    #: What an event is called whose name the export does not hold: it is kept, its time is real.
    NONE = "(no name)"

    def __init__(self, texts: Callable[[Sequence[int]], Iterable[tuple[int, object]]]) -> None:
        self._texts = texts
        self._codes = _Codes()
        self._by_id: dict[int, int] = {}

    @property
    def known(self) -> list[str]:
        return list(self._codes)

    def code(self, text: str) -> int:
        return self._codes[text]

    def codes_of_texts(self, texts: Sequence[object]) -> Ints:
        """Codes of some values of a text column, -1 for NULL and for the empty text."""
        return np.array([self._codes[text] if text else -1 for text in map(as_text, texts)], np.int64)

    def codes_of_ids(self, ids: Ints) -> Ints:
        """Codes of ids into StringIds, -1 where the export holds no text for one."""
        which, unique = pd.factorize(ids)
        new = [int(number) for number in unique if number != NULL and int(number) not in self._by_id]
        for number, value in self._texts(new) if new else ():
            text = as_text(value)
            if text is not None:
                self._by_id[number] = self._codes[text]
        codes = np.array([self._by_id.get(int(number), -1) for number in unique], np.int64)
        return codes[which] if len(codes) else np.empty(0, np.int64)


class _Codes(dict[str, int]):
    """Text -> code, a new one for a text not met before."""

    def __missing__(self, text: str) -> int:
        self[text] = code = len(self)
        return code


def as_text(value: object) -> str | None:
    """A value of a text column as text, whatever it is; bytes that are not UTF-8 are escaped."""
    if value is None or isinstance(value, str):
        return value
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def as_int(value: object) -> int:
    """A value of a column of numbers, whatever it is; NULL for what is none."""
    try:
        number = int(value) if isinstance(value, int | float | str) else NULL
    except (ValueError, OverflowError):  # "NaN" and other text, an infinite REAL
        return NULL
    return number if abs(number) < -NULL else NULL


def candidates(source: Source, has: frozenset[str]) -> Iterator[tuple[str, list[str]]]:
    """Each of our columns that a table with the columns `has` can fill, with its own columns for it, best first."""
    for ours, possible in source.columns.items():
        present = [theirs for theirs in possible if theirs in has]
        if present:
            yield ours, present


def join_names(columns: dict[str, Ints], texts: Ints | None, names: Names) -> None:
    """Replace `name_id` by `name`: the code of the text where there is one, else of what the id stands for."""
    ids = columns.pop("name_id", None)
    if texts is None and ids is None:
        return
    codes = np.full(len(columns["start"]), -1, np.int64) if texts is None else texts
    if ids is not None:
        codes = np.where(codes >= 0, codes, names.codes_of_ids(ids))
    columns["name"] = codes
