"""From counts to the verdict of the probe `triton-compile`: what of Triton's launches compile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median as middle

from launchlens.profiling.probes.method.conclusion import concluded
from launchlens.profiling.probes.method.samples import estimated
from launchlens.profiling.probes.method.tables import of_rows
from launchlens.traces.captures.probe_codes import triton_compile as codes
from launchlens.traces.captures.probes import Cell, ColumnKind, Control, Probe, ProbeFigure, ProbeTable
from launchlens.traces.statistics import median


@dataclass(frozen=True)
class Case:
    """Launches of one kind, `under` what they found or what is new in them: what was counted over all of them, and their times.

    `compiled`, `loaded` (from disk) and `asked` are Triton's own counts, `grown` is by how many forms the kernel's table grew.
    `right` launches wrote what they should. `launch_ns` are host times per launch, ns; of a first launch until the call
    returned, and of repeated ones means over bursts.
    """

    kind: str
    under: str
    launches: int
    compiled: int
    loaded: int
    asked: int
    grown: int
    right: int
    launch_ns: Sequence[float]

    @property
    def name(self) -> str:
        return f"{self.kind}, {self.under}" if self.under else self.kind


@dataclass(frozen=True)
class Seen:
    """What was seen: first launches with an empty cache folder and with a full one, repeated ones, and others.

    `specialised` are launches that differ from the ones before in what Triton compiles for, each case in one thing, and
    `specialised_again` the same launches repeated. `compiler_ns` is the time inside Triton's compiler, for each of `cold`.
    """

    cold: Case
    from_disk: Case
    repeated: Case
    specialised: Sequence[Case]
    specialised_again: Sequence[Case]
    compiler_ns: Sequence[float] = ()

    @property
    def all(self) -> list[Case]:
        return [self.cold, self.from_disk, self.repeated, *self.specialised, *self.specialised_again]


def conclude(seen: Seen, notes: Sequence[str] = ()) -> Probe:
    """The probe's answer."""
    return concluded(
        codes.ID,
        verdict=_verdict(seen.repeated),
        controls=controls(seen),
        figures=list(_figures(seen)),
        tables=[_table(seen)],
        notes=notes,
    )


def _verdict(repeated: Case) -> str:
    if repeated.compiled >= repeated.launches:
        return codes.EVERY
    return codes.DEPENDS if repeated.compiled or repeated.loaded else codes.ONCE


def controls(seen: Seen) -> list[Control]:
    """What must have been found before the verdict counts."""
    cold, disk = seen.cold, seen.from_disk
    unseen = [case.name for case in seen.specialised if (case.compiled, case.launches) != (1, 1)]
    differing = [case.name for case in seen.all if not case.compiled + case.loaded == case.asked == case.grown]
    wrong = sum(case.launches - case.right for case in seen.all)
    launches = sum(case.launches for case in seen.all)
    return [
        Control(
            "the counter sees the first launch compile, each time with an empty cache folder",
            0 < cold.launches == cold.compiled and not cold.loaded,
            f"{cold.compiled} compilations and {cold.loaded} loads in {cold.launches} first launches",
        ),
        Control(
            "with the folder full, a kernel that was never launched is loaded and not compiled",
            0 < disk.launches == disk.loaded and not disk.compiled,
            f"{disk.compiled} compilations and {disk.loaded} loads in {disk.launches} first launches",
        ),
        Control(
            "the counter sees each new specialisation compile, once",
            bool(seen.specialised) and not unseen,
            f"not {', '.join(unseen)}" if unseen else f"{len(seen.specialised)} of {len(seen.specialised)}",
        ),
        Control(
            "the compiler's count, the launcher's count and the growth of the kernel's own table are the same",
            not differing,
            f"they differ for {', '.join(differing)}" if differing else f"in {len(seen.all)} of {len(seen.all)} cases",
        ),
        Control(
            "every launch ran and wrote what it should",
            bool(seen.repeated.launches) and not wrong,
            f"{launches - wrong} of {launches} did",
        ),
    ]


def _figures(seen: Seen) -> Iterator[ProbeFigure]:
    repeated, kinds = seen.repeated, seen.specialised
    per_launch = repeated.compiled / repeated.launches if repeated.launches else None
    per_kind = sum(case.compiled for case in kinds) / len(kinds) if kinds else None
    for of, ratio in ((codes.REPEATED, per_launch), (codes.NEW, per_kind)):
        yield ProbeFigure(what=codes.COMPILATIONS_PER_LAUNCH, of=of, value=ratio, unit="ratio")
    yield ProbeFigure(what=codes.LAUNCHES, of=codes.REPEATED, value=repeated.launches, unit="launches")
    for case in (seen.cold, seen.from_disk, repeated):
        if case.launch_ns:
            yield estimated(median(case.launch_ns), codes.HOST_TIME, of=case.kind, under=case.under)
    if seen.compiler_ns:
        of, under = seen.cold.kind, seen.cold.under
        yield estimated(median(seen.compiler_ns), codes.HOST_TIME, of=of, part=codes.COMPILER, under=under)
    yield _compilations(repeated.kind, "", repeated.compiled)
    yield ProbeFigure(what=codes.LOADS, of=repeated.kind, value=repeated.loaded)
    for case in kinds:
        yield _compilations(case.kind, case.under, case.compiled)
    yield _compilations(codes.AGAIN, "", sum(case.compiled for case in seen.specialised_again))


def _compilations(of: str, under: str, count: int) -> ProbeFigure:
    return ProbeFigure(what=codes.COMPILATIONS, of=of, under=under, value=count)


def _table(seen: Seen) -> ProbeTable:
    counted = ("how many", "compiled", "loaded from disk", "asked for code", "forms in memory, more", "right")
    times = ("host time per launch, median", "fastest", "slowest")
    columns: dict[str, ColumnKind] = {
        "launches": "code",
        **dict.fromkeys(counted, "count"),
        **dict.fromkeys(times, "time"),
    }
    rows: list[tuple[Cell, ...]] = [
        (
            *(case.name, case.launches, case.compiled, case.loaded, case.asked, case.grown, case.right),
            *((middle(case.launch_ns), min(case.launch_ns), max(case.launch_ns)) if case.launch_ns else (None,) * 3),
        )
        for case in seen.all
    ]
    return of_rows("Launches, and what Triton compiled for them, by its own hooks", columns, rows)
