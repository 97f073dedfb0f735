"""Every analysis of a trace, in the order in which they are shown. A new one is a module of this folder and a line here."""

from __future__ import annotations

from collections.abc import Iterable

from launchlens.traces.analyses.communication import COMMUNICATION
from launchlens.traces.analyses.copies import COPIES
from launchlens.traces.analyses.graphs import GRAPHS
from launchlens.traces.analyses.idle import IDLE, IDLE_CAUSES
from launchlens.traces.analyses.kernels import KERNELS
from launchlens.traces.analyses.latency import LATENCY
from launchlens.traces.analyses.launch_queue import LAUNCH_QUEUE
from launchlens.traces.analyses.memory import MEMORY
from launchlens.traces.analyses.modules import MODULES
from launchlens.traces.analyses.operators import OPERATORS
from launchlens.traces.analyses.overhead import OVERHEAD
from launchlens.traces.analyses.question import Question
from launchlens.traces.analyses.range_paths import RANGE_PATHS
from launchlens.traces.analyses.steps import STEPS, STEPS_DEVICES, STEPS_IDLE
from launchlens.traces.analyses.streams import CONCURRENCY, STREAMS
from launchlens.traces.analyses.syncs import SYNCS
from launchlens.traces.problems import InputError

CATALOGUE: tuple[Question, ...] = (
    KERNELS,
    OPERATORS,
    RANGE_PATHS,
    MODULES,
    STEPS,
    STEPS_IDLE,
    STEPS_DEVICES,
    IDLE_CAUSES,
    IDLE,
    SYNCS,
    COMMUNICATION,
    COPIES,
    STREAMS,
    CONCURRENCY,
    GRAPHS,
    LATENCY,
    LAUNCH_QUEUE,
    MEMORY,
    OVERHEAD,
)
#: What one screen shows of them.
BRIEF = ("kernels", "operators", "idle_causes", "communication")
#: What it says in a sentence, without a table.
SAID = ("steps",)


def questions(names: Iterable[str] | None = None) -> tuple[Question, ...]:
    """The analyses of these names, all without. Raises InputError for a name that is none."""
    if names is None:
        return CATALOGUE
    by_name = {question.name: question for question in CATALOGUE}
    found = []
    for name in names:
        if name not in by_name:
            raise InputError("analyze", f"{name!r} is no analysis", f"there are {', '.join(by_name)}")
        found.append(by_name[name])
    return tuple(found)
