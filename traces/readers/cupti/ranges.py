"""Do the two ways in which a recording says which range a call was made in agree: by time, and by CUPTI's external id?

The collector takes a range's times on the host, while the id travels with each call through CUPTI. A difference means that
the times of ranges and of calls are not of one clock, or that ids were lost.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from launchlens.traces.intervals import Ints
from launchlens.traces.problems import Problems


def count_disagreement(events: pd.DataFrame, external: Ints, problems: Problems) -> None:
    """Count the API calls whose range by time is not the one that their id names.

    `external` is, per event, the id of a range or of the range that a call was made in; below 0 for none. The collector's
    ranges do not overlap on one thread; NVTX ranges have no id, and are not looked at. Calls of threads on which the
    collector opened no range are not looked at either: ids are given thread by thread.
    """
    kind = events["kind"].astype(str).to_numpy(dtype=object)
    ranges = np.flatnonzero((kind == "range") & (external >= 0))
    if not len(ranges):
        return
    thread = events["thread"].array.codes.astype(np.int64)
    start = events["start_ns"].to_numpy()
    end = start + events["dur_ns"].to_numpy()
    calls = np.flatnonzero((kind == "api") & np.isin(thread, thread[ranges]))
    differ = 0
    for each in np.unique(thread[calls]):
        here = ranges[thread[ranges] == each]
        here = here[np.argsort(start[here], kind="stable")]
        mine = calls[thread[calls] == each]
        before = np.searchsorted(start[here], start[mine], side="right") - 1
        inside = (before >= 0) & (end[mine] <= end[here[before]])
        by_time = np.where(inside, external[here[before]], -1)
        differ += int((by_time != np.maximum(external[mine], -1)).sum())
    problems.add("range-ids-disagree", differ)
