"""All probes there are, by id, in the order in which a run makes them. Adding one is its folder and a row here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from launchlens.profiling.probes.backlog import probe as backlog
from launchlens.profiling.probes.copy_engine import probe as copy_engine
from launchlens.profiling.probes.launch_costs import probe as launch_costs
from launchlens.profiling.probes.launch_floor import probe as launch_floor
from launchlens.profiling.probes.launch_ladder import probe as launch_ladder
from launchlens.profiling.probes.method.bench import Prober
from launchlens.profiling.probes.profiler_tax import probe as profiler_tax
from launchlens.profiling.probes.stream_synchronize import probe as stream_synchronize
from launchlens.profiling.probes.triton_compile import probe as triton_compile


@dataclass(frozen=True)
class Listed:
    """A probe as it is listed: what it needs (names of `environment.NEEDS`), and what runs it.

    `of_variants`: it runs the workload's variants; the others are about the machine alone.
    """

    id: str
    needs: tuple[str, ...]
    probe: Prober
    of_variants: bool = False


def _listed(module: ModuleType, *, of_variants: bool = False) -> Listed:
    return Listed(module.ID, tuple(module.NEEDS), module.probe, of_variants)


CATALOGUE: Mapping[str, Listed] = {
    row.id: row
    for row in (
        _listed(launch_floor),
        _listed(launch_costs),
        _listed(launch_ladder),
        _listed(backlog, of_variants=True),
        _listed(stream_synchronize),
        _listed(triton_compile),
        _listed(copy_engine),
        _listed(profiler_tax),
    )
}


def chosen(names: Sequence[str]) -> list[Listed]:
    """The probes named, `all` standing for every one, in the catalogue's order. Raises KeyError for an unknown name."""
    unknown = [name for name in names if name != "all" and name not in CATALOGUE]
    if unknown:
        raise KeyError(unknown[0])
    return [row for row in CATALOGUE.values() if row.id in names or "all" in names]
