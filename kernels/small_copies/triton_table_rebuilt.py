"""`triton-table` for tensors that may move: the table is packed on the host and sent before every launch."""

from __future__ import annotations

from launchlens.kernels.launches import Launches
from launchlens.kernels.registry import Iteration, variant
from launchlens.kernels.small_copies.triton_table import in_words, launch_for, rows_of, widest_word
from launchlens.kernels.small_copies.workload import SmallCopies


@variant(
    "small-copies",
    "triton-table-rebuilt",
    needs=("torch", "cuda", "triton"),
    regimes=("eager",),  # a replay would send what was packed at the capture, so it would rebuild nothing
    says="one Triton launch, its pointer table packed and sent each time",
    structure=lambda inputs: [
        Launches("triton-packed-table", arguments=3 * len(inputs.sources), items=len(inputs.sources)),
        Launches("torch-copy_", arguments=2, items=len(inputs.sources), node="memcpy"),
    ],
)
def triton_table_rebuilt(inputs: SmallCopies) -> Iteration:
    """Reads every address, packs the table into pageable memory, sends it, launches.

    Pageable on purpose: the driver has taken its copy when the call returns, whereas a pinned buffer could only be
    rewritten after the device has read it, for which the host would have to wait or keep several.
    """
    import torch

    rows = rows_of(inputs)
    word = widest_word([number for row in rows for number in row])
    table = torch.empty((3, len(inputs.sources)), dtype=torch.int64, device=inputs.sources[0].device)
    launch = launch_for(table, rows, word, inputs)

    def iteration() -> None:
        packed = torch.tensor(in_words(rows_of(inputs), word), dtype=torch.int64)
        table.copy_(packed, non_blocking=True)
        launch()

    return iteration
