"""Microseconds as Kineto writes them, to whole nanoseconds without an error.

`rint(ts * 1000)` is off by one for a quarter of the timestamps above 2**42 us, and a float holds no nanoseconds at all
above 2**43 us (which is where the clock stands in traces without baseTimeNanoseconds).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Context
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from launchlens.traces.readers.kineto.events import Scalar
from launchlens.traces.schema import MAX_START_NS

Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

#: Below this many microseconds the nearest float tells thousandths apart.
EXACT_FLOAT_US = 2.0**43
#: Half of int64: what no longer fits is no time; what the event table makes of the others is for it to say.
MAX_NS = MAX_START_NS

#: Untrapped: what is no number, or too large for one, becomes NaN or infinity instead of an exception.
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[])


def to_ns(values: Sequence[Scalar], as_text: Callable[[], Iterable[str]]) -> tuple[Ints, Bools]:
    """Microseconds to nanoseconds (int64), and which of them are usable: finite numbers, neither absent nor immense.

    `as_text` gives the decimal text of the same values; it is asked only when the values themselves are not exact.
    """
    kinds = set(map(type, values))
    us = _floats(values) if kinds <= {int, float} else None
    if us is not None:
        if float not in kinds and np.all(np.abs(us) < MAX_NS / 1000):
            return np.array(values, dtype=np.int64) * 1000, np.ones(len(us), bool)
        if np.all(np.abs(us) < EXACT_FLOAT_US):
            whole = np.floor(us)
            fraction = np.rint((us - whole) * 1000)
            return whole.astype(np.int64) * 1000 + fraction.astype(np.int64), np.ones(len(us), bool)
    exact = [text_to_ns(text) for text in as_text()]
    usable = np.array([ns is not None for ns in exact], dtype=bool)
    return np.array([ns or 0 for ns in exact], dtype=np.int64), usable


def _floats(values: Sequence[Scalar]) -> npt.NDArray[np.float64] | None:
    """Numbers as floats; None where one has more digits than a float."""
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:
        return None


def text_to_ns(text: str) -> int | None:
    """Decimal microseconds as text to the nearest nanosecond; None for what is no finite number below `MAX_NS`."""
    ns = _EXACT.create_decimal(text).scaleb(3, _EXACT)
    if not ns.is_finite() or ns.copy_abs() >= MAX_NS:
        return None
    return int(ns.to_integral_value(context=_EXACT))  # half to even, as numpy's rint
