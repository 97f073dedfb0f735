"""The range that was open longest."""

from __future__ import annotations

import numpy as np

from launchlens.traces.analyses.question import RANGES, Question
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.tables.rows import Rows
from launchlens.traces.tables.table import Column


def _answer(scope: Scope) -> Rows:
    rows = scope.host_rows("range")
    longest = rows[[np.argmax(scope.dur[rows])]]
    return Rows({"name": scope.names[longest].tolist(), "host_ns": scope.dur[longest]})


LONGEST = Question(
    name="longest",
    title="Longest range",
    asks="Which range was open longest?",
    columns=(Column("name", "name", "the range"), Column("host_ns", "time", "how long it was open")),
    needs=(RANGES,),
    answer=_answer,
    nothing="no ranges",
)
