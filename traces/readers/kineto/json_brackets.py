"""Finds where JSON elements end by counting brackets outside strings: slower than decoding, and needs nothing else valid.

Where a text holds a quote that its writer did not escape, brackets tell nothing from there on: what is text and what is not has
changed sides. Events are then told by what stands between two of them, and by being JSON (`resynchronised`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from launchlens.traces.readers.kineto.json_repair import STRING, repair

#: What separates two elements.
BETWEEN = re.compile(rb"[\s,]*+")
#: Where an object ends and another begins; it may lie in a text, or deeper down.
CUT = re.compile(rb"\}\s*+,\s*+(?=\{)")
#: A key that every event has, and hardly anything in one.
PHASE = b'"ph"'
#: An event is not looked for over more than so many cuts: of real ones hardly any holds a list of objects at all.
_MOST_CUTS = 256
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


def resynchronised(data: bytes) -> Iterator[bytes]:
    """The objects that stand in `data` side by side, whatever quotes one of them holds.

    One that is no JSON reaches to where the next begins, so that it costs none of its neighbours.
    """
    held: int | None = None
    begin = cuts = 0
    for end, after in [*((match.start() + 1, match.end()) for match in CUT.finditer(data)), (len(data), len(data))]:
        piece = data[begin:end]
        if is_json(piece) and (held is None or PHASE in piece):
            if held is not None:
                yield data[held:begin]
            yield piece
            held = None
        elif held is not None and cuts < _MOST_CUTS and is_json(data[held:end]):
            yield data[held:end]  # it holds a list of objects
            held = None
        elif held is not None and PHASE in piece and PHASE in data[held:begin]:
            yield data[held:begin]
            held = begin
        elif held is None:
            held = begin
        cuts = 0 if held is None else cuts + 1
        begin = after
    if held is not None and data[held:].strip():
        yield data[held:]


def most_readable(data: bytes) -> list[bytes]:
    """The elements of `data`, told by brackets or, where more of them are JSON then, by what stands between events."""
    by_brackets = list(elements(data))
    broken = sum(not is_json(each) for each in by_brackets)
    between_events = list(resynchronised(data)) if broken else by_brackets
    return max(by_brackets, between_events, key=lambda each: (sum(map(is_json, each)), len(each)))


def is_json(text: bytes) -> bool:
    """Whether a text is JSON, or nearly."""
    try:
        _ANY.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        try:
            _ANY.decode(repair(text)[0])
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
    return True


def last_sure_cut(data: bytes, nearest: int) -> int:
    """The end of the last event in `data`, beyond `nearest`, that is told by standing between two others; 0 for none.

    `data` begins with an event.
    """
    cuts = [(match.start() + 1, match.end()) for match in CUT.finditer(data, nearest)]
    begins = [0 if not nearest else None, *(after for _, after in cuts)]
    for (end, _), begin in zip(reversed(cuts[-_MOST_CUTS:]), reversed(begins[:-1]), strict=False):
        if begin is not None and is_event(data[begin:end]):
            return end
    return 0


def is_event(text: bytes) -> bool:
    """Whether a text is a whole event of a trace."""
    try:
        return "ph" in _FIELDS.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


_ANY = msgspec.json.Decoder(msgspec.Raw)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
