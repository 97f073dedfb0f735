"""One Triton launch for all tensors; their pointers and lengths lie in a table on the device, so arguments are two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from launchlens.kernels.launches import Launches
from launchlens.kernels.optional_triton import tl, triton
from launchlens.kernels.registry import Iteration, variant
from launchlens.kernels.small_copies.triton_signature import refuse_too_long
from launchlens.kernels.small_copies.workload import SmallCopies

if TYPE_CHECKING:
    import torch

BLOCK = 1024
#: Bytes of the words that the kernel can copy in, widest first, and the names of Triton's types for them.
WORDS = {8: "int64", 4: "int32", 2: "int16", 1: "int8"}


@triton.jit  # type: ignore[untyped-decorator]
def copy_by_table(table, count, WORD: tl.constexpr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Copy tensor `program_id(0)` of the table, BLOCK words of it to a program.

    table: [3, count] int64 on the device: addresses of destinations, addresses of sources, lengths in words.
    """
    which = tl.program_id(0)
    destination = tl.load(table + which).to(tl.pointer_type(WORD))
    source = tl.load(table + count + which).to(tl.pointer_type(WORD))
    words = tl.load(table + 2 * count + which)
    offset = tl.program_id(1).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = offset < words
    tl.store(destination + offset, tl.load(source + offset, mask=inside), mask=inside)


def widest_word(numbers: list[int]) -> int:
    """Bytes of the widest word that divides every address and every length in `numbers` (bytes)."""
    return next(word for word in WORDS if all(number % word == 0 for number in numbers))


def rows_of(inputs: SmallCopies) -> list[list[int]]:
    """The table in bytes: addresses of destinations, addresses of sources, lengths."""
    return [
        [destination.data_ptr() for destination in inputs.destinations],
        [source.data_ptr() for source in inputs.sources],
        [source.nbytes for source in inputs.sources],
    ]


def in_words(rows: list[list[int]], word: int) -> list[list[int]]:
    """The table as the kernel reads it: lengths counted in words of `word` bytes."""
    destinations, sources, sizes = rows
    return [destinations, sources, [size // word for size in sizes]]


def launch_for(table: torch.Tensor, rows: list[list[int]], word: int, inputs: SmallCopies) -> Iteration:
    """What launches the kernel over `table` ([3, count] int64, on the device), sized for the copies in `rows`.

    It holds on to `inputs`, to which the table only points. Raises NotForTheseInputsError for copies longer than a grid has programs for.
    """
    count, longest = len(rows[0]), max(rows[2]) // word
    kernel: Any = copy_by_table
    programs = max((longest + BLOCK - 1) // BLOCK, 1)
    refuse_too_long(programs)
    launch = kernel[(count, programs)]
    kind = getattr(tl, WORDS[word])

    def iteration(kept: SmallCopies = inputs) -> None:
        launch(table, count, WORD=kind, BLOCK=BLOCK)

    return iteration


@variant(
    "small-copies",
    "triton-table",
    needs=("torch", "cuda", "triton"),
    says="one Triton launch, pointers in a table on the device",
    launches="1",
    structure=lambda inputs: [Launches("triton", arguments=2, items=len(inputs.sources))],
)
def triton_table(inputs: SmallCopies) -> Iteration:
    """The table is built and sent here, once: the tensors must stay where they are. Any number, dtype and offset."""
    import torch

    rows = rows_of(inputs)
    word = widest_word([number for row in rows for number in row])
    table = torch.tensor(in_words(rows, word), dtype=torch.int64, device=inputs.sources[0].device)
    return launch_for(table, rows, word, inputs)
