"""Times of one iteration, round by round, out of the blocks of a capture.

Where blocks have two lengths, a time is marginal: what the longer block takes more, by the iterations that it has more. What a
block costs by itself (its first iterations, the closing synchronize) is then a time of its own. Where they have one length, as
captures of version 1 do, a time is the block's by its iterations, and that cost is in it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from launchlens.traces.grouping import numbered

KEY = ["round", "variant", "regime", "control"]
TIMES = ["host_ns", "wall_ns", "device_ns"]


def per_iteration(timings: pd.DataFrame, recorder: str = "off") -> pd.DataFrame:
    """The rounds of `every_round` that tell how long an iteration takes.

    Where the long block took no longer than the short one, something else took more time than all iterations, and the round tells
    nothing of that variant: it is left out, for a ratio with such a time has no meaning.
    """
    found = every_round(timings, recorder)
    told = found["wall_ns"].to_numpy() > 0
    return (found if told.all() else found[told]).reset_index(drop=True)


def every_round(timings: pd.DataFrame, recorder: str = "off") -> pd.DataFrame:
    """A row per round, variant, regime and control: `TIMES` of one iteration, ns, and `fixed_ns` of a block (null of one length).

    Rounds of which a length is missing are left out, and where the long block has no more iterations. `recorder`: of blocks
    recorded so.
    """
    mine = timings["recorder"].eq(recorder).to_numpy(bool)
    length = timings["length"]
    if (length.eq("only").to_numpy(bool) & mine).any():
        single = timings[mine]
        single = single.assign(**{name: single[name] / single["iterations"] for name in TIMES}, fixed_ns=pd.NA)
        return single.astype({"fixed_ns": "Float64"})
    block = numbered(*(timings[name] for name in KEY))
    short, long = (np.flatnonzero(mine & length.eq(each).to_numpy(bool)) for each in ("short", "long"))
    order = np.argsort(block[long], kind="stable")
    place = np.searchsorted(block[long], block[short], sorter=order)
    there = np.flatnonzero(place < len(long))
    there = there[block[long[order[place[there]]]] == block[short[there]]]
    short, long = short[there], long[order[place[there]]]
    iterations = timings["iterations"].to_numpy(np.int64)
    further = iterations[long] > iterations[short]
    short, long = short[further], long[further]
    more = iterations[long] - iterations[short]
    times = {name: timings[name].array for name in TIMES}
    found = {name: (each[long] - each[short]) / more for name, each in times.items()}
    fixed = (
        np.asarray(times["wall_ns"][short], np.float64) - np.asarray(found["wall_ns"], np.float64) * iterations[short]
    )
    return pd.DataFrame(
        {name: timings[name].array[short] for name in KEY}
        | found
        | {"fixed_ns": pd.array(fixed, dtype="Float64"), "iterations": iterations[short]}
    )
