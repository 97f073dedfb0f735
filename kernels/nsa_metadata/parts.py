"""Parts of a refresh alone: what a share of it takes. None of them does the work, and none is ranked as if it did.

A part writes some of the buffers, or writes what was computed beforehand; the check holds it to that, and to leaving the
rest alone.
"""

from __future__ import annotations

from launchlens.kernels.nsa_metadata.metadata import compute, constants, page_table, step_lengths
from launchlens.kernels.nsa_metadata.workload import NsaMetadata
from launchlens.kernels.registry import Iteration, variant


@variant(
    "nsa-metadata",
    "copies-only",
    says="the copies of precompute-copy alone: computes nothing, and is wrong once a length changes",
    part_of="precompute-copy",
)
def copies_only(inputs: NsaMetadata) -> Iteration:
    """Every copy to every backend, of values computed when the variant is built."""
    return _copies(inputs, range(inputs.shape.backends))


@variant(
    "nsa-metadata",
    "copies-one-backend",
    says="the copies of precompute-copy to one backend alone: computes nothing",
    part_of="precompute-copy",
)
def copies_one_backend(inputs: NsaMetadata) -> Iteration:
    """As `copies-only`, for the first backend: about what the note's seven copies are of its refresh of four."""
    inputs.only(backends=range(1))
    return _copies(inputs, range(1))


def _copies(inputs: NsaMetadata, backends: range) -> Iteration:
    known = constants(inputs, cache_pages=True)
    computed, steps = compute(inputs, known), step_lengths(inputs, known)

    def iteration() -> None:
        for backend in backends:
            for name, source in computed.items():
                inputs.destination(backend, name).copy_(source)
            inputs.destination(backend, "step_lengths").copy_(steps[backend])

    return iteration


@variant(
    "nsa-metadata",
    "transform-only",
    says="the page transform of recompute alone, its index made anew for each backend",
    part_of="recompute",
)
def transform_only(inputs: NsaMetadata) -> Iteration:
    """For each backend an index, a gather, a division, and the copy of the table into its buffer."""
    return _transform(inputs, cache_pages=False)


@variant(
    "nsa-metadata",
    "transform-only-cached-index",
    says="the page transform of recompute alone, with its index made once and kept",
    part_of="recompute-cached-index",
)
def transform_only_cached_index(inputs: NsaMetadata) -> Iteration:
    """As `transform-only`, less one operator a backend."""
    return _transform(inputs, cache_pages=True)


def _transform(inputs: NsaMetadata, *, cache_pages: bool) -> Iteration:
    inputs.only(names=("page_table",))
    known = constants(inputs, cache_pages=cache_pages)
    tokens = inputs.rows[:, : inputs.shape.longest].index_select(0, inputs.requests)

    def iteration() -> None:
        for backend in range(inputs.shape.backends):
            inputs.destination(backend, "page_table").copy_(page_table(inputs, tokens, known))

    return iteration
