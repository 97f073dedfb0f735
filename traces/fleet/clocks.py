"""The clocks of ranks, aligned by what ends on all of them at once: collectives that no rank can leave before the last has come.

    rank 0    |============|          ends are apart by what the clocks are, and by microseconds
    rank 1          |=====|
    offset                 <->

Offsets are medians, so that single collectives that end apart move none; a drift is a slope that most pairs of collectives agree on. Ranks that
share no collective with others keep the clock that was recorded, and so do those whose clocks are one to what collectives can tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from launchlens.traces.fleet.matched import Matched
from launchlens.traces.intervals import Ints
from launchlens.traces.thresholds import THRESHOLDS

#: Collectives that a rank leaves only when all have come.
TOGETHER = frozenset({"all_reduce", "all_gather", "reduce_scatter", "all_to_all"})
#: So many of a group tell its clocks.
_MOST = 512
_ROUNDS = 4
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Clocks:
    """Of each member how far its clock is ahead at `zero_ns`, ns, and how much more with each ns; `by` collectives told it (0: nothing did).

    `apart_ns` is how far from the others the ends of its collectives still lie, the median. `cluster` is the same for members whose clocks are
    aligned with each other; the first of each has the clock that the others are told against.
    """

    zero_ns: int
    offset_ns: Floats
    drift: Floats
    by: Ints
    apart_ns: Floats
    cluster: Ints

    def aligned(self, member: Ints, moment: Ints) -> Ints:
        """Moments of members on the clock of the first of their cluster."""
        since = (moment - self.zero_ns).astype(np.float64)
        shift = self.offset_ns[member] + self.drift[member] * since
        return moment - np.rint(shift).astype(np.int64)


def align(matched: Matched, members: int) -> Clocks:
    """The clocks of so many members, by the collectives that they have in common."""
    nothing = Clocks(
        0,
        np.zeros(members),
        np.zeros(members),
        np.zeros(members, np.int64),
        np.full(members, np.nan),
        np.arange(members),
    )
    if not len(matched):
        return nothing
    zero = int(matched.end_ns.min())
    chosen = _sample(matched)
    instance = np.unique(matched.instance[chosen], return_inverse=True)[1]
    member = matched.member[chosen]
    end = (matched.end_ns[chosen] - zero).astype(np.float64)
    if not len(end):
        return Clocks(zero, nothing.offset_ns, nothing.drift, nothing.by, nothing.apart_ns, nothing.cluster)
    offset, cluster = _first_offsets(matched.group[chosen], instance, member, end, members)
    drift = np.zeros(members)
    for _ in range(_ROUNDS):
        common = _median(instance, end - offset[member] - drift[member] * end)
        left = end - common[instance]
        for each in np.unique(member).tolist():
            mine = member == each
            drift[each] = _slope(end[mine], left[mine])
            offset[each] = float(np.median(left[mine] - drift[each] * end[mine]))
    for each in np.unique(cluster).tolist():  # told against the first of each cluster
        of = np.flatnonzero(cluster == each)
        offset[of] -= offset[of[0]]
        drift[of] -= drift[of[0]]
    # so near they are one clock, of one host or kept by one: what is left is how far apart collectives end
    same = (np.abs(offset) < THRESHOLDS.clock_kept_ns) & (drift == 0)
    offset[same] = 0.0
    common = _median(instance, end - offset[member] - drift[member] * end)
    left = end - offset[member] - drift[member] * end - common[instance]
    apart = np.full(members, np.nan)
    for each in np.unique(member).tolist():
        apart[each] = float(np.median(np.abs(left[member == each])))
    return Clocks(zero, offset, drift, np.bincount(member, minlength=members).astype(np.int64), apart, cluster)


def _sample(matched: Matched) -> Ints:
    """Rows of collectives that end together, at most _MOST collectives of a group, spread over its time."""
    together = np.isin(matched.operation.astype(str), list(TOGETHER))
    parts = []
    for group in np.unique(matched.group[together]).tolist():
        rows = np.flatnonzero(together & (matched.group == group))
        instances = np.unique(matched.instance[rows])
        taken = instances[np.linspace(0, len(instances) - 1, min(_MOST, len(instances))).astype(np.int64)]
        parts.append(rows[np.isin(matched.instance[rows], taken)])
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _first_offsets(group: Ints, instance: Ints, member: Ints, end: Floats, members: int) -> tuple[Floats, Ints]:
    """Offsets along groups that share members, those with most collectives first, and which members are so joined."""
    offset, cluster = np.zeros(members), np.arange(members)
    edges: list[tuple[int, int, int, float]] = []
    for each in np.unique(group).tolist():
        mine = group == each
        first = int(np.bincount(member[mine]).argmax())
        of_first = np.full(int(instance.max()) + 1, np.nan)
        at = mine & (member == first)
        of_first[instance[at]] = end[at]
        for other in np.unique(member[mine]).tolist():
            apart = end[mine & (member == other)] - of_first[instance[mine & (member == other)]]
            apart = apart[~np.isnan(apart)]
            if other != first and len(apart):
                edges.append((len(apart), first, other, float(np.median(apart))))
    for _, one, other, apart in sorted(edges, key=lambda edge: (-edge[0], edge[1], edge[2])):
        if cluster[one] != cluster[other]:
            moved = cluster == cluster[other]
            offset[moved] += offset[one] + apart - offset[other]
            cluster[moved] = cluster[one]
    # numbered by the first of each
    for each in np.unique(cluster).tolist():
        of = np.flatnonzero(cluster == each)
        cluster[of] = of[0]
    return offset, cluster


def _median(of: Ints, values: Floats) -> Floats:
    """The median of the values of each instance."""
    order = np.lexsort((values, of))
    values, of = values[order], of[order]
    first = np.flatnonzero(np.diff(of, prepend=-1))
    count = np.diff(np.append(first, len(of)))
    low, high = values[first + (count - 1) // 2], values[first + count // 2]
    found: Floats = (low + high) / 2
    return found


def _slope(moment: Floats, left: Floats) -> float:
    """The drift that most pairs agree on (Theil and Sen); 0 of too few, too short a time, or where it explains nothing."""
    if len(moment) < THRESHOLDS.fewest_for_drift or np.ptp(moment) < THRESHOLDS.drift_span_ns:
        return 0.0
    at = np.linspace(0, len(moment) - 1, min(len(moment), 128)).astype(np.int64)
    x, y = moment[at], left[at]
    one, other = np.triu_indices(len(at), 1)
    apart = x[other] - x[one]
    far = np.abs(apart) > 0.1 * np.ptp(x)
    if not far.any():
        return 0.0
    found = float(np.median((y[other] - y[one])[far] / apart[far]))
    spread = float(np.median(np.abs(y - np.median(y))))
    straight = y - found * x
    left_over = float(np.median(np.abs(straight - np.median(straight))))
    return found if left_over < THRESHOLDS.drift_explains * spread else 0.0
