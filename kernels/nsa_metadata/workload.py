"""The workload `nsa-metadata`: what an LLM server's sparse-attention backend refreshes before a CUDA-graph replay.

A captured decode step reads sequence lengths and page tables from buffers whose addresses the graph has baked in. Before
each replay the server writes the coming step's values there. With speculative decoding there are several attention
backends, one for each draft step, each with buffers of its own, and the values are nearly the same for all of them.

What public sglang is known to do, as facts (FIELD.md, section 5): the multi-backend refresh was changed from recomputing
for every backend to computing once and copying (sglang#14781); the decode path makes 10 to 13 copies a backend, some of
them of 2-D slices that aren't contiguous; copies were later grouped into `torch._foreach_copy_` by dtype (sglang#18558).
The tensors below follow that description; no code of it was taken.

One backend's buffers, for `batch` of `most` requests, the longest `longest` tokens, out of room for `context` tokens
(R = `queries` query tokens of one request, P = tokens in a page, pages = ceil(longest / P)):

    buffer               shape, dtype                    written                   holds
    lengths              [most] int32                    [:batch]                  tokens of each request, cast from int64
    lengths_long         [most] int64                    [:batch]                  the same, int64
    cu_lengths           [most + 1] int32                [1 : batch + 1]           cumulative lengths; element 0 stays 0
    selected             [most] int32                    [:batch]                  lengths, at most `selected`
    cu_selected          [most + 1] int32                [1 : batch + 1]           their cumulative sum
    expanded             [most * R] int32                [: batch * R]             tokens that each query token sees
    expanded_selected    [most * R] int32                [: batch * R]             the same, at most `selected`
    step_lengths         [most] int32                    [:batch]                  lengths after this backend's draft step
    token_table          [most, context] int32           [:batch, :longest]        where each token lies in the cache
    page_table           [most, ceil(context / P)] int32 [:batch, :pages]          the same by pages

torch copies with a memcpy only between tensors of one dtype that are contiguous once adjacent dimensions are merged
(PyTorch's Copy.cu). So of a backend's ten copies `lengths` (int64 to int32) and, at the default sizes, the two tables
(narrower than their buffers) are elementwise kernels, and the other seven are memcpys.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

from launchlens.kernels.registry import workload

if TYPE_CHECKING:
    import torch

#: What every element of a buffer holds before a check; nothing that is written is negative.
POISON = -1_717_986_919
#: Buffers of one backend in the order of the table above.
NAMES = (
    "lengths",
    "lengths_long",
    "cu_lengths",
    "selected",
    "cu_selected",
    "expanded",
    "expanded_selected",
    "step_lengths",
    "token_table",
    "page_table",
)


@dataclass(frozen=True)
class Shape:
    """The sizes that decide every shape; see the module's table."""

    backends: int
    batch: int
    most: int
    longest: int
    context: int
    page: int
    queries: int
    selected: int

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise ValueError(f"{name}: {value} is less than 1")
        for small, large in (("batch", "most"), ("longest", "context"), ("queries", "longest")):
            if getattr(self, small) > getattr(self, large):
                raise ValueError(f"{small}: {getattr(self, small)} is more than {large}, {getattr(self, large)}")
        if self.page > 65_536:
            raise ValueError(f"page: {self.page} is more than 65536 tokens")
        if self.backends * self.most * self.context > 2**31:
            raise ValueError("backends x most x context: more than 2**31 elements of page tables")

    def buffers(self) -> dict[str, tuple[int, ...]]:
        """Shape of each buffer of a backend."""
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(NAMES, (self.most,))
        shapes["cu_lengths"] = shapes["cu_selected"] = (self.most + 1,)
        shapes["expanded"] = shapes["expanded_selected"] = (self.most * self.queries,)
        shapes["token_table"] = (self.most, self.context)
        shapes["page_table"] = (self.most, -(-self.context // self.page))
        return shapes

    def written(self, name: str) -> tuple[slice, ...]:
        """The part of buffer `name` that a refresh writes."""
        if name in ("token_table", "page_table"):
            columns = self.longest if name == "token_table" else -(-self.longest // self.page)
            return slice(None, self.batch), slice(None, columns)
        if name in ("cu_lengths", "cu_selected"):
            return (slice(1, self.batch + 1),)
        return (slice(None, self.batch * self.queries if name.startswith("expanded") else self.batch),)

    def written_bytes(self) -> int:
        """What a refresh writes of one backend's buffers."""
        elements = {name: prod(part.stop - (part.start or 0) for part in self.written(name)) for name in NAMES}
        return sum((8 if name == "lengths_long" else 4) * count for name, count in elements.items())


@dataclass(frozen=True)
class NsaMetadata:
    """What a refresh reads and writes, on one device.

    lengths: [batch] int64, tokens of each request, the longest being `shape.longest`
    requests: [batch] int64, each request's row of `rows`
    rows: [most, context] int32, where each token of each request lies in the cache
    backends: a mapping of buffers by name for each backend
    expected: what `backends` must hold afterwards, worked out request by request when the inputs were made; what is the same for
        all backends is one tensor
    untouched: (backend, buffer) that a part of a refresh must leave as they were; none for a whole one
    """

    shape: Shape
    lengths: torch.Tensor
    requests: torch.Tensor
    rows: torch.Tensor
    backends: list[dict[str, torch.Tensor]]
    expected: list[dict[str, torch.Tensor]]
    untouched: set[tuple[int, str]] = field(default_factory=set)

    def only(self, *, backends: Collection[int] | None = None, names: Collection[str] = NAMES) -> None:
        """Check for a part of a refresh: buffers `names` of `backends` (all, where None), and all others left alone."""
        chosen = range(self.shape.backends) if backends is None else backends
        self.untouched.update(
            (backend, name)
            for backend in range(self.shape.backends)
            for name in NAMES
            if backend not in chosen or name not in names
        )

    def destination(self, backend: int, name: str) -> torch.Tensor:
        """The part of a backend's buffer that a refresh writes; sliced anew each time, since the next batch may differ."""
        return self.backends[backend][name][self.shape.written(name)]

    def poison(self) -> None:
        for buffers in self.backends:
            for name, buffer in buffers.items():
                buffer.fill_(POISON)
                if name.startswith("cu_"):
                    buffer[0] = 0  # written once, when the buffer is made

    def wrong(self) -> str | None:
        for index, (buffers, expected) in enumerate(zip(self.backends, self.expected, strict=True)):
            for name in NAMES:
                right = _poisoned(name, expected[name]) if (index, name) in self.untouched else expected[name]
                differing = int((buffers[name] != right).sum())
                if differing:
                    elements = expected[name].numel()
                    return f"{differing} of {elements} elements of {name} of backend {index} are not what they must be"
        return None


def _poisoned(name: str, like: torch.Tensor) -> torch.Tensor:
    """A buffer as `poison` leaves it."""
    made = like.new_full(like.shape, POISON)
    if name.startswith("cu_"):
        made[0] = 0
    return made


def facts(**parameters: int) -> dict[str, Any]:
    """What a manifest says of these shapes. Raises ValueError for shapes that don't fit together."""
    shape = Shape(**parameters)
    says = (
        f"a sparse-attention backend's metadata for {shape.backends} backends: "
        f"{shape.batch} requests, the longest of {shape.longest} tokens"
    )
    return {
        "says": says,
        "buffers": len(NAMES),
        "copies": len(NAMES) * shape.backends,
        "bytes": shape.written_bytes() * shape.backends,
    }


@workload(
    "nsa-metadata",
    baseline="recompute",
    says="a sparse-attention backend's metadata, refreshed for several backends before a CUDA-graph replay",
    facts=facts,
)
def make(
    *,
    device: str,
    seed: int,
    backends: int = 4,
    batch: int = 16,
    most: int = 32,
    longest: int = 3000,
    context: int = 8192,
    page: int = 64,
    queries: int = 4,
    selected: int = 2048,
) -> NsaMetadata:
    """Seeded requests and the buffers of `backends` backends, on `device`.

    The number of backends is a parameter and not part of the variants' names: only variants that do the same work
    can be compared, and four backends are half the work of eight. The note's two rows are two captures, this one and
    `--set backends=8`. The baseline is `recompute`, the state that the note's "before" column names, so that each
    ratio reads as what a change to it brought.
    """
    import torch

    shape = Shape(backends, batch, most, longest, context, page, queries, selected)
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(queries, longest + 1, (batch,), generator=generator)
    lengths[batch // 2] = longest
    requests = torch.randperm(most, generator=generator)[:batch]
    rows = _rows(shape, generator)
    same = {name: made.to(device) for name, made in _expected(shape, lengths, requests, rows).items()}
    expected = [same | {"step_lengths": _step_lengths(shape, lengths, step).to(device)} for step in range(backends)]
    buffers = [{name: torch.zeros_like(made) for name, made in each.items()} for each in expected]
    return NsaMetadata(shape, lengths.to(device), requests.to(device), rows.to(device), buffers, expected)


def _rows(shape: Shape, generator: torch.Generator) -> torch.Tensor:
    """Where tokens lie: pages in random order, tokens of a page side by side."""
    import torch

    pages = -(-shape.context // shape.page)
    first = torch.randint(0, 2**31 // shape.page, (shape.most, pages, 1), generator=generator) * shape.page
    tokens = (first + torch.arange(shape.page)).clamp_(max=2**31 - 1)
    return tokens.reshape(shape.most, -1)[:, : shape.context].to(torch.int32).contiguous()


def _expected(
    shape: Shape, lengths: torch.Tensor, requests: torch.Tensor, rows: torch.Tensor
) -> dict[str, torch.Tensor]:
    """A backend's buffers after a refresh but for `step_lengths`, POISON where it must not write, worked out one request at a time."""
    values: dict[str, list[Any]] = {name: [] for name in NAMES if name != "step_lengths"}
    for length, row in zip(lengths.tolist(), requests.tolist(), strict=True):
        sees = [length - shape.queries + 1 + query for query in range(shape.queries)]
        tokens = rows[row, : shape.longest].tolist()
        values["lengths"].append(length)
        values["selected"].append(min(length, shape.selected))
        values["expanded"] += sees
        values["expanded_selected"] += [min(seen, shape.selected) for seen in sees]
        values["token_table"].append(tokens)
        values["page_table"].append([token // shape.page for token in tokens[:: shape.page]])
    values["lengths_long"] = values["lengths"]
    for cumulative, summed in (("cu_lengths", "lengths"), ("cu_selected", "selected")):
        values[cumulative] = list(_running(values[summed]))
    return {name: _placed(shape, name, written) for name, written in values.items()}


def _step_lengths(shape: Shape, lengths: torch.Tensor, step: int) -> torch.Tensor:
    """The buffer `step_lengths` of the backend number `step` after a refresh."""
    return _placed(shape, "step_lengths", [length + step + 1 for length in lengths.tolist()])


def _placed(shape: Shape, name: str, written: list[Any]) -> torch.Tensor:
    """A buffer that holds `written` where a refresh writes, and else what `poison` leaves."""
    import torch

    made = torch.full(shape.buffers()[name], POISON, dtype=torch.int64 if name == "lengths_long" else torch.int32)
    if name.startswith("cu_"):
        made[0] = 0
    made[shape.written(name)] = torch.tensor(written, dtype=made.dtype)
    return made


def _running(values: list[int]) -> Iterator[int]:
    total = 0
    for value in values:
        total += value
        yield total
