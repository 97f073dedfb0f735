"""What a sweep varies: `--sweep NAME=…` becomes an axis, from lists and ranges of values.

count=1,2,7            these values
rows=64..65536:log2    each twice the one before (log4, log10: by these), both ends among them
backends=1..32:4       each 4 more, both ends among them
bytes=4K..16M:log4     K, M and G are 1024 each, of whole numbers
count=1..8:1,16,32     ranges beside values
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence

from launchlens.kernels.parameters import read_parameter
from launchlens.kernels.registry import WorkloadSpec
from launchlens.traces.sweeps.sweep import MOST_AXES, Axis, Scale, Setting

#: More points than this nobody means to wait for.
MOST_VALUES, MOST_POINTS = 1_000, 10_000
_BINARY = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_WITH_SUFFIX = re.compile(r"(\d+)([KMG])")
_BY_FACTOR = re.compile(r"log(\d+(?:\.\d+)?)")


def axis_of(workload: WorkloadSpec, text: str) -> Axis:
    """The axis that `NAME=V1,V2,…` stands for. Raises ValueError, in one line, for what can't be swept."""
    name, mark, values = text.partition("=")
    if not mark or not name:
        raise ValueError(f"{text!r} is not NAME=V1,V2,… or NAME=LOW..HIGH:STEP")
    found: list[Setting] = []
    factors = False
    for part in values.split(","):
        made, by_factor = _values(workload, name, part.strip())
        factors |= by_factor
        found += [value for value in made if value not in found]
        if len(found) > MOST_VALUES:
            raise ValueError(f"{name} has more than {MOST_VALUES} values")
    if any(isinstance(value, str) for value in found):
        return Axis(name=name, values=tuple(found), scale="named")
    return Axis(name=name, values=tuple(sorted(found)), unit=_unit(name), scale=_scale(found, factors))


def axes_of(workload: WorkloadSpec, texts: Sequence[str]) -> tuple[Axis, ...]:
    """All axes. Raises ValueError, in one line, where they don't go together."""
    axes = tuple(axis_of(workload, text) for text in texts)
    names = [axis.name for axis in axes]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"{twice[0]} is swept twice; give all its values at once: {twice[0]}=V1,V2,…")
    if len(axes) > MOST_AXES:
        raise ValueError(f"{len(axes)} parameters are swept, and at most {MOST_AXES} can be")
    points = math.prod(len(axis.values) for axis in axes)
    if points > MOST_POINTS:
        raise ValueError(f"{points:,} points are more than {MOST_POINTS:,}; give fewer values, or larger steps")
    return axes


def text_of(value: Setting) -> str:
    """A value as it is given on a command line."""
    return str(value)


def _values(workload: WorkloadSpec, name: str, part: str) -> tuple[list[Setting], bool]:
    """The values of a part between commas, and whether they lie by factors."""
    low_text, dots, rest = part.partition("..")
    if not dots:
        return [_value(workload, name, part)], False
    high_text, mark, step_text = rest.partition(":")
    if not mark:
        raise ValueError(f"{name}={part} does not say its step: {name}={part}:log2, or {name}={part}:NUMBER")
    low, high = _value(workload, name, low_text), _value(workload, name, high_text)
    if isinstance(low, str) or isinstance(high, str):  # said to whoever wrote the text, in which no type is wrong
        raise ValueError(f"{name} is no number, so it has no ranges: give its values, {name}=V1,V2,…")  # noqa: TRY004
    if not low < high:
        raise ValueError(f"{name}={part}: {low} is not less than {high}")
    whole = isinstance(low, int) and isinstance(high, int)
    factor = _BY_FACTOR.fullmatch(step_text.strip())
    if factor is not None:
        by = float(factor[1])
        if low <= 0 or by <= 1:
            why = f"{low} has no multiples above it" if low <= 0 else f"log{factor[1]} leads nowhere"
            raise ValueError(f"{name}={part}: {why}")
        return list(_steps(low, high, lambda index: low * by**index, whole=whole)), True
    try:
        step = float(_without_suffix(step_text.strip()))
    except ValueError:
        step = math.nan
    if not 0 < step < math.inf:
        raise ValueError(f"{name}={part}: the step {step_text!r} is neither log2, log4, … nor a number above 0")
    if (high - low) / step > MOST_VALUES:
        raise ValueError(f"{name} has more than {MOST_VALUES} values")
    return list(_steps(low, high, lambda index: low + step * index, whole=whole)), False


def _steps(low: float, high: float, at: Callable[[int], float], *, whole: bool) -> Iterator[Setting]:
    """Values from `low` on, each once, and `high`."""
    index, last = 0, None
    while (value := at(index)) < high - 1e-9 * abs(high):
        made = round(value) if whole else float(f"{value:.12g}")
        if made != last and made < high:
            yield made
        index, last = index + 1, made
    yield high


def _value(workload: WorkloadSpec, name: str, text: str) -> Setting:
    """One value, as the parameter is typed. Of a parameter that takes several, it is the only one."""
    try:
        value = read_parameter(workload.name, workload.make, workload.parameters, name, text)
    except ValueError:
        if _WITH_SUFFIX.fullmatch(text.strip()) is None:
            raise
        value = read_parameter(workload.name, workload.make, workload.parameters, name, _without_suffix(text.strip()))
    if isinstance(value, tuple):
        value = value[0]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name}={text!r} is no finite number")
    made: Setting = value
    return made


def _without_suffix(text: str) -> str:
    found = _WITH_SUFFIX.fullmatch(text)
    return text if found is None else str(int(found[1]) * _BINARY[found[2]])


def _scale(values: list[Setting], factors: bool) -> Scale:
    """By factors where a range says so, or where a list of numbers above 0 spans a factor of 8."""
    numbers = [value for value in values if not isinstance(value, str)]
    if min(numbers) <= 0:
        return "linear"
    return "log2" if factors or max(numbers) / min(numbers) >= 8 else "linear"


def _unit(name: str) -> str:
    return "bytes" if name == "bytes" or name.endswith("_bytes") else ""
