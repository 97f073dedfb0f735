"""The data gate: before a verdict is made of a capture, in what the capture contradicts itself, and what must not be said then.

Every check is a line of `launchlens.traces.gate.catalogue`. What one meets is a problem of the file that it was met in. An error
takes something from the sides that it concerns: their place in comparisons, what was recorded of them, or the light recorder's parts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from launchlens.traces.gate.check import Check, Evidence, Met, Of, Takes
from launchlens.traces.problems import InputError, Problem, Problems


class DataRefusedError(InputError):
    """A capture that contradicts itself in the times of all of its sides, so that no verdict is made of it."""


@dataclass(frozen=True)
class Stopped:
    """What one check met, and in which file of the capture."""

    where: str
    code: str
    takes: Takes
    met: Met

    @property
    def problem(self) -> Problem:
        """It as a problem: a code, a count and a sentence."""
        details = () if self.met.detail is None else (self.met.detail,)
        return Problem(self.code, self.met.count, self.met.ns, details)


@dataclass
class Gate:
    """All that checks met so far, in the order of the catalogue."""

    stopped: list[Stopped] = field(default_factory=list)

    def look(self, where: str, checks: Iterable[Check[Evidence]], evidence: Evidence) -> None:
        """Run some checks on what lies in the file `where` of the capture."""
        for check in checks:
            for met in check.look(evidence):
                self.stopped.append(Stopped(met.where or where, check.code, check.takes, met))

    @property
    def places(self) -> list[str]:
        """The files in which something was met."""
        return list(dict.fromkeys(each.where for each in self.stopped))

    def problems(self, where: str) -> Problems:
        """What was met in one file."""
        found = Problems()
        for each in self.stopped:
            if each.where == where:
                found.add(each.code, each.met.count, ns=each.met.ns, detail=each.met.detail)
        return found

    def takes(self, what: Takes, of: Of, where: str | None = None) -> tuple[str, ...]:
        """The codes by which a side loses something, by what was met in one file or in all; none where it keeps it."""
        found = (each for each in self.stopped if each.takes == what and of in each.met.sides)
        return tuple(dict.fromkeys(each.code for each in found if where in (None, each.where)))
