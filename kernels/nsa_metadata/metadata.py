"""The metadata itself: what is computed from a batch, by whichever variant computes it, and in how many operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from launchlens.kernels.nsa_metadata.workload import NsaMetadata

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Constants:
    """Index tensors that depend on sizes alone, int32 but for `pages`.

    offsets: [queries], how far each query token is from the request's last one, plus one: 1 - queries ... 0
    steps: [backends, 1], draft tokens that each backend's step has added: 1 ... backends
    pages: [pages] int64, the first token of each page, or None: then every transform makes it anew
    """

    offsets: torch.Tensor
    steps: torch.Tensor
    pages: torch.Tensor | None


def constants(inputs: NsaMetadata, *, cache_pages: bool) -> Constants:
    """Made once, before anything is timed; `cache_pages` says whether the page index is among them."""
    import torch

    shape, device = inputs.shape, inputs.lengths.device
    offsets = torch.arange(1 - shape.queries, 1, dtype=torch.int32, device=device)
    steps = torch.arange(1, shape.backends + 1, dtype=torch.int32, device=device)[:, None]
    return Constants(offsets, steps, page_index(inputs) if cache_pages else None)


def page_index(inputs: NsaMetadata) -> torch.Tensor:
    """[pages] int64: the first token of each page."""
    import torch

    return torch.arange(0, inputs.shape.longest, inputs.shape.page, device=inputs.lengths.device)


def page_table(inputs: NsaMetadata, token_table: torch.Tensor, known: Constants) -> torch.Tensor:
    """[batch, pages] int32: the page of each page's first token, of a token table [batch, longest] int32."""
    first = page_index(inputs) if known.pages is None else known.pages
    return token_table.index_select(1, first).floor_divide_(inputs.shape.page)


def compute(inputs: NsaMetadata, known: Constants, pages: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
    """All metadata but `step_lengths`, which is each backend's own; shapes as `Shape.written` has them.

    `lengths` stays int64: the copy into its buffer casts. `pages` is a page table that was transformed before, as
    `page_table` returns it; without it, one is transformed here.
    """
    import torch

    shape, lengths = inputs.shape, inputs.lengths
    short = lengths.to(torch.int32)
    selected = short.clamp(max=shape.selected)
    expanded = (short[:, None] + known.offsets).flatten()
    tokens = inputs.rows[:, : shape.longest].index_select(0, inputs.requests)
    return {
        "lengths": lengths,
        "lengths_long": lengths,
        "cu_lengths": torch.cumsum(short, 0, dtype=torch.int32),
        "selected": selected,
        "cu_selected": torch.cumsum(selected, 0, dtype=torch.int32),
        "expanded": expanded,
        "expanded_selected": expanded.clamp(max=shape.selected),
        "token_table": tokens,
        "page_table": page_table(inputs, tokens, known) if pages is None else pages,
    }


def step_lengths(inputs: NsaMetadata, known: Constants) -> torch.Tensor:
    """[backends, batch] int32: lengths after each backend's draft step; its rows are contiguous."""
    import torch

    return inputs.lengths.to(torch.int32) + known.steps
