"""Claims read from TOML, the note's own among them. A file that can't be used is one line: file, claim, test, and why.

title = "what these claims are from"     # optional, as the next two, which hold for all claims below
workload = "small-copies"
device = "cuda"
when = { copies = { at_most = 7 } }      # optional: numbers that a capture's workload must have

[[claim]]
id = "mine-wins"
text = "My copy is faster than .copy_()"
source = "my notebook"
gave = "12 µs against 30 µs"             # optional, as the next two
combine = "each"                         # or "all", "any"
measures = "another-machine"             # or "reconstruction": a test that disagrees does not refute it
[[claim.test]]
kind = "ratio"
variant = "my-way"
against = "copy_"
is = "faster"
regimes = ["eager"]
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from launchlens.traces.captures.small_files import read_given
from launchlens.traces.claims.claim import Claim, Combine, Measures
from launchlens.traces.claims.kinds_of_test.base import Limits, Test
from launchlens.traces.claims.kinds_of_test.channel import Channel
from launchlens.traces.claims.kinds_of_test.difference import GpuBusy, GpuPart, GpuTime, HostPart
from launchlens.traces.claims.kinds_of_test.parts import Parts
from launchlens.traces.claims.kinds_of_test.probe import NeedsProbe
from launchlens.traces.claims.kinds_of_test.recorded import Api, LaunchCost, Launches
from launchlens.traces.claims.kinds_of_test.sweep import Crossing, ShareAlong
from launchlens.traces.claims.kinds_of_test.timing import Bound, Difference, LaunchShare, Ratio, Share, Time
from launchlens.traces.problems import InputError

#: Every kind of test, by the name that a claim's row calls it.
KINDS: dict[str, type[Test]] = {
    made.kind: made
    for made in (
        Ratio, Time, Difference, Share, LaunchShare, Parts, Bound, Api, Launches, LaunchCost, Channel, HostPart, GpuPart,
        GpuBusy, GpuTime, Crossing, ShareAlong,
        NeedsProbe,
    )
}  # fmt: skip
NOTE = Path(__file__).with_name("note.toml")

MadeT = TypeVar("MadeT")
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=r"^[^\r\n]*$")]


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]
    text: Line
    source: Line
    test: list[dict[str, Any]] = []
    gave: Annotated[str, msgspec.Meta(max_length=500)] = ""
    combine: Combine = "each"
    measures: Measures | None = None
    untested: Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\r\n]*$")] = ""
    workload: str | None = None
    device: str | None = None
    when: dict[str, Limits] = {}


class _File(msgspec.Struct, forbid_unknown_fields=True):
    claim: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]
    title: str = ""
    workload: str | None = None
    device: str | None = None
    when: dict[str, Limits] = {}


def note_claims() -> list[Claim]:
    """The claims of the note that launchlens began with."""
    return read_claims(NOTE)


def read_claims(path: Path) -> list[Claim]:
    """The claims of a TOML file, in its order. Raises InputError with one line for anything that can't be used."""
    try:
        raw = tomllib.loads(read_given(path).decode())
    except (ValueError, RecursionError) as error:  # of TOML, of its encoding, of numbers without end
        raise InputError(path, f"can't be read as TOML: {error}") from None
    file = _convert(raw, _File, path, "")
    claims: dict[str, Claim] = {}
    for number, row in enumerate(file.claim, 1):
        shared: dict[str, Any] = {"workload": file.workload, "device": file.device}
        if "workload" not in row and file.when:
            shared["when"] = raw["when"]  # numbers of the file's workload: another one has others
        claim = _claim(path, number, shared | row)
        if claim.id in claims:
            raise InputError(path, "there are two claims of this id", "give one another", f"claim {claim.id!r}")
        claims[claim.id] = claim
    return list(claims.values())


def _claim(path: Path, number: int, raw: dict[str, Any]) -> Claim:
    name = raw.get("id")
    place = f"claim {name!r}" if isinstance(name, str) else f"claim {number}"
    row = _convert(raw, _Row, path, place)
    tests = [_test(path, f"{place}, test {at}", test) for at, test in enumerate(row.test, 1)]
    decides = any(test.decides for test in tests)
    if row.untested and decides:
        raise InputError(path, "a test decides, though `untested` says that none can", "add `decides = false`", place)
    if not decides and not row.untested:
        remedy = "leave `decides = false` out of one, or say in `untested` why none can"
        raise InputError(path, "no test decides anything", remedy, place)
    fields = {
        field: getattr(row, field)
        for field in ("id", "text", "source", "gave", "combine", "workload", "device", "when", "measures", "untested")
    }
    return Claim(tests=tests, **fields)


def _test(path: Path, place: str, raw: dict[str, Any]) -> Test:
    kind = raw.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        found = "has no kind" if kind is None else f"is of an unknown kind {kind!r}"
        raise InputError(path, found, f"kinds: {', '.join(KINDS)}", place)
    given = {key: value for key, value in raw.items() if key != "kind"}
    return _convert(given, KINDS[kind], path, f"{place} ({kind})")


def _convert(raw: Any, into: type[MadeT], path: Path, place: str) -> MadeT:
    try:
        return msgspec.convert(raw, into)
    except msgspec.ValidationError as error:
        # msgspec speaks of objects and of `$.key`; a person wrote keys
        text = str(error).replace("Object ", "").replace("`$.", "`").removesuffix(" - at `$`")
        raise InputError(path, text, place=place) from None


def check_variants(claims: Sequence[Claim], path: Path, known: Mapping[str, Collection[str]]) -> None:
    """Raise InputError for the first claim that names a variant which nobody knows: a slip of the pen.

    `known` holds variants by workload. A claim about another workload can't be checked; one about any may name those of
    each. The note's claims are not checked so: some of its variants are yet to be written.
    """
    for claim in claims:
        about = [name for name in known if claim.workload in (None, name)]
        names = dict.fromkeys(variant for name in about for variant in known[name])
        for number, test in enumerate(claim.tests if about else (), 1):
            for variant in test.variants():
                if variant not in names:
                    remedy = f"variants of {' and '.join(about)}: {', '.join(names)}"
                    place = f"claim {claim.id!r}, test {number} ({test.kind})"
                    raise InputError(path, f"there is no variant {variant!r}", remedy, place)


def check_outcomes(claims: Sequence[Claim], path: Path, declared: Mapping[str, Mapping[str, str]]) -> None:
    """Raise InputError for the first test whose outcome variants' own declarations fix: whatever it says, it shows nothing.

    `declared` has, by workload, the launches of an iteration that variants say themselves (`registry.Variant.launches`).
    """
    for claim in claims:
        about = [names for workload, names in declared.items() if claim.workload in (None, workload)]
        for number, test in enumerate(claim.tests, 1):
            fixed = [why for names in about if test.decides and (why := test.fixed_by(names))]
            if fixed:
                place = f"claim {claim.id!r}, test {number} ({test.kind})"
                raise InputError(path, f"can't come out otherwise: {fixed[0]}", "add `decides = false`", place)
