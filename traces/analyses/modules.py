"""torch's modules, where Python's stack was recorded: what their calls take of the host, and what was launched in them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from launchlens.traces.analyses.open_events import Opened
from launchlens.traces.analyses.operators import CALLS, of_calls, sorted_by_gpu
from launchlens.traces.analyses.question import Need, Question
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.tables.table import Column

COLUMNS = (
    Column("name", "name", "class and number of the module, as torch.profiler gives them", title="module"),
    *CALLS,
)


def _answer(scope: Scope) -> pd.DataFrame:
    told = scope.joined.trace.details.modules
    assert told is not None
    opened = Opened(told, np.arange(len(told)))
    names = told["name"].cat
    group_of = np.where(scope.inside(opened.start), names.codes.to_numpy().astype(np.int64), -1)
    frame = of_calls(scope, opened, group_of, len(names.categories))
    frame.insert(0, "name", [str(each) for each in names.categories])
    return sorted_by_gpu(frame[frame["calls"] > 0].reset_index(drop=True))


MODULES = Question(
    name="modules",
    title="Modules",
    asks="Which nn.Modules take the host's time, and which launched the GPU's work?",
    columns=COLUMNS,
    needs=(
        Need(
            lambda scope: scope.joined.trace.details.modules is not None,
            "no modules, which torch.profiler's with_stack records",
        ),
    ),
    answer=_answer,
    nothing="no modules",
    order="by GPU time",
)
