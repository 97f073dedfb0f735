"""CUDA's runtime called from Python through cuda.bindings: what the variants that do so share."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

#: What `variant(needs=...)` takes for a variant that calls the runtime by itself.
NEEDS = ("torch", "cuda", "cuda-bindings")


def check(answer: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a call of cuda.bindings answered after its error code. Raises RuntimeError, naming the code, for an error."""
    if answer[0]:
        raise RuntimeError(f"CUDA error: {answer[0].name}")
    return answer[1:]


def current_stream_reader() -> Callable[[], int]:
    """A function that gives torch's current stream on the current device as an integer; the legacy default stream is 0.

    `torch.cuda.current_stream().cuda_stream` makes two Python objects for that, which takes longer than some launches;
    torch's own compiler calls this one.
    """
    import torch

    return partial(torch._C._cuda_getCurrentRawStream, torch.cuda.current_device())
