"""What a manifest can't say though each of its fields is of the right kind: names nobody can read, counts and times nothing has.

Its kinds are those of its structure (`launchlens.traces.captures.capture.Manifest`). Keys that are not known are left out, not
refused: later versions may add some.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from launchlens.traces.documents.refused import shown

if TYPE_CHECKING:
    from launchlens.traces.captures.capture import LaunchRecord, Manifest, TraceRecord

MOST_NAME, MOST_PATH, LEAST_TOO_MANY = 200, 500, 10**9
#: Kinds of launches that a variant may declare.
MOST_KINDS = 100
#: No iteration takes longer (eleven days), ns.
MOST_NS = 10**15

#: What is text, where a workload and an environment say it: other keys are for people, and as the workload has them.
_SAYS = ("says", "correctness", "file")
_MACHINE = ("gpu", "cpu", "device", "driver", "cuda", "torch", "triton", "python", "system")

_NAME = f"text of 1 to {MOST_NAME} printable characters"
_COUNT = f"a whole number from 0 to {LEAST_TOO_MANY - 1}"


def is_name(value: object) -> bool:
    """Whether `value` can be a variant's, regime's or collector's name."""
    return isinstance(value, str) and 0 < len(value) <= MOST_NAME and value.isprintable()


def faults(manifest: Manifest) -> Iterator[str]:
    """What no manifest can say, each with its place."""
    yield from said_faults(manifest.workload, manifest.environment)
    for index, variant in enumerate(manifest.variants):
        place = f"variants[{index}]"
        yield from _names(place, variant=variant.variant, regime=variant.regime)
        if variant.structure is not None:
            if len(variant.structure) > MOST_KINDS:
                yield f"`{place}.structure` must be a list of at most {MOST_KINDS} launches, not of {len(variant.structure)}"
            for number, launch in enumerate(variant.structure):
                yield from _of_launch(f"{place}.structure[{number}]", launch)
    for index, trace in enumerate(manifest.traces):
        yield from _of_trace(f"traces[{index}]", trace)


def said_faults(workload: Mapping[str, Any], environment: Mapping[str, Any]) -> Iterator[str]:
    """What a capture or a sweep can't say of what was measured and where: what tells them apart is text."""
    if not is_name(workload.get("name", "unnamed")):
        yield f"`workload.name` must be {_NAME}, not {shown(workload['name'])}"
    for place, said, keys in (("workload", workload, _SAYS), ("environment", environment, _MACHINE)):
        for key in keys:
            if not isinstance(said.get(key), str | None):
                yield f"`{place}.{key}` must be text, not {shown(said[key])}"
    for key, value in environment.items():
        values = value.values() if isinstance(value, dict) else [value]
        if not all(isinstance(each, str | int | float | None) for each in values):
            yield f"`environment` must hold text, numbers and objects of these: its {shown(key)} is {shown(value)}"


def _of_launch(place: str, launch: LaunchRecord) -> Iterator[str]:
    yield from _names(place, path=launch.path)
    yield from _counts(place, per_iteration=launch.per_iteration, arguments=launch.arguments, items=launch.items)


def _of_trace(place: str, trace: TraceRecord) -> Iterator[str]:
    yield from _names(place, collector=trace.collector, regime=trace.regime)
    if len(trace.path) > MOST_PATH or "\0" in trace.path:
        yield f"`{place}.path` must be text of at most {MOST_PATH} characters without NUL, not {shown(trace.path)}"
    counts = {"rounds": trace.rounds, "iterations": trace.iterations}
    yield from _counts(place, **counts)
    if trace.path and not trace.to_look_at:  # a collector that could not record has neither path nor rounds
        yield from (f"`{place}.{name}` must be at least 1, not 0" for name, count in counts.items() if not count)
    if trace.reference_ns is not None and not _are_times(trace.reference_ns):
        yield f"`{place}.reference_ns` must be null or an object of names and times above 0, ns"


def _names(place: str, **fields: str) -> Iterator[str]:
    for name, value in fields.items():
        if not is_name(value):
            yield f"`{place}.{name}` must be {_NAME}, not {shown(value)}"


def _counts(place: str, **fields: int) -> Iterator[str]:
    for name, value in fields.items():
        if not 0 <= value < LEAST_TOO_MANY:
            yield f"`{place}.{name}` must be {_COUNT}, not {shown(value)}"


def _are_times(times: Mapping[str, float]) -> bool:
    return all(is_name(name) and 0 < time < MOST_NS for name, time in times.items())


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
