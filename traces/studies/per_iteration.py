"""Times of one iteration, round by round, out of the blocks of a capture.

Where blocks have two lengths, a time is marginal: what the longer block takes more, by the iterations that it has more. What a
block costs by itself (its first iterations, the closing synchronize) is then a time of its own. Where they have one length, as
captures of version 1 do, a time is the block's by its iterations, and that cost is in it.
"""

from __future__ import annotations

import pandas as pd

KEY = ["round", "variant", "regime", "control"]
TIMES = ["host_ns", "wall_ns", "device_ns"]


def per_iteration(timings: pd.DataFrame, recorder: str = "off") -> pd.DataFrame:
    """The rounds of `every_round` that tell how long an iteration takes.

    Where the long block took no longer than the short one, something else took more time than all iterations, and the round tells
    nothing of that variant: it is left out, for a ratio with such a time has no meaning.
    """
    found = every_round(timings, recorder)
    return found[found["wall_ns"] > 0].reset_index(drop=True)


def every_round(timings: pd.DataFrame, recorder: str = "off") -> pd.DataFrame:
    """A row per round, variant, regime and control: `TIMES` of one iteration, ns, and `fixed_ns` of a block (null of one length).

    Rounds of which a length is missing are left out, and where the long block has no more iterations. `recorder`: of blocks
    recorded so.
    """
    mine = timings[timings["recorder"] == recorder]
    if mine["length"].eq("only").any():
        single = mine.assign(**{name: mine[name] / mine["iterations"] for name in TIMES}, fixed_ns=pd.NA)
        return single.astype({"fixed_ns": "Float64"})
    told = [*KEY, *TIMES, "iterations"]
    short, long = (mine.loc[mine["length"] == length, told] for length in ("short", "long"))
    # a join of columns takes half as long as an index of four levels for each of them
    both = short.merge(long, on=KEY, suffixes=("", "_of_long"))
    both = both[(both["iterations_of_long"] > both["iterations"]).to_numpy(bool)].reset_index(drop=True)
    more = both["iterations_of_long"] - both["iterations"]
    found = both[KEY].assign(**{name: (both[f"{name}_of_long"] - both[name]) / more for name in TIMES})
    found["fixed_ns"] = (both["wall_ns"] - found["wall_ns"] * both["iterations"]).astype("Float64")
    found["iterations"] = both["iterations"]
    return found
