"""A problem in a document: what could not be used, or what a reader of the numbers should know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import UNSET, UnsetType

from launchlens.traces.documents.structure import Structure, means
from launchlens.traces.problems import Problem, Severity


class ProblemRow(Structure, frozen=True, kw_only=True):
    """One kind of problem, with how often it was met."""

    code: Annotated[str, means("which kind: one of the codes in [problems](problems.md)")]
    count: Annotated[int, means("how many cases")]
    severity: Annotated[
        Severity, means("`info`: good to know; `warning`: some figures lack something; `error`: they lack much")
    ]
    meaning: Annotated[str, means("one sentence for people, with what exactly was met")]
    ns: Annotated[int | UnsetType, means("the time that it concerns", unit="ns", there="it concerns a time")] = UNSET


def problem_rows(problems: Iterable[Problem]) -> list[ProblemRow]:
    """Problems as documents hold them."""
    return [
        ProblemRow(
            code=problem.code,
            count=problem.count,
            severity=problem.severity,
            meaning=problem.meaning,
            ns=UNSET if problem.ns is None else problem.ns,
        )
        for problem in problems
    ]
