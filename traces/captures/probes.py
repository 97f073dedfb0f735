"""`probes.json` of a capture: small experiments, each with a verdict, figures, and controls that must have passed.

    {"format": "launchlens.probes/1",
     "probes": [{"id", "asks", "verdict", "says", "control": "passed | failed | absent",
                 "controls": [{"control", "passed", "found"}],
                 "figures": [{"figure", "value", "unit", "interval"}],
                 "tables": [{"title", "columns", "rows"}],
                 "notes": ["..."]}]}

A probe whose control did not pass has the verdict `inconclusive`, whatever it found. More keys may stand beside these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from launchlens.traces.files import write_text
from launchlens.traces.problems import InputError

FORMAT = "launchlens.probes/1"
PROBES = "probes.json"
INCONCLUSIVE = "inconclusive"
#: Verdicts of probes that were made well and decide nothing: neither the one answer nor the other is shown.
NO_DIFFERENCE, NO_FLIP = "no difference shown", "no flip shown"
UNDECIDED = frozenset({INCONCLUSIVE, NO_DIFFERENCE, NO_FLIP})
#: Between the answers of which a verdict names several, because they can't be told apart.
OR = " or "

#: A cell of a probe's table. Times are ns; a column's name says its unit.
Cell = str | int | float | bool | None


class ProbeFigure(msgspec.Struct, frozen=True):
    """One figure of a probe, in `unit` (`ns`, `ratio`, `share`, or what is counted).

    `interval` is its 95 % interval, None where it has none: then it is a count, or a mean over all that was made. Raises
    ValueError for an interval that is none.
    """

    figure: str
    value: float | None
    unit: str = ""
    interval: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.interval is not None and not self.interval[0] <= self.interval[1]:
            raise ValueError(f"figure {self.figure[:100]!r} has an interval that does not go from low to high")


class Control(msgspec.Struct, frozen=True):
    """Something known that the probe must find as well before its verdict counts, and what it `found`."""

    control: str
    passed: bool
    found: str = ""


class ProbeTable(msgspec.Struct, frozen=True):
    """What was measured, row by row: the figures come from here."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...] = ()


class Probe(msgspec.Struct, frozen=True):
    """What one probe found. A verdict counts only where the probe's own control passed.

    `asks` is the question in one line, `says` the answer in a sentence or two, `verdict` the answer in a word or two.
    """

    id: str
    verdict: str | None = None
    figures: tuple[ProbeFigure, ...] = ()
    control: Literal["passed", "failed", "absent"] = "absent"
    asks: str = ""
    says: str = ""
    controls: tuple[Control, ...] = ()
    tables: tuple[ProbeTable, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def checked(self) -> Literal["passed", "failed", "absent"]:
        """`control`, but failed where one of the controls listed did not pass, whatever the file says besides."""
        return "failed" if any(not control.passed for control in self.controls) else self.control

    def figure(self, name: str) -> ProbeFigure | None:
        return next((item for item in self.figures if item.figure == name), None)


def concluded(
    id: str,
    *,
    asks: str,
    verdict: str,
    says: str,
    controls: Sequence[Control],
    figures: Sequence[ProbeFigure] = (),
    tables: Sequence[ProbeTable] = (),
    notes: Sequence[str] = (),
) -> Probe:
    """A probe with its verdict, or `inconclusive` with what went wrong where a control did not pass (or none was made)."""
    failed = [control for control in controls if not control.passed]
    if failed or not controls:
        why = "; ".join(f"{control.control}: {control.found}" for control in failed) or "it made no control"
        verdict, says = INCONCLUSIVE, f"Nothing can be said, because a control did not pass ({why})."
    return Probe(
        id=id,
        asks=asks,
        verdict=verdict,
        says=says,
        control="failed" if failed else "passed" if controls else "absent",
        controls=tuple(controls),
        figures=tuple(figures),
        tables=tuple(tables),
        notes=tuple(notes),
    )


class _Document(msgspec.Struct):
    format: str
    probes: list[Probe] = []


def write_probes(folder: Path, probes: Sequence[Probe]) -> None:
    """Write `probes.json` into `folder`, whole or not at all."""
    raw = msgspec.json.encode(_Document(FORMAT, list(probes)))
    write_text(folder / PROBES, msgspec.json.format(raw, indent=1).decode() + "\n")


def read_probes(folder: Path) -> Mapping[str, Probe]:
    """The probes of a capture by id; none where it holds no probes.json. Raises InputError when it can't be used."""
    path = folder / PROBES
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(path, f"can't be read: {error.strerror}") from None
    try:
        document = msgspec.json.decode(raw, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(path, f"is not {FORMAT}: {error}", "record the probes again") from None
    if document.format != FORMAT:
        raise InputError(
            path, f"has format {document.format!r}, not {FORMAT!r}", "read it with the version that wrote it"
        )
    return {probe.id: probe for probe in document.probes}
