"""Which kernels are collectives: those of NCCL and of RCCL, told by their names."""

from __future__ import annotations

import re

_COLLECTIVE = re.compile(r"(void\s+)?(nccl|rccl)", re.IGNORECASE)


def communicates(name: str) -> bool:
    """Whether a kernel of this name is a collective's.

    >>> communicates("ncclDevKernel_AllReduce_Sum_f32_RING_LL(ncclDevKernelArgsStorage<4096ul>)"), communicates("add_kernel")
    (True, False)
    """
    return _COLLECTIVE.match(name) is not None
