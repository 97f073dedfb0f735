"""All probes there are, by id, in the order in which a run makes them. Adding one is its module and a row here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from launchlens.profiling.probes import copy_engine, held_sms
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


def _listed(module: ModuleType, *, of_variants: bool = False) -> Listed:
    return Listed(module.ID, module.ASKS, tuple(module.NEEDS), module.probe, of_variants)


CATALOGUE: Mapping[str, Listed] = {
    row.id: row
    for row in (
        _listed(copy_engine),
        _listed(held_sms),
    )
}


def chosen(names: Sequence[str]) -> list[Listed]:
    """The probes named, `all` standing for every one, in the catalogue's order. Raises KeyError for an unknown name."""
    unknown = [name for name in names if name != "all" and name not in CATALOGUE]
    if unknown:
        raise KeyError(unknown[0])
    return [row for row in CATALOGUE.values() if row.id in names or "all" in names]
