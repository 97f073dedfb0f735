"""Codes of the probe `profiler-tax`. Host times are of seven `.copy_()`, `of` a process, `under` before or after its session."""

from __future__ import annotations

from typing import Final

ID: Final = "profiler-tax"

HOST_TIME: Final = "host-time"
#: After over before, in one process.
RATIO: Final = "ratio"
FIGURES: Final = frozenset({HOST_TIME, RATIO})

#: What happens in the process between: a session of torch.profiler as it is, one with TEARDOWN_CUPTI=1, or nothing.
SESSION, TORN_DOWN, NOTHING = "session", "session-torn-down", "no-session"
BEFORE, AFTER = "before", "after"

#: Verdicts: calls stay dearer after a session, or they are not shown to (NO_DIFFERENCE of verdicts.py).
STAYS: Final = "calls-stay-dearer"
STAYS_DESPITE_TEARDOWN: Final = "calls-stay-dearer-despite-teardown"
