"""What may become slower, and by how much: limits given on the command line, or in a TOML file with a row each.

[[limit]]
metric = "step.wall"       # the default; or gpu.busy, gpu.idle, idle.CAUSE, launches, launch.cost, kernel.NAME, operator.NAME, range.NAME
max_slowdown = "5%"        # or 0.05; the command's own without it
[[limit]]
kernel = "*gemm*"          # the same as metric = "kernel.*gemm*"; range = likewise
max_slowdown = "2%"
[[limit]]
variant = "copy_"          # of captures: this variant alone (a pattern), in this regime alone
regime = "graph"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from launchlens.traces.captures.small_files import read_given
from launchlens.traces.problems import InputError

#: The metric of a limit that names none.
STEP = "step.wall"
_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(%?)\s*")


@dataclass(frozen=True)
class Limit:
    """One limit: `metric` may become larger by `allowance`, a share. `metric`, `variant` and `regime` may be patterns (`*`, `?`)."""

    metric: str
    allowance: float
    variant: str = "*"
    regime: str = "*"

    @property
    def of_captures_alone(self) -> bool:
        """Whether it names what only captures have."""
        return (self.variant, self.regime) != ("*", "*")


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    metric: str | None = None
    range: str | None = None
    kernel: str | None = None
    variant: str = "*"
    regime: str = "*"
    max_slowdown: str | float | int | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    limit: Annotated[list[_Row], msgspec.Meta(min_length=1)]


def share(text: str | float) -> float:
    """`5%`, `0.05` or 0.05 as a share. Raises ValueError with what is wrong for what is none, or not between 0 and 10."""
    found = _SHARE.fullmatch(str(text))
    if found is None:
        raise ValueError(f"{text!r} is no share: write 5% or 0.05")
    value = float(found[1]) / (100 if found[2] else 1)
    if not 0 <= value <= 10:
        raise ValueError(f"{text!r} is more than ten times as slow: write 5% or 0.05")
    return value


def read_limits(path: Path, otherwise: float) -> list[Limit]:
    """The limits of a file; `otherwise` is the allowance of a row that has none. Raises InputError with the place."""
    try:
        made = msgspec.convert(tomllib.loads(read_given(path).decode()), type=_File)
    except (
        ValueError,
        RecursionError,
        msgspec.ValidationError,
    ) as error:  # of TOML, of its encoding, of numbers without end
        raise InputError(path, f"is no file of limits: {error}", "docs/ci.md shows one") from None
    return [_limit(path, number, row, otherwise) for number, row in enumerate(made.limit, 1)]


def _limit(path: Path, number: int, row: _Row, otherwise: float) -> Limit:
    place = f"limit {number}"
    named = [(key, value) for key in ("metric", "range", "kernel") if (value := getattr(row, key)) is not None]
    if len(named) > 1:
        raise InputError(path, "names more than one of metric, range and kernel", "give each a row", place)
    key, value = named[0] if named else ("metric", STEP)
    try:
        allowance = otherwise if row.max_slowdown is None else share(row.max_slowdown)
    except ValueError as error:
        raise InputError(path, f"max_slowdown: {error}", place=place) from None
    return Limit(value if key == "metric" else f"{key}.{value}", allowance, row.variant, row.regime)


def fits(pattern: str, name: str) -> bool:
    """Whether a name is that, or fits the pattern, of which only `*` and `?` mean more than themselves: kernels have brackets."""
    parts = (".*" if each == "*" else "." if each == "?" else re.escape(each) for each in pattern)
    return name == pattern or re.fullmatch("".join(parts), name, re.DOTALL) is not None


def names_that_fit(pattern: str, names: Iterable[str]) -> list[str]:
    """Those of some names that fit; the name alone where one is called so."""
    known = list(dict.fromkeys(names))
    return [pattern] if pattern in known else [name for name in known if fits(pattern, name)]
