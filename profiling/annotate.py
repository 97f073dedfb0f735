"""Ranges and their names: what the traces call the parts of a run.

Every range is given to torch.profiler (`record_function`, a `user_annotation` in Kineto's traces) and, where the nvtx
package is installed, to NVTX, which Nsight Systems shows. Both cost time when a profiler listens (about 9 µs and 1 µs),
so timed blocks hold one range around all their iterations, never one per iteration.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

#: Prefix of the ranges that hold a block: N iterations and the synchronize that closes them.
BLOCK = "variant:"
#: Prefix of the ranges that hold one iteration and a synchronize, recorded for the timeline only.
ITERATION = "iteration:"
WARM_UP = "launchlens:warm-up"


@cache
def _has_nvtx() -> bool:
    return importlib.util.find_spec("nvtx") is not None


@contextmanager
def annotated(name: str) -> Iterator[None]:
    """Name what runs in here, for whichever profiler listens."""
    from torch.profiler import record_function

    if not _has_nvtx():
        with record_function(name):
            yield
        return
    import nvtx

    with nvtx.annotate(name), record_function(name):
        yield
