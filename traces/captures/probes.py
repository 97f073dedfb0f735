"""`probes.json` of a capture: small experiments, each with a verdict, figures, and controls that must have passed.

    {"format": "launchlens.probes/2",
     "probes": [{"id", "verdict", "control": "passed | failed | absent",
                 "controls": [{"control", "passed", "found"}],
                 "figures": [{"what", "of", "part", "to", "under", "value", "unit", "out_of", "interval"}],
                 "tables": [{"title", "columns", "kinds", "rows"}],
                 "notes": ["..."], "why": "...", "asks": "...", "says": "..."}]}

A probe whose control did not pass has the verdict `inconclusive`, whatever it found. Verdicts and what figures are called are
codes (probe_codes/): the words for them are made when they are shown. More keys may stand beside these.

2: figures are named by fields and verdicts by codes
1: figures were named by phrases, and sentences stood in the file; still read (probes_v1.py)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from launchlens.traces.captures.small_files import read_small
from launchlens.traces.documents.structure import means
from launchlens.traces.files import write_text
from launchlens.traces.problems import InputError

FORMAT = "launchlens.probes/2"
PROBES = "probes.json"

#: A cell of a probe's table: its column's kind says the unit of a number. Times are ns, sizes bytes, 1 is equal and all.
Cell = str | int | float | bool | None
#: What the cells of a column are, of the kinds that `traces/tables` has.
ColumnKind = Literal["name", "text", "code", "time", "share", "ratio", "count", "size", "number"]


class FigureKey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which figure of a probe: `what` is a code of the probe's closed set (probe_codes/catalogue.py).

    `of` says what it is about (a variant, a way of launching, a ladder, an operation), `part` which part of that (a step of
    a ladder), `to` what a ratio is against, and `under` the condition it was found under. Empty where there is no such thing.
    """

    what: Annotated[str, means("which figure it is: a code of the probe's own")]
    of: Annotated[str, means("what it is about: a variant, a way of launching, a ladder, an operation")] = ""
    part: Annotated[str, means("which part of that: a step of a ladder")] = ""
    to: Annotated[str, means("what a ratio is against")] = ""
    under: Annotated[str, means("the condition it was found under, where there are several")] = ""

    def __str__(self) -> str:
        """The fields in a row: `ratio of triton-batched to copy_, backlog`. People are shown words (reports/words/probes)."""
        words = [self.what, self.part, *(("of", self.of) if self.of else ()), *(("to", self.to) if self.to else ())]
        return " ".join(word for word in words if word) + (f", {self.under}" if self.under else "")


class ProbeFigure(FigureKey, frozen=True, kw_only=True, omit_defaults=True):
    """One figure of a probe, in `unit` (`ns`, `ratio`, `share`, or what is counted; with `out_of`, of so many).

    `interval` is its 95 % interval, None where it has none: then it is a count, or a mean over all that was made. Raises
    ValueError for an interval that is none.
    """

    value: Annotated[float | None, means("its value, in `unit`", null="it could not be measured")]
    unit: Annotated[str, means("`ns`, `ratio` (1 is equal), `share` (1 is all), or what is counted")] = ""
    out_of: Annotated[int | None, means("of how many, for a count", null="it is no count, or not out of a number")] = (
        None
    )
    interval: Annotated[
        tuple[float, float] | None,
        means("95 % interval, low and high, in `unit`", null="it has none: a count, or a mean over all that was made"),
    ] = None

    def __post_init__(self) -> None:
        if self.interval is not None and not self.interval[0] <= self.interval[1]:
            raise ValueError(f"the figure {str(self)[:100]!r} has an interval that does not go from low to high")

    @property
    def key(self) -> FigureKey:
        return FigureKey(what=self.what, of=self.of, part=self.part, to=self.to, under=self.under)

    @property
    def counted(self) -> str:
        """The unit as it stands behind the value: `ns`, `launches`, `of 6 sizes`."""
        return self.unit if self.out_of is None else f"of {self.out_of} {self.unit}"


