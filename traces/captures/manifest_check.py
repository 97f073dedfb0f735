"""Whether a manifest's fields hold what they must, checked one by one, so that no reader meets a surprise later.

Keys that are not known are left out, not refused: later versions may add some.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from launchlens.traces.problems import InputError

STATUSES = ("measured", "skipped", "wrong", "failed", "interrupted")
MOST_NAME, MOST_PATH, LEAST_TOO_MANY = 200, 500, 10**9
#: Kinds of launches that a variant may declare.
MOST_KINDS = 100
#: No iteration takes longer (eleven days), ns.
MOST_NS = 10**15

#: What a field must hold: whether a value is that, and how to say it.
Rule = tuple[Callable[[Any], bool], str]


def is_name(value: object) -> bool:
    """Whether `value` can be a variant's, regime's or collector's name."""
    return isinstance(value, str) and 0 < len(value) <= MOST_NAME and value.isprintable()


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LEAST_TOO_MANY


def _is_path(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MOST_PATH and "\0" not in value


def _are_times(value: object) -> bool:
    if value is None:
        return True
    return isinstance(value, dict) and all(
        is_name(name) and isinstance(time, int | float) and not isinstance(time, bool) and 0 < time < MOST_NS
        for name, time in value.items()
    )


def _are_launches(value: object) -> bool:
    if value is None:
        return True
    return isinstance(value, list) and len(value) <= MOST_KINDS and all(map(_is_launch, value))


def _is_launch(value: object) -> bool:
    if not isinstance(value, dict) or set(value) != {"path", "per_iteration", "arguments", "items", "node"}:
        return False
    counts = [value[name] for name in ("per_iteration", "arguments", "items")]
    return is_name(value["path"]) and value["node"] in ("kernel", "memcpy") and all(map(_is_count, counts))


TEXT: Rule = (_is_text, "text")
MAYBE_TEXT: Rule = (lambda value: value is None or isinstance(value, str), "text or null")
NAME: Rule = (is_name, f"text of 1 to {MOST_NAME} printable characters")
COUNT: Rule = (_is_count, f"a whole number from 0 to {LEAST_TOO_MANY - 1}")
OBJECT: Rule = (lambda value: isinstance(value, dict), "an object")
TIMES: Rule = (_are_times, "null or an object of names and times above 0, ns")
LAUNCHES: Rule = (
    _are_launches,
    "null or a list of launches: path, per_iteration, arguments, items, and node, which is kernel or memcpy",
)
LIST: Rule = (lambda value: isinstance(value, list), "a list")

#: Field -> what it must hold and whether it must be there.
MANIFEST_FIELDS: dict[str, tuple[Rule, bool]] = {
    "workload": (OBJECT, True),
    "variants": (LIST, True),
    "baseline": (TEXT, True),
    "device": (TEXT, True),
    "command": ((lambda value: isinstance(value, list) and all(map(_is_text, value)), "a list of texts"), True),
    "recorded_at": (TEXT, True),
    "environment": (OBJECT, True),
    "timing": (OBJECT, True),
    "traces": (LIST, True),
    "complete": ((lambda value: isinstance(value, bool), "true or false"), False),
    "format": (TEXT, True),
    "launchlens": (TEXT, False),
}
VARIANT_FIELDS: dict[str, tuple[Rule, bool]] = {
    "variant": (NAME, True),
    "regime": (NAME, True),
    "status": ((lambda value: isinstance(value, str) and value in STATUSES, f"one of {', '.join(STATUSES)}"), True),
    "says": (TEXT, False),
    "why": (MAYBE_TEXT, False),
    "part_of": (MAYBE_TEXT, False),
    "structure": (LAUNCHES, False),
}
TRACE_FIELDS: dict[str, tuple[Rule, bool]] = {
    "collector": (NAME, True),
    "regime": (NAME, True),
    "path": ((_is_path, f"text of at most {MOST_PATH} characters without NUL"), True),
    "rounds": (COUNT, True),
    "iterations": (COUNT, True),
    "problem": (MAYBE_TEXT, False),
    "reference_ns": (TIMES, False),
    "label": (TEXT, False),
    "to_look_at": ((lambda value: isinstance(value, bool), "true or false"), False),
}


def checked_manifest(path: Path, raw: dict[str, Any]) -> dict[str, Any]:
    """The known fields of a manifest, each of them what it must be; InputError names the first one that is not."""
    fields = _checked(path, raw, MANIFEST_FIELDS, "")
    fields["variants"] = [
        _checked(path, record, VARIANT_FIELDS, f"variants[{index}]") for index, record in enumerate(fields["variants"])
    ]
    fields["traces"] = [
        _checked(path, record, TRACE_FIELDS, f"traces[{index}]") for index, record in enumerate(fields["traces"])
    ]
    for index, record in enumerate(fields["traces"]):
        for name in ("rounds", "iterations"):
            if (
                record["path"] and not record[name] and not record.get("to_look_at")
            ):  # a collector that could not record has neither path nor rounds
                _refuse(path, f"`traces[{index}].{name}` must be at least 1, not 0")
    return fields


def _checked(path: Path, raw: object, fields: dict[str, tuple[Rule, bool]], place: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        _refuse(path, f"`{place}` must be an object, not {_shown(raw)}")
    found = {}
    for name, ((is_right, says), needed) in fields.items():
        full = f"{place}.{name}" if place else name
        if name not in raw:
            if needed:
                _refuse(path, f"`{full}` is missing")
            continue
        if not is_right(raw[name]):
            _refuse(path, f"`{full}` must be {says}, not {_shown(raw[name])}")
        found[name] = raw[name]
    return found


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _refuse(path: Path, what: str) -> NoReturn:
    raise InputError(path, f"is not a manifest of a capture: {what}", "record the capture again")


def loads_finite(text: str) -> Any:
    """JSON whose numbers are finite; ValueError for any other."""
    return json.loads(text, parse_constant=_not_finite, parse_float=_finite)


def _not_finite(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no finite number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        _not_finite(digits[:40])
    return number
