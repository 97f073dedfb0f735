"""All collectors there are, in the order in which a run asks them. Adding one is its module and a row here."""

from __future__ import annotations

from collections.abc import Sequence

from launchlens.profiling.collectors.collector import Collector
from launchlens.profiling.collectors.cupti.collector import Cupti
from launchlens.profiling.collectors.nsys.collector import NsightSystems
from launchlens.profiling.collectors.torch_profiler import TorchProfiler

#: What records where nobody was named, and where none of those named could: it needs nothing that measuring doesn't.
USUAL = TorchProfiler()
#: What records as well where the light recorder can't be used: it tells API calls apart, and what they cost it can be told.
FALLBACK = Cupti()

#: By name.
CATALOGUE: dict[str, Collector] = {each.name: each for each in (USUAL, NsightSystems(), FALLBACK)}


def chosen(names: Sequence[str]) -> list[Collector]:
    """The collectors named, `all` standing for every one, in the catalogue's order: the account is the first one's.

    Raises KeyError for an unknown name.
    """
    unknown = [name for name in names if name != "all" and name not in CATALOGUE]
    if unknown:
        raise KeyError(unknown[0])
    return [each for name, each in CATALOGUE.items() if name in names or "all" in names]
