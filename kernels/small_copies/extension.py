"""The CUDA C++ extension of the `cuda-*` variants."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from launchlens.kernels.cuda_extension import NEEDS, built

__all__ = ["MOST_COPIES", "NEEDS", "extension"]

#: Most copies of one launch: `kMostCopies` of batched.h.
MOST_COPIES = 1024

_HERE = Path(__file__).parent


@cache
def extension() -> Any:
    """The compiled module for the current GPU (see binding.cpp). Raises RuntimeError when it can't be built."""
    return built("small_copies", [_HERE / "binding.cpp", _HERE / "batched.cu"])
