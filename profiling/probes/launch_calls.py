"""The CUDA C++ extension of the probe `launch-floor`: built by torch with nvcc at first use, then kept in torch's cache."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

#: What it takes to build it, as `launchlens.profiling.environment.missing` tests it.
NEEDS = ("torch", "cuda", "nvcc", "ninja")

_HERE = Path(__file__).parent


@cache
def launch_calls() -> Any:
    """The compiled module for the current GPU (see launch_calls.cpp). A first build takes some 15 s, a later process under 1 s.

    It goes to `TORCH_EXTENSIONS_DIR`, by default a folder of the user's cache. Raises RuntimeError when it can't be built.
    """
    import torch
    from torch.utils.cpp_extension import load

    major, minor = torch.cuda.get_device_capability()
    return load(
        # one name per architecture, so that a cache shared by different GPUs holds one of each
        name=f"launchlens_launch_calls_sm{major}{minor}",
        sources=[str(_HERE / "launch_calls.cpp"), str(_HERE / "launch_calls.cu")],
        extra_cflags=["-O2"],
        # an architecture of our own keeps torch from building for every visible card, and from a warning
        extra_cuda_cflags=["-O3", f"-arch=sm_{major}{minor}"],
    )
