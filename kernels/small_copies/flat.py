"""Tensors of one dtype laid end to end in one buffer, each a view of its part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from launchlens.kernels.registry import NotForTheseInputsError

if TYPE_CHECKING:
    import torch


def lay_flat(tensors: list[torch.Tensor]) -> torch.Tensor:
    """Replace every tensor of the list by a view of one new buffer that holds them all; return the buffer, [sum of sizes].

    The list is changed in place and the values are kept, so whoever holds the list (inputs, and their check) sees the
    tensors where they now live; the old ones are left to themselves. Without gaps: a part starts where the one before
    ends. Raises NotForTheseInputsError for tensors of several dtypes, which have no common buffer.
    """
    import torch

    dtypes = {tensor.dtype for tensor in tensors}
    if len(dtypes) > 1:
        named = ", ".join(sorted(str(dtype).removeprefix("torch.") for dtype in dtypes))
        raise NotForTheseInputsError(f"one flat buffer holds one dtype, not {named}")
    buffer = torch.cat([tensor.reshape(-1) for tensor in tensors])
    parts = buffer.split([tensor.numel() for tensor in tensors])
    tensors[:] = [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]
    return buffer
