"""Questions put to a trace: the tables that answer them, and which of them the trace can't answer and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from launchlens.traces.analyses.question import Question
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.problems import Problems
from launchlens.traces.tables.table import Table


@dataclass(frozen=True)
class Answers:
    """Tables by name, in the order in which they were asked for; `lacking` says what the trace lacks for each of the others."""

    tables: Mapping[str, Table]
    lacking: Mapping[str, str]

    @property
    def problems(self) -> Problems:
        """That tables are absent, with the reason of each; nothing where all are there."""
        met = Problems()
        for name, lacks in self.lacking.items():
            met.add("table-absent", detail=f"{name} ({lacks})")
        return met


def answers(questions: Iterable[Question], scope: Scope) -> Answers:
    """Put each question to the scope."""
    tables: dict[str, Table] = {}
    lacking: dict[str, str] = {}
    for question in questions:
        lacks = question.lacks(scope)
        found = None if lacks else question.table(scope)
        if found is None:
            lacking[question.name] = lacks or question.nothing
        else:
            tables[question.name] = found
    return Answers(tables, lacking)
