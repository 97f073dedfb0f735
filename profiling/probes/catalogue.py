"""All probes there are, by id, in the order in which a run makes them. Adding one is its module and a row here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from launchlens.profiling.probes import (
    backlog,
    backlog_verdict,
    copy_engine,
    copy_engine_verdict,
    held_sms,
    held_sms_verdict,
    launch_floor,
    launch_floor_verdict,
    launch_ladder,
    launch_ladder_verdict,
    stream_synchronize,
    stream_synchronize_verdict,
    triton_compile,
    triton_compile_verdict,
)
from launchlens.profiling.probes.probing import Prober


@dataclass(frozen=True)
class Listed:
    """A probe as it is listed: what it asks, what it needs (names of `environment.NEEDS`), and what runs it.

    `of_variants`: it runs the workload's variants; the others are about the machine alone.
    """

    id: str
    asks: str
    needs: tuple[str, ...]
    probe: Prober
    of_variants: bool = False


def _listed(module: ModuleType, verdict: ModuleType, *, of_variants: bool = False) -> Listed:
    return Listed(verdict.ID, verdict.ASKS, tuple(module.NEEDS), module.probe, of_variants)


CATALOGUE: Mapping[str, Listed] = {
    row.id: row
    for row in (
        _listed(launch_floor, launch_floor_verdict),
        _listed(launch_ladder, launch_ladder_verdict),
        _listed(backlog, backlog_verdict, of_variants=True),
        _listed(stream_synchronize, stream_synchronize_verdict),
        _listed(triton_compile, triton_compile_verdict),
        _listed(copy_engine, copy_engine_verdict),
        _listed(held_sms, held_sms_verdict),
    )
}


def chosen(names: Sequence[str]) -> list[Listed]:
    """The probes named, `all` standing for every one, in the catalogue's order. Raises KeyError for an unknown name."""
    unknown = [name for name in names if name != "all" and name not in CATALOGUE]
    if unknown:
        raise KeyError(unknown[0])
    return [row for row in CATALOGUE.values() if row.id in names or "all" in names]
