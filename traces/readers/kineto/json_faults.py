"""Makes JSON of a block of events of which a few are none: these few alone are repaired, and all others are looked at once.

A decoder says where it stops. Between the event before that place and the one behind it lies the one that is at fault; what is
repaired has to be whole JSON, which proves where it ends. A block with many faults, or one that can't be told apart so, is repaired token
by token, and where a quote is at fault taken apart by brackets or by what stands between events.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from launchlens.traces.readers.kineto.json_brackets import CUT, PHASE, is_event, is_json, most_readable
from launchlens.traces.readers.kineto.json_repair import repair

#: Of a block with more faults all is repaired, and over so many events the end of one at fault is looked for.
_MOST_FAULTS, _MOST_EVENTS = 24, 16
_BYTE = re.compile(r"\(byte (\d+)\)")
#: Half of a surrogate pair, of which the decoder says only that it misses something.
_HALF = re.compile(
    rb"(?<!\\)(?:\\\\)*(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_INVALID = (msgspec.DecodeError, UnicodeDecodeError)


@dataclass(frozen=True)
class Repaired:
    """What a block holds when it is read leniently: `body` is the JSON array of all that is JSON then.

    `replaced` counts the places in it that were changed, `unreadable` the elements that are none even so.
    """

    body: bytes
    replaced: int
    unreadable: int


def repaired(data: bytes, *, certain: bool) -> Repaired | None:
    """What the text of several events holds; None where they are not whole, and it is not `certain` that they should be."""
    try:
        return _few_faults(data, certain=certain) or _whole(data, certain=certain)
    except _NotWholeError:
        return None


class _NotWholeError(Exception):
    """The text ends within an event."""


def _whole(data: bytes, *, certain: bool) -> Repaired | None:
    """All of it repaired, token by token."""
    body, replaced = repair(b"[" + data + b"]")
    if _are_elements(body):
        return Repaired(body, replaced, 0)
    if not certain:
        return None
    fixed = [repair(each) for each in most_readable(data)]
    readable = [(raw, count) for raw, count in fixed if is_json(raw)]
    body = b"[" + b",".join(raw for raw, _ in readable) + b"]"
    return Repaired(body, sum(count for _, count in readable), len(fixed) - len(readable))


def _few_faults(data: bytes, *, certain: bool) -> Repaired | None:
    """The events at fault repaired, one by one; None where there are many, or where their ends can't be told.

    Raises _NotWholeError where the last event has no end, and that may be.
    """
    parts: list[bytes] = []
    replaced = unreadable = begin = 0
    for _ in range(_MOST_FAULTS):
        fault = _fault(data, begin)
        if fault is None:
            parts.append(data[begin:])
            return Repaired(b"[" + b",".join(filter(None, parts)) + b"]", replaced, unreadable)
        before = _cut_before(data, begin, fault)
        if before is None:
            return None
        end, event = before
        parts.append(data[begin:end])
        for number, cut in enumerate(CUT.finditer(data, max(fault, event))):
            fixed, count = repair(data[event : cut.start() + 1])
            following = CUT.search(data, cut.end())
            if _are_elements(b"[" + fixed + b"]"):
                parts.append(fixed)
                replaced += count
            elif is_event(data[cut.end() : following.start() + 1 if following else len(data)]):
                # several such beside one another are told apart by what each event has
                unreadable += max(sum(PHASE in each for each in CUT.split(data[event : cut.start() + 1])), 1)
            elif number < _MOST_EVENTS:
                continue
            else:
                return None
            begin = cut.end()
            break
        else:
            fixed, count = repair(data[event:])
            if not _are_elements(b"[" + fixed + b"]"):
                if not certain:
                    raise _NotWholeError
                return None
            parts.append(fixed)
            return Repaired(b"[" + b",".join(filter(None, parts)) + b"]", replaced + count, unreadable)
    return None


def _fault(data: bytes, begin: int) -> int | None:
    """Where what begins there is no JSON, or no UTF-8; None where it is both."""
    part = data[begin:]
    at = None
    try:
        part.decode()
    except UnicodeDecodeError as error:
        at = error.start
        part = part[:at]
    try:
        _ELEMENTS.decode(b"[" + part + b"]")
    except msgspec.DecodeError as error:
        told, half = _BYTE.search(str(error)), None
        if told is None:
            half = _HALF.search(part)
        where = int(told[1]) - 1 if told else half.end() - 1 if half else len(part)
        at = where if at is None else min(at, where)
    return None if at is None else begin + max(at, 0)


def _cut_before(data: bytes, begin: int, fault: int) -> tuple[int, int] | None:
    """The end of the last whole event between two places, and where the next begins; None where none is found."""
    brace = min(fault, len(data))
    for _ in range(_MOST_EVENTS):
        brace = data.rfind(b"}", begin, brace)
        if brace < 0:
            return begin, begin
        cut = CUT.match(data, brace)
        if cut and cut.end() <= fault and _are_elements(b"[" + data[begin : brace + 1] + b"]"):
            return brace + 1, cut.end()
    return None


def _are_elements(body: bytes) -> bool:
    try:
        _ELEMENTS.decode(body)
    except _INVALID:
        return False
    return True
