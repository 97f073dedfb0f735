"""RMSNorm six ways: measure it with `launchlens profile --workload examples/rms_norm.py`.

Runs on a GPU and, with `--device cpu`, without one, where two of them are left out. Other sizes: `--set rows=64 --set width=8192`; many:

    launchlens profile --workload examples/rms_norm.py --sweep rows=1..16384:log4 --sweep width=1024..16384:log4
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from launchlens.kernels.launches import Launches
from launchlens.kernels.optional_triton import tl, triton
from launchlens.kernels.registry import NotForTheseInputsError, variant, workload

EPSILON = 1e-6
#: Elements of the widest row that the Triton kernel takes.
WIDEST = 65_536


@dataclass(frozen=True)
class Inputs:
    """`x`: [rows, width] float32; `weight`: [width] float32."""

    x: torch.Tensor
    weight: torch.Tensor


def facts(rows: int, width: int) -> dict[str, int]:
    """What a sweep and its model go by: the bytes that an iteration writes. Refuses what is no matrix."""
    if rows < 1 or width < 1:
        raise ValueError(f"{rows} rows of {width} elements are no matrix")
    return {"bytes": 4 * rows * width}


@workload("rms-norm", baseline="eager", facts=facts)
def make(device: str, seed: int, rows: int = 16, width: int = 1024) -> Inputs:
    """RMSNorm of a few float32 rows, as a decode step does it."""
    generator = torch.Generator(device).manual_seed(seed)
    x = torch.randn(rows, width, generator=generator, device=device)
    weight = torch.rand(width, generator=generator, device=device) + 0.5
    return Inputs(x, weight)


@variant("rms-norm", "eager")
def eager(inputs: Inputs) -> Callable[[], torch.Tensor]:
    """x * rsqrt(mean(x²) + ε) * weight, an operator at a time."""
    x, weight = inputs.x, inputs.weight
    return lambda: formula(x, weight)


def formula(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """RMSNorm of the last dimension."""
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPSILON) * weight


@variant("rms-norm", "compiled", needs=("torch", "cuda", "triton"))
def compiled(inputs: Inputs) -> Callable[[], torch.Tensor]:
    """The same through torch.compile, for these sizes alone."""
    x, weight = inputs.x, inputs.weight
    fused = torch.compile(formula, dynamic=False)

    def iteration() -> torch.Tensor:
        with torch.no_grad():
            return fused(x, weight)

    return iteration


@triton.jit  # type: ignore[untyped-decorator]
def rms_norm_kernel(x, weight, out, width, epsilon, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """One row to a program, all of it at once."""
    row = tl.program_id(0).to(tl.int64) * width
    column = tl.arange(0, BLOCK)
    inside = column < width
    values = tl.load(x + row + column, mask=inside, other=0.0)
    scale = tl.rsqrt(tl.sum(values * values, axis=0) / width + epsilon)
    tl.store(out + row + column, values * scale * tl.load(weight + column, mask=inside, other=0.0), mask=inside)


@variant(
    "rms-norm",
    "triton",
    needs=("torch", "cuda", "triton"),
    structure=lambda inputs: [Launches("triton", arguments=5)],
)
def by_triton(inputs: Inputs) -> Callable[[], torch.Tensor]:
    """One Triton kernel, a row to a program, into a buffer made once."""
    x, weight, kernel = inputs.x, inputs.weight, rms_norm_kernel
    rows, width = x.shape
    block: int = triton.next_power_of_2(width)
    if block > WIDEST:
        raise NotForTheseInputsError(f"a program holds a row of at most {WIDEST} elements, not {width}")
    out, warps = torch.empty_like(x), min(max(block // 512, 1), 16)
    launch: Any = kernel[(rows,)]

    def iteration() -> torch.Tensor:
        launch(x, weight, out, width, EPSILON, BLOCK=block, num_warps=warps)
        return out

    return iteration


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
