"""The range that was open longest."""

from __future__ import annotations

import numpy as np
import pandas as pd

from launchlens.traces.analyses.question import RANGES, Question
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.tables.table import Column


def _answer(scope: Scope) -> pd.DataFrame:
    rows = scope.host_rows("range")
    longest = rows[[np.argmax(scope.dur[rows])]]
    return pd.DataFrame({"name": scope.events["name"].array[longest], "host_ns": scope.dur[longest]})


LONGEST = Question(
    name="longest",
    title="Longest range",
    asks="Which range was open longest?",
    columns=(Column("name", "name", "the range"), Column("host_ns", "time", "how long it was open")),
    needs=(RANGES,),
    answer=_answer,
    nothing="no ranges",
)
