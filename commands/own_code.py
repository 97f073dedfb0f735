"""Code that is not ours and runs in our process: what it prints, and what it raises."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, redirect_stdout
from typing import TYPE_CHECKING, Any

from launchlens.traces.problems import InputError

if TYPE_CHECKING:
    from launchlens.kernels.registry import WorkloadSpec


def stdout_kept_clean() -> AbstractContextManager[Any]:
    """What other people's code prints goes to stderr: stdout holds results only."""
    return redirect_stdout(sys.stderr)


def blame_own(error: Exception, spec: WorkloadSpec, remedy: str = "") -> None:
    """Raise an InputError with the place in the user's file that `error` came through; a bug of ours is left as it is."""
    from launchlens.kernels.user_module import place

    where = place(error, spec.file) if spec.file else None
    if where is not None:
        raise InputError(where, f"{type(error).__name__}: {error}", remedy) from None
