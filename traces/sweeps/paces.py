"""The host's pace at each point: by the reference that was timed there, or by what variants have in common.

A point's variants are timed in the same rounds, so what makes the host slow in these seconds meets all of them alike. It says nothing of
the point: a model that took it for the point's would be wrong at the next one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from launchlens.traces.statistics import Floats
from launchlens.traces.sweeps.model import SHARP
from launchlens.traces.sweeps.samples import SideKey
from launchlens.traces.sweeps.sweep import Point

#: A time tells of the host where it is the host's by at least this share, and so many of them tell together.
_HOSTS, _FEWEST = 0.7, 3


def references(points: Sequence[Point]) -> Floats:
    """The logarithm of the reference's time at each point, ns; NaN where it was not timed."""
    return np.array([np.log(np.median(point.reference_ns)) if point.reference_ns else np.nan for point in points])


def hosts_share(host: Floats, device: Floats) -> Floats:
    """How much of a change of the host's pace a time shows: 1 where the host rules, 0 where the device does."""
    top = np.maximum(np.maximum(host, device), 1e-9)
    of_host, of_device = (host / top) ** SHARP, (device / top) ** SHARP
    return np.asarray(of_host / (of_host + of_device), float)


def in_common(off: Mapping[SideKey, Floats], shares: Mapping[SideKey, Floats], without: str | None = None) -> Floats:
    """What the sides that wait for the host are off in common at each point, of variants other than `without`; 0 where too few tell."""
    keys = [key for key in off if key[0] != without]
    found = np.zeros(len(next(iter(off.values()), ())))
    if len(keys) < _FEWEST:
        return found
    shown = np.array([shares[key] for key in keys])
    known = np.array([off[key] for key in keys]) / np.where(shown > _HOSTS, shown, np.nan)
    enough = np.isfinite(known).sum(axis=0) >= _FEWEST
    found[enough] = np.nanmedian(known[:, enough], axis=0)
    return found
