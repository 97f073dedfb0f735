"""RMSNorm four ways: measure it with `launchlens profile --workload examples/rms_norm.py`.

Runs on a GPU and, with `--device cpu`, without one. Other sizes: `--set rows=64 --set width=8192`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from launchlens.kernels.registry import variant, workload

EPSILON = 1e-6


@dataclass(frozen=True)
class Inputs:
    """`x`: [rows, width] float32; `weight`: [width] float32."""

    x: torch.Tensor
    weight: torch.Tensor


@workload("rms-norm", baseline="eager")
def make(device: str, seed: int, rows: int = 16, width: int = 1024) -> Inputs:
    """RMSNorm of a few float32 rows, as a decode step does it."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, width, generator=generator)
    weight = torch.rand(width, generator=generator) + 0.5
    return Inputs(x.to(device), weight.to(device))


@variant("rms-norm", "eager")
def eager(inputs: Inputs) -> Callable[[], torch.Tensor]:
    """x * rsqrt(mean(x²) + ε) * weight, an operator at a time."""
    x, weight = inputs.x, inputs.weight
    return lambda: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPSILON) * weight


@variant("rms-norm", "vector-norm")
def vector_norm(inputs: Inputs) -> Callable[[], torch.Tensor]:
    """The mean square from one reduction: linalg.vector_norm, then addcmul for what follows."""
    x, weight = inputs.x, inputs.weight
    epsilon, share = torch.full((1,), EPSILON, device=x.device), 1 / x.shape[-1]

    def iteration() -> torch.Tensor:
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        return x * torch.addcmul(epsilon, norm, norm, value=share).rsqrt_() * weight

    return iteration


@variant("rms-norm", "functional")
def functional(inputs: Inputs) -> Callable[[], torch.Tensor]:
    """One call of torch.nn.functional.rms_norm, fused where torch has a kernel for it."""
    x, weight = inputs.x, inputs.weight
    return lambda: torch.nn.functional.rms_norm(x, (x.shape[-1],), weight, EPSILON)


@variant("rms-norm", "into-buffers")
def into_buffers(inputs: Inputs) -> Callable[[], torch.Tensor]:
    """The eager formula written into buffers made once, so that no iteration allocates."""
    x, weight = inputs.x, inputs.weight
    square, out = torch.empty_like(x), torch.empty_like(x)
    scale = torch.empty(x.shape[0], 1, device=x.device)

    def iteration() -> torch.Tensor:
        torch.mul(x, x, out=square)
        torch.mean(square, -1, keepdim=True, out=scale)
        scale.add_(EPSILON).rsqrt_()
        return torch.mul(torch.mul(x, scale, out=out), weight, out=out)

    return iteration
