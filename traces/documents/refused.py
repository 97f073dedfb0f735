"""Why a file of ours is refused, in a line: where in it something else stands than must, what must stand there, and what does.

msgspec says it in words of Python (Expected `str`, got `int` - at `$.variants[0].why`); people are told
`variants[0].why` must be null or text, not 3.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

_PLACE = re.compile(r" - at `\$\.?(.*)`$", re.DOTALL)
_ABSENT = re.compile(r"Object missing required field `(.*?)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`", re.DOTALL)
_STEP = re.compile(r"\[(\d+|\.\.\.)\]|([^.\[\]]+)")
_SCALARS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
_MANY = {str: "texts", int: "whole numbers", float: "numbers"}
#: A value that is shown is cut to this.
_MOST_SHOWN = 60


def refused(error: msgspec.ValidationError, structure: type, raw: object) -> str:
    """What `error` says of `raw`, which can't be made into `structure`, without the name of the file."""
    said = str(error)
    found = _PLACE.search(said)
    place = found[1] if found else ""
    for pattern, words in ((_ABSENT, "is missing"), (_UNKNOWN, "is not known")):
        if (field := pattern.match(said)) is not None:
            return f"`{f'{place}.' if place else ''}{field[1]}` {words}"
    return _wanted(place, structure, raw)


def _wanted(place: str, structure: type, raw: object) -> str:
    """What must stand at a place and what does. Of a list or an object of plain values it is said of the whole."""
    kind: Any = structure
    steps = list(_STEP.finditer(place))
    end = len(place)
    for step in steps:
        inside = _inside(kind)
        if step[2] is None and inside is not None and _plain(inside) in _SCALARS:
            end = step.start()
            break
        kind = inside if step[2] is None and inside is not None else get_type_hints(_plain(kind))[step[2]]
        raw = raw[int(step[1])] if isinstance(raw, list) else raw[step[2]] if isinstance(raw, dict) else raw
    return f"`{place[:end]}` must be {words(kind)}, not {shown(raw)}"


def words(kind: Any) -> str:
    """What a type takes: `text`, `null or a list of texts`, `one of measured, failed`."""
    kind = _bare(kind)
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        others = [each for each in get_args(kind) if each is not NoneType]
        return " or ".join((["null"] if NoneType in get_args(kind) else []) + [words(each) for each in others])
    if origin is Literal:
        return f"one of {', '.join(map(str, get_args(kind)))}"
    inside = _inside(kind)
    if inside is None:
        return _SCALARS.get(kind, "an object")
    many = _MANY.get(_bare(inside))
    if issubclass(origin or kind, Mapping):
        return f"an object of {many}" if many else "an object"
    return f"a list of {many}" if many else "a list"


def shown(value: object) -> str:
    """A value as a line has it: an object or a list by its kind, whatever is long cut."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def _bare(kind: Any) -> Any:
    """A type without what is noted beside it."""
    return _bare(get_args(kind)[0]) if get_origin(kind) is Annotated else kind


def _plain(kind: Any) -> Any:
    """A type without notes, and without null."""
    kind = _bare(kind)
    if get_origin(kind) in (Union, UnionType):
        (kind,) = (each for each in get_args(kind) if each is not NoneType)
    return _bare(kind)


def _inside(kind: Any) -> Any:
    """The type of what a list or an object of one kind holds; None for what is neither."""
    kind = _plain(kind)
    origin = get_origin(kind)
    if not isinstance(origin, type) or not issubclass(origin, Mapping | Sequence):
        return None
    return get_args(kind)[1 if issubclass(origin, Mapping) else 0]
