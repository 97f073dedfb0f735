"""The CUDA C++ extension of the `cuda-*` variants: built by torch with nvcc at first use, then kept in torch's cache."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

#: What `variant(needs=...)` takes for a variant that uses the extension.
NEEDS = ("torch", "cuda", "nvcc", "ninja")
#: Most copies of one launch: `kMostCopies` of batched.h.
MOST_COPIES = 1024

_HERE = Path(__file__).parent


@cache
def extension() -> Any:
    """The compiled module for the current GPU (see binding.cpp). A first build takes some 20 s, a later process under 1 s.

    It goes to `TORCH_EXTENSIONS_DIR`, by default a folder of the user's cache. Raises RuntimeError when it can't be built.
    """
    import torch
    from torch.utils.cpp_extension import load

    major, minor = torch.cuda.get_device_capability()
    return load(
        # one name per architecture, so that a cache shared by different GPUs holds one of each
        name=f"launchlens_small_copies_sm{major}{minor}",
        sources=[str(_HERE / "binding.cpp"), str(_HERE / "batched.cu")],
        extra_cflags=["-O2"],
        # an architecture of our own keeps torch from building for every visible card, and from a warning
        extra_cuda_cflags=["-O3", f"-arch=sm_{major}{minor}"],
    )
