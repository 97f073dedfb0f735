"""What the data gate looks for, and what it met: a check is a code of `launchlens.traces.problems`, a function, and what it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

#: A side: variant and regime.
Of = tuple[str, str]
#: What is looked at.
Evidence = TypeVar("Evidence")
#: What a side loses of which a check met something: its place in comparisons; what was recorded of it; the light recorder's
#: parts; or nothing, where a warning is enough.
Takes = Literal["verdict", "recording", "light", "nothing"]


@dataclass(frozen=True)
class Met:
    """What a check met: how often, in which sides, exactly what, and the time that it concerns, ns, where it concerns one.

    `where` is the file of the capture, where it is another one than the check was run on.
    """

    count: int
    sides: tuple[Of, ...]
    detail: str | None = None
    ns: int | None = None
    where: str | None = None


@dataclass(frozen=True)
class Check(Generic[Evidence]):
    """One check of the data gate."""

    code: str
    takes: Takes
    look: Callable[[Evidence], Iterable[Met]]


def of_sides(sides: Iterable[Of], most: int = 6) -> str:
    """Sides as a detail lists them: the first of many, and how many more."""
    every = [f"{variant} ({regime})" for variant, regime in dict.fromkeys(sides)]
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")