class Control(msgspec.Struct, frozen=True):
    """Something known that the probe must find as well before its verdict counts, and what it `found`."""

    control: Annotated[str, means("what must be found")]
    passed: Annotated[bool, means("whether it was")]
    found: Annotated[str, means("what was found")] = ""


class ProbeTable(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was measured, row by row: the figures come from here. `kinds` are those of the columns, none of an older table."""

    title: Annotated[str, means("what it is a table of")]
    columns: Annotated[tuple[str, ...], means("the names of its columns")]
    rows: Annotated[
        tuple[tuple[Cell, ...], ...], means("its rows, a cell a column; a cell is null where there is nothing to say")
    ] = ()
    kinds: Annotated[
        tuple[ColumnKind, ...],
        means("what the cells of each column are: times are ns, sizes bytes; empty in older files"),
    ] = ()


class Probe(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one probe found. A verdict (a code) counts only where the probe's own control passed.

    `why` says why one could not be run. `asks` and `says` are there of a probe that launchlens has no words for, since it no
    longer makes it: the question and the answer as they were recorded.
    """

    id: Annotated[str, means("the probe, as `probe --list` names it")]
    verdict: Annotated[
        str | None,
        means("the code of the answer; `inconclusive` where a control did not pass", null="it gave none"),
    ] = None
    figures: Annotated[tuple[ProbeFigure, ...], means("what it measured")] = ()
    control: Annotated[
        Literal["passed", "failed", "absent"], means("`passed` where every control did, `absent` where it made none")
    ] = "absent"
    controls: Annotated[tuple[Control, ...], means("its controls")] = ()
    tables: Annotated[tuple[ProbeTable, ...], means("all that was tried, row by row")] = ()
    notes: Annotated[tuple[str, ...], means("what else to know of it")] = ()
    why: Annotated[str, means("why it could not be run")] = ""
    asks: Annotated[str, means("the question, of a probe that launchlens no longer makes")] = ""
    says: Annotated[str, means("the answer, of a probe that launchlens no longer makes")] = ""

    @property
    def checked(self) -> Literal["passed", "failed", "absent"]:
        """`control`, but failed where one of the controls listed did not pass, whatever the file says besides."""
        return "failed" if any(not control.passed for control in self.controls) else self.control

    def figure(self, what: str, **fields: str) -> ProbeFigure | None:
        """The figure of these fields, as `FigureKey` has them; None where it gives none."""
        wanted = FigureKey(what=what, **fields)
        return next((item for item in self.figures if item.key == wanted), None)

    def value(self, what: str, **fields: str) -> float | None:
        """The value of the figure of these fields; None where it gives none."""
        found = self.figure(what, **fields)
        return None if found is None else found.value


class _Format(msgspec.Struct):
    format: str


class ProbesFile(msgspec.Struct):
    """All that the file holds."""

    format: Annotated[str, means("name and version of the format")]
    probes: Annotated[list[Probe], means("a row a probe")] = []


def write_probes(folder: Path, probes: Sequence[Probe]) -> None:
    """Write `probes.json` into `folder`, whole or not at all."""
    raw = msgspec.json.encode(ProbesFile(FORMAT, list(probes)))
    write_text(folder / PROBES, msgspec.json.format(raw, indent=1).decode() + "\n")


def read_probes(folder: Path) -> Mapping[str, Probe]:
    """The probes of a capture by id; none where it holds no probes.json. Raises InputError when it can't be used."""
    from launchlens.traces.captures import probes_v1

    path = folder / PROBES
    try:
        raw = read_small(folder, PROBES)
    except FileNotFoundError:
        return {}
    try:
        format = msgspec.json.decode(raw, type=_Format).format
        if format == FORMAT:
            probes = msgspec.json.decode(raw, type=ProbesFile).probes
        elif format == probes_v1.FORMAT:
            probes = probes_v1.read(raw)
        else:
            raise InputError(path, f"has format {format!r}, not {FORMAT!r}", "read it with the version that wrote it")
    except RecursionError:
        raise InputError(path, f"is not {FORMAT}: it is nested too deeply", "record the probes again") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(path, f"is not {FORMAT}: {error}", "record the probes again") from None
    return {probe.id: probe for probe in probes}
