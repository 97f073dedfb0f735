"""torch's modules, where Python's stack was recorded: what their calls take of the host, and what was launched in them."""

from __future__ import annotations

import numpy as np

from launchlens.traces.analyses.open_events import Opened
from launchlens.traces.analyses.operators import CALLS, by_gpu_time, of_calls
from launchlens.traces.analyses.question import Need, Question
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.tables.rows import Rows
from launchlens.traces.tables.table import Column

COLUMNS = (
    Column("name", "name", "class and number of the module, as torch.profiler gives them", title="module"),
    *CALLS,
)


def _answer(scope: Scope) -> Rows:
    told = scope.joined.trace.details.modules
    assert told is not None
    opened = Opened(told, np.arange(len(told)))
    names = told["name"].array
    group_of = np.where(scope.inside(opened.start), names.codes.astype(np.int64), -1)
    calls = of_calls(scope, opened, group_of, len(names.categories))
    found = by_gpu_time({"name": [str(each) for each in names.categories.tolist()], **calls})
    return found.taken(np.asarray(found["calls"]) > 0)


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
