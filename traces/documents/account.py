"""A time account in a document: every nanosecond of a window in exactly one cell."""

from __future__ import annotations

from typing import Annotated

from launchlens.traces.documents.structure import Structure, means


class AccountCell(Structure, frozen=True, kw_only=True):
    """One cell of a time account. Cells of no time are left out, and the others sum to the window."""

    host: Annotated[
        str,
        means(
            "what the host did: `python`, `dispatch`, `launch`, `sync`, `api`, `profiler`, `waiting` or `not-recorded`; the latter two"
            " not in the accounts of captures"
        ),
    ]
    device: Annotated[
        str | None,
        means(
            "what the device did meanwhile: `kernel`, `memcpy`, `memset`, `kernel+memcpy`, `communication`,"
            " `kernel+communication`, `communication+memcpy`, `graph`, `unknown` or `idle`",
            null="no device was recorded: what is not known is not idle",
        ),
    ]
    ns: Annotated[int, means("time in this cell", unit="ns")]
