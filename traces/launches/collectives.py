"""Collectives: what they do, what they carry, and how much of it has to pass the link of one rank."""

from __future__ import annotations

import re

_WORDS = {
    "allreduce": "all_reduce",
    "allgather": "all_gather",
    "reducescatter": "reduce_scatter",
    "alltoall": "all_to_all",
    "sendrecv": "send_recv",
    "broadcast": "broadcast",
    "reduce": "reduce",
    "send": "send",
    "recv": "recv",
}
#: Longer ones first: `reduce` is in three of them.
_WORD = re.compile("|".join(sorted(_WORDS, key=len, reverse=True)))

#: Bytes of an element by the name that torch gives its type in a collective's arguments.
ELEMENT_BYTES = {
    **dict.fromkeys(("Byte", "Char", "Bool", "QInt8", "QUInt8", "Float8_e4m3fn", "Float8_e5m2"), 1),
    **dict.fromkeys(("Half", "BFloat16", "Short", "UInt16"), 2),
    **dict.fromkeys(("Float", "Int", "QInt32", "UInt32", "ComplexHalf"), 4),
    **dict.fromkeys(("Double", "Long", "UInt64", "ComplexFloat"), 8),
    "ComplexDouble": 16,
}


def operation(text: str) -> str | None:
    """What a collective does, of its kernel's name or of what the recorder calls it; None where neither says.

    >>> operation("ncclDevKernel_AllReduce_Sum_f32_RING_LL"), operation("_allgather_base"), operation("ncclDevKernel_Generic")
    ('all_reduce', 'all_gather', None)
    """
    found = _WORD.search(re.sub(r"[^a-z]", "", text.lower()))
    return _WORDS[found[0]] if found else None


def payload(operation: str | None, sent: int, received: int) -> int:
    """The size that bandwidths of an operation are told for, of what a rank puts in and what it gets out.

    As NVIDIA's nccl-tests count it: what a rank has in all, before it is scattered or after it is gathered.
    """
    return max(sent, received) if operation in ("all_gather", "reduce_scatter", "all_to_all") else sent or received


def whole_message(operation: str | None, of_one_rank: int, ranks: int) -> int:
    """The payload of an operation of which NCCL tells the message of one rank, bytes; -1 where the ranks are not known that it takes.

    >>> whole_message("all_reduce", 1024, -1), whole_message("all_gather", 1024, 4), whole_message("all_gather", 1024, -1)
    (1024, 4096, -1)
    """
    if operation in ("all_gather", "reduce_scatter"):
        return of_one_rank * ranks if ranks > 0 else -1
    # of others NCCL does not say in its own sources whether it is of one rank's part or of all
    return of_one_rank if operation in ("all_reduce", "broadcast", "reduce", "send", "recv") else -1


def bus_factor(operation: str | None, ranks: int) -> float | None:
    """How often the payload passes the link of one rank (nccl-tests, PERFORMANCE.md); None for what that does not say."""
    if ranks < 1:
        return None
    if operation == "all_reduce":
        return 2 * (ranks - 1) / ranks
    if operation in ("all_gather", "reduce_scatter", "all_to_all"):
        return (ranks - 1) / ranks
    return 1.0 if operation in ("broadcast", "reduce", "send", "recv", "send_recv") else None
