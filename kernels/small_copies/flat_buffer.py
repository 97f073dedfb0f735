"""One `.copy_()` of a flat buffer: what copies cost whose tensors were allocated side by side."""

from __future__ import annotations

from functools import partial

from launchlens.kernels.launches import Launches
from launchlens.kernels.registry import Iteration, variant
from launchlens.kernels.small_copies.flat import lay_flat
from launchlens.kernels.small_copies.workload import SmallCopies


@variant(
    "small-copies",
    "flat-buffer",
    says="one copy_ of a flat buffer whose views the tensors are",
    structure=lambda inputs: [Launches("torch-copy_", arguments=2, items=len(inputs.sources), node="memcpy")],
)
def flat_buffer(inputs: SmallCopies) -> Iteration:
    """Sources and destinations are laid flat here, once, and stay views: nothing is packed or unpacked per iteration.

    This changes who owns the memory, which a caller must be able to do; what it costs when the sources can't be views is
    `flat-buffer-packed`. The check then reads the views, which `inputs` holds from now on.
    """
    source = lay_flat(inputs.sources)
    return partial(lay_flat(inputs.destinations).copy_, source)
