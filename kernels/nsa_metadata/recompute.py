"""Everything computed again for every backend: how the refresh began, and what the others are compared with."""

from __future__ import annotations

from launchlens.kernels.nsa_metadata.metadata import compute, constants
from launchlens.kernels.nsa_metadata.workload import NsaMetadata
from launchlens.kernels.registry import Iteration, variant


@variant("nsa-metadata", "recompute", says="compute all metadata for each backend, then copy it there")
def recompute(inputs: NsaMetadata) -> Iteration:
    """Each backend computes and copies; its page transform makes its page index anew."""
    return _refresh(inputs, cache_pages=False)


@variant("nsa-metadata", "recompute-cached-index", says="recompute, with the page transform's index made once and kept")
def recompute_cached_index(inputs: NsaMetadata) -> Iteration:
    """As `recompute`, less one operator a backend: the index depends on sizes alone."""
    return _refresh(inputs, cache_pages=True)


@variant(
    "nsa-metadata",
    "recompute-cached-table",
    says="recompute, with the page table transformed once a refresh and used for every backend",
)
def recompute_cached_table(inputs: NsaMetadata) -> Iteration:
    """As `recompute`, less the transforms of all backends but the first; a table can't be kept longer than a batch."""
    return _refresh(inputs, cache_pages=False, cache_table=True)


def _refresh(inputs: NsaMetadata, *, cache_pages: bool, cache_table: bool = False) -> Iteration:
    import torch

    known = constants(inputs, cache_pages=cache_pages)

    def iteration() -> None:
        pages = None
        for backend in range(inputs.shape.backends):
            computed = compute(inputs, known, pages)
            pages = computed["page_table"] if cache_table else None
            computed["step_lengths"] = inputs.lengths.to(torch.int32) + (backend + 1)
            for name, source in computed.items():
                inputs.destination(backend, name).copy_(source)

    return iteration
