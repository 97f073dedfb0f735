"""Codes as people read them: states of the account, verdicts, what bounds a variant. A code without words is its own words."""

from __future__ import annotations

from collections.abc import Mapping

from launchlens.reports.words.probes.launch_costs import PATHS as LAUNCH_PATHS
from launchlens.traces.studies.why_not import WHY_NOT

#: What a host state means to somebody who reads it for the first time.
HOST_WORDS = {
    "python": "Python and launcher code",
    "dispatch": "framework dispatch",
    "launch": "launch API calls",
    "sync": "waiting for the device",
    "api": "other API calls",
    "profiler": "the profiler itself",
    "waiting": "waiting for another thread",
    "not-recorded": "nothing recorded",
    "outside-calls": "Python and framework, outside API calls",
}
DEVICE_WORDS = {
    "kernel": "kernels running",
    "memcpy": "memcpys running",
    "memset": "memsets running",
    "kernel+memcpy": "kernels and memcpys at once",
    "communication": "collectives running",
    "kernel+communication": "kernels and collectives at once",
    "communication+memcpy": "collectives and memcpys at once",
    "graph": "graphs running, recorded whole",
    "unknown": "GPU not recorded",
    "idle": "GPU idle",
    "between": "between its work on the GPU",
}
#: What a device waits for.
CAUSE_WORDS = {
    "host-python": "host in Python, between ops",
    "host-dispatch": "host in framework ops",
    "host-launch": "host in launch calls",
    "host-api": "host in other API calls",
    "sync": "synchronisation of the host",
    "data": "fetching data",
    "copy": "a copy",
    "communication": "communication",
    "dependency": "queued behind other work",
    "launch-latency": "latency of a launch",
    "allocation": "memory got or given back",
    "not-recorded": "nothing recorded",
    "unknown": "not known",
}
BOUND_WORDS = {"host-bound": "the host", "device-bound": "the GPU", "mixed": "both in turn", "unknown": "unknown"}
MARK_WORDS = {"fastest": "fastest", "ties": "tied"}

#: Words by the column that holds the codes; a code of theirs that has none is read with blanks for its hyphens.
_BY_COLUMN: Mapping[str, Mapping[str, str]] = {
    "host": HOST_WORDS,
    "cause": CAUSE_WORDS,
    "idle_cause": CAUSE_WORDS,
    "bound_by": BOUND_WORDS,
    "mark": MARK_WORDS,
    "verdict": {"only-a-part": "part of"},
    "outcome": {},
    "launch_path": LAUNCH_PATHS,
    "why_not": WHY_NOT,
}


def code_words(column: str, code: str) -> str:
    """What people read for a code in a column of this name."""
    if column not in _BY_COLUMN:
        return code
    return _BY_COLUMN[column].get(code, code.replace("-", " "))
