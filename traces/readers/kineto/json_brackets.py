"""Finds where JSON elements end by counting brackets outside strings: slower than decoding, and needs nothing else valid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from launchlens.traces.readers.kineto.json_repair import STRING

#: What separates two elements.
BETWEEN = re.compile(rb"[\s,]*+")
_TOKEN = re.compile(STRING + rb"|[\[\]{}]", re.DOTALL)
_MAX_DEPTH = 10_000


class Scan(NamedTuple):
    """Places in the data, in bytes from its start."""

    last: int  #: after the last whole element; 0 when there is none
    end: int | None  #: of the bracket that closes what the data lies in; None when it is not there


def scan(data: bytes) -> Scan:
    """Count brackets through `data`, which begins between two elements of an array or object.

    Raises RecursionError, as decoding would, for a depth that is nobody's.
    """
    depth = last = 0
    for match in _TOKEN.finditer(data):
        token = match.group()
        if token in b"[{":
            depth += 1
            if depth > _MAX_DEPTH:
                raise RecursionError
        elif token in b"]}":
            depth -= 1
            if depth == 0:
                last = match.end()
            elif depth < 0:
                return Scan(last, match.start())
    return Scan(last, None)


def elements(data: bytes) -> Iterator[bytes]:
    """The objects and arrays that stand in `data` side by side, each with whatever stands before it."""
    depth = start = 0
    for match in _TOKEN.finditer(data):
        token = match.group()
        if token in b"[{":
            depth += 1
        elif token in b"]}":
            depth -= 1
            if depth == 0:
                yield data[start : match.end()]
                start = BETWEEN.match(data, match.end()).end()  # type: ignore[union-attr]
    if data[start:].strip():
        yield data[start:]
