"""Ranges and their names: what the traces call the parts of a run.

Every range is given to torch.profiler (`record_function`, a `user_annotation` in Kineto's traces) and, where the nvtx
package is installed, to NVTX, which Nsight Systems shows. Both cost time when a profiler listens (about 9 µs and 1 µs),
so timed blocks hold one range around all their iterations, never one per iteration.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

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
    if not _has_nvtx():
        with _for_torch(name):
            yield
        return
    import nvtx

    with nvtx.annotate(name), _for_torch(name):
        yield


def _for_torch(name: str) -> AbstractContextManager[Any]:
    # where nothing has loaded torch no profiler of its own listens, and loading it takes longer than all that is recorded
    if "torch" not in sys.modules:
        return nullcontext()
    from torch.profiler import record_function

    named: AbstractContextManager[Any] = record_function(name)
    return named
