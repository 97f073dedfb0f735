"""Numbers as people read them: nanoseconds in, text with a unit out. Rounding happens here and nowhere before."""

from __future__ import annotations

import math
from collections.abc import Sequence


def duration(ns: float, digits: int = 3) -> str:
    """A time of any size with three significant digits: `0.750 µs`, `28.7 µs`, `1.24 ms`, `3.10 s`; below 100 ns in ns."""
    factor, unit = unit_of(ns)
    return f"{ns:z.0f} ns" if unit == "ns" else f"{significant(ns / factor, digits)} {unit}"


def two_durations(a: float, b: float) -> tuple[str, str]:
    """Two times beside each other, as `duration`, with enough digits that they differ where they do."""
    for digits in (3, 4, 5):
        texts = duration(a, digits), duration(b, digits)
        if texts[0] != texts[1]:
            break
    return texts


def signed_duration(ns: float) -> str:
    """A difference: as `duration`, with its sign always shown."""
    return f"{'+' if ns >= 0 else '−'}{duration(abs(ns))}"


def significant(value: float, digits: int = 3) -> str:
    """`digits` significant digits without an exponent, zeros kept; whole numbers keep all of their digits."""
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f}"
    place = digits - 1 - math.floor(math.log10(abs(value)))
    # 9.996 has one digit before the point until it is rounded
    if place > 0 and abs(round(value, place)) >= 10 ** (digits - place):
        place -= 1
    return f"{value:.{max(place, 0)}f}"


def times(ratio: float) -> str:
    """A ratio: `2.24 ×`."""
    return f"{significant(ratio)} ×"


def percent(share: float) -> str:
    """A share of 1 in per cent; below 10 % with one digit after the point."""
    if 0 < share < 0.0005:
        return "< 0.1 %"
    return f"{100 * share:.1f} %" if share < 0.1 else whole_percent(share)


def whole_percent(share: float) -> str:
    """A share of 1 in whole per cent, for what is known no closer."""
    return f"{100 * share:.0f} %"


def unit_of(ns: float) -> tuple[float, str]:
    """How many ns the unit is long in which `duration` gives a time of this size, and the unit."""
    size = abs(ns)
    return (1, "ns") if size < 100 else (1e3, "µs") if size < 1e6 else (1e6, "ms") if size < 1e9 else (1e9, "s")


def interval(bounds: tuple[float, float] | None, scale: float = 1.0) -> str:
    """The interval of an estimate, divided by `scale`: `2.19 – 2.31`; `no interval` where it has none."""
    return ends(bounds[0], bounds[1], scale) if bounds else "no interval"


def ends(low: float, high: float, scale: float = 1.0) -> str:
    """The two ends of an interval, divided by `scale`, with enough digits that they differ where they do."""
    for digits in (3, 4, 5):
        texts = [significant(bound / scale, digits) for bound in (low, high)]
        if texts[0] != texts[1]:
            break
    return f"{texts[0]} – {texts[1]}"


def signed_number(number: float) -> str:
    """A difference of counts or shares, with its sign always shown."""
    return f"{'+' if number >= 0 else '−'}{significant(abs(number))}"


def count(number: float) -> str:
    """A count, in all or per iteration: whole where it is whole."""
    return f"{number:,.0f}" if abs(number - round(number)) < 1e-9 else significant(number)


def size(number: int) -> str:
    """Bytes in a unit of 1,000: `84 kB`, `1.2 MB`."""
    for limit, factor, unit in ((1e3, 1, "bytes"), (1e6, 1e3, "kB"), (1e9, 1e6, "MB"), (float("inf"), 1e9, "GB")):
        if number < limit:
            return f"{number} bytes" if unit == "bytes" else f"{significant(number / factor)} {unit}"
    raise AssertionError("unreachable: the last limit is infinite")


#: Numbers of more digits than this are written in powers of ten.
_DIGITS = 18


def number(value: float) -> str:
    """A number whose unit stands elsewhere: whole ones keep their digits, as times in ns do; others have four."""
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < 10**_DIGITS else f"about 10^{int(value.bit_length() * 0.30103)}"
    if not 1e-6 <= abs(value) < 10**_DIGITS and value:
        return f"{value:.3e}"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}" if abs(value) >= 1000 else significant(value, 4)


def binary_size(number: float) -> str:
    """Bytes that are a multiple of a power of two, in a unit of 1,024: `128 B`, `4 KiB`, `64 MiB`."""
    for unit, factor in (("MiB", 2**20), ("KiB", 2**10)):
        if number >= factor and number % factor == 0:
            return f"{number / factor:,.0f} {unit}"
    return f"{number:,.0f} B"


def listed(names: Sequence[str]) -> str:
    """Names one after the other: `a`, `a and b`, `a, b and c`; nothing of none."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
