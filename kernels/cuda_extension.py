"""CUDA C++ extensions: built by torch with nvcc at first use, then kept in torch's cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

#: What it takes to build one, as `variant(needs=...)` names it.
NEEDS = ("torch", "cuda", "nvcc", "ninja")


def built(name: str, sources: Sequence[Path]) -> Any:
    """The module that `sources` make, compiled for the current GPU. A first build takes some 20 s, a later process under 1 s.

    It goes to `TORCH_EXTENSIONS_DIR`, by default a folder of the user's cache. Raises RuntimeError when it can't be built.
    """
    import torch
    from torch.utils.cpp_extension import load

    major, minor = torch.cuda.get_device_capability()
    return load(
        # one name per architecture, so that a cache shared by different GPUs holds one of each
        name=f"launchlens_{name}_sm{major}{minor}",
        sources=[str(source) for source in sources],
        extra_cflags=["-O2"],
        # an architecture of our own keeps torch from building for every visible card, and from a warning
        extra_cuda_cflags=["-O3", f"-arch=sm_{major}{minor}"],
    )
