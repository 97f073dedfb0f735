"""Metadata computed once and copied to every backend, a copy at a time or in groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from launchlens.kernels.nsa_metadata.metadata import compute, constants, step_lengths
from launchlens.kernels.nsa_metadata.workload import NsaMetadata
from launchlens.kernels.registry import Iteration, variant

if TYPE_CHECKING:
    import torch


@variant("nsa-metadata", "precompute-copy", says="compute once, then one .copy_() per buffer per backend")
def precompute_copy(inputs: NsaMetadata) -> Iteration:
    """Ten copies a backend: seven of them memcpys, three elementwise kernels (see the workload's table)."""
    return _copies(inputs, cache_pages=False)


@variant(
    "nsa-metadata",
    "precompute-copy-cached-index",
    says="precompute-copy, with the page transform's index made once and kept",
)
def precompute_copy_cached_index(inputs: NsaMetadata) -> Iteration:
    """As `precompute-copy`, less one operator an iteration."""
    return _copies(inputs, cache_pages=True)


def _copies(inputs: NsaMetadata, *, cache_pages: bool) -> Iteration:
    known = constants(inputs, cache_pages=cache_pages)

    def iteration() -> None:
        computed, steps = compute(inputs, known), step_lengths(inputs, known)
        for backend in range(inputs.shape.backends):
            for name, source in computed.items():
                inputs.destination(backend, name).copy_(source)
            inputs.destination(backend, "step_lengths").copy_(steps[backend])

    return iteration


@variant(
    "nsa-metadata",
    "precompute-foreach",
    says="compute once, then one torch._foreach_copy_ per group of like dtypes and layouts, for all backends",
)
def precompute_foreach(inputs: NsaMetadata) -> Iteration:
    """As `precompute-copy-cached-index`, with 10 copies a backend in four calls of `_foreach_copy_`.

    Groups are by both dtypes and by whether the destination is contiguous: one pair that the multi-tensor kernel can't
    take sends a whole call the slow way, a copy at a time (and mixed dtypes have gone wrong: pytorch#173531).
    """
    import torch

    known = constants(inputs, cache_pages=True)

    def iteration() -> None:
        computed, steps = compute(inputs, known), step_lengths(inputs, known)
        groups: dict[Any, tuple[list[torch.Tensor], list[torch.Tensor]]] = {}
        for backend in range(inputs.shape.backends):
            for name, source in (*computed.items(), ("step_lengths", steps[backend])):
                destination = inputs.destination(backend, name)
                key = destination.dtype, source.dtype, destination.is_contiguous()
                destinations, sources = groups.setdefault(key, ([], []))
                destinations.append(destination)
                sources.append(source)
        for destinations, sources in groups.values():
            torch._foreach_copy_(destinations, sources)

    return iteration
