"""The CUDA C++ extension of the probe `launch-floor`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from launchlens.kernels.cuda_extension import NEEDS, built

__all__ = ["NEEDS", "launch_calls"]

_HERE = Path(__file__).parent


@cache
def launch_calls() -> Any:
    """The compiled module for the current GPU (see launch_calls.cpp). Raises RuntimeError when it can't be built."""
    return built("launch_calls", [_HERE / "launch_calls.cpp", _HERE / "launch_calls.cu"])
