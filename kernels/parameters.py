"""A workload's parameters: what its `make` takes beside device and seed, and how a command line's text becomes a value."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any

#: What a text on the command line can become.
SCALARS = (bool, int, float, str)


def declared(make: Callable[..., Any], *, given: Sequence[str]) -> dict[str, Any]:
    """The parameters of `make` with their defaults, less those in `given`.

    Raises ValueError when `make` doesn't take all of `given` by name, or when another parameter has no default.
    """
    taken = inspect.signature(make).parameters
    anything = any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values())
    by_name = [name for name, one in taken.items() if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    absent = [name for name in given if name not in by_name and not anything]
    if absent:
        raise ValueError(f"{make.__name__}() must take {' and '.join(given)} by name; it lacks {' and '.join(absent)}")
    parameters = {name: taken[name].default for name in by_name if name not in given}
    without = [name for name, default in parameters.items() if default is inspect.Parameter.empty]
    if without:
        raise ValueError(f"{make.__name__}(): parameter {without[0]!r} has no default")
    return parameters


def read_parameter(workload: str, make: Callable[..., Any], known: Mapping[str, Any], name: str, text: str) -> Any:
    """The value that `text` stands for, typed as the parameter is annotated or, failing that, as its default is.

    A sequence is written with commas: `32,64,128`. Raises ValueError, in one line, for an unknown name, for a type that
    no text can stand for, and for a text that doesn't fit.
    """
    if name not in known:
        there = f"it has {', '.join(known)}" if known else "it has none"
        raise ValueError(f"workload {workload!r} has no parameter {name!r}; {there}")
    kind, many = _kind(make, name, known[name])
    if kind is None:
        raise ValueError(f"parameter {name!r} of {workload!r} can't be given as text")
    try:
        return tuple(_scalar(kind, part) for part in text.split(",")) if many else _scalar(kind, text)
    except ValueError:
        wanted = f"{kind.__name__}s separated by commas" if many else f"of type {kind.__name__}"
        raise ValueError(f"{name}={text!r} is not {wanted}") from None


def _kind(make: Callable[..., Any], name: str, default: Any) -> tuple[type | None, bool]:
    """The scalar type of a parameter, and whether it is a sequence of them."""
    annotation: Any = None
    try:
        annotation = typing.get_type_hints(make).get(name)
    except (NameError, TypeError, AttributeError):  # a name imported for type checkers only
        pass
    if typing.get_origin(annotation) in (UnionType, typing.Union):
        without_none = [one for one in typing.get_args(annotation) if one is not NoneType]
        annotation = without_none[0] if len(without_none) == 1 else None
    if typing.get_origin(annotation) in (tuple, list, Sequence):
        annotation, many = typing.get_args(annotation)[0], True
    else:
        many = False
    if annotation in SCALARS:
        return annotation, many
    if isinstance(default, (tuple, list)) and default:
        return (type(default[0]) if type(default[0]) in SCALARS else None), True
    return (type(default) if type(default) in SCALARS else None), False


def _scalar(kind: type, text: str) -> Any:
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise ValueError(text)
        return text.lower() == "true"
    return kind(text.strip())
