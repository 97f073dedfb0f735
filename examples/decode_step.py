"""One decode step of a small transformer, eager and compiled: `launchlens profile --workload examples/decode_step.py`.

Batch 1, four layers, as a server generates a token; other sizes: `--set layers=8 --set width=2048 --set context=2048`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from launchlens.kernels.correctness import CompareOutputs
from launchlens.kernels.registry import variant, workload


class Layer(nn.Module):  # type: ignore[misc]  # torch is untyped where it is not installed
    """Attention over cached keys and values, then a feed-forward network, each behind an RMSNorm."""

    def __init__(self, width: int, heads: int, context: int) -> None:
        super().__init__()
        self.heads, self.width = heads, width
        self.before, self.between = nn.RMSNorm(width), nn.RMSNorm(width)
        self.project = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)
        shape = (1, heads, context, width // heads)
        self.register_buffer("keys", torch.randn(shape))
        self.register_buffer("values", torch.randn(shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: [1, 1, width]; the token takes the first place of the context."""
        split = self.project(self.before(x)).view(1, 1, 3, self.heads, self.width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        self.keys[:, :, :1], self.values[:, :, :1] = key, value
        attended = nn.functional.scaled_dot_product_attention(query, self.keys, self.values)
        x = x + self.out(attended.transpose(1, 2).reshape(1, 1, self.width))
        return x + self.down(nn.functional.silu(self.up(self.between(x))))


@dataclass(frozen=True)
class Inputs:
    """`model`: the layers in a row; `token`: [1, 1, width] of the model's type."""

    model: nn.Module
    token: torch.Tensor


@workload("decode-step", baseline="eager", check=CompareOutputs(rtol=0.05, atol=0.05))
def make(device: str, seed: int, layers: int = 4, width: int = 1024, heads: int = 16, context: int = 512) -> Inputs:
    """One token through a few transformer layers: many small operators, as in a decode step."""
    torch.manual_seed(seed)
    kind = torch.bfloat16 if device == "cuda" else torch.float32
    model = nn.Sequential(*(Layer(width, heads, context) for _ in range(layers))).to(device, kind).eval()
    return Inputs(model, torch.randn(1, 1, width).to(device, kind))


def _step(model: Callable[[torch.Tensor], torch.Tensor], token: torch.Tensor) -> Callable[[], torch.Tensor]:
    def iteration() -> torch.Tensor:
        with torch.no_grad():
            return model(token)

    return iteration


@variant("decode-step", "eager")
def eager(inputs: Inputs) -> Callable[[], torch.Tensor]:
    """The layers as they are called, an operator at a time."""
    return _step(inputs.model, inputs.token)


@variant("decode-step", "compiled")
def compiled(inputs: Inputs) -> Callable[[], torch.Tensor]:
    """The same through torch.compile."""
    return _step(torch.compile(inputs.model), inputs.token)
