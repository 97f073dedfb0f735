"""What the light recorder leaves in a capture: the account of every block that it recorded, and what its own events cost.

    light/accounts.parquet      a row per recorded block and host state (`ACCOUNT_COLUMNS`)
    light/calibration.parquet   bursts of ops and of API calls, timed in the same rounds (columns of timings.parquet)
    light/REGIME.parquet        every event of the first rounds, as a trace (`launchlens.traces.readers.light`)

It records framework ops and API calls with two time stamps each, and stretches an iteration by a few per cent where a profiler
stretches it several times: what is left of its cost is measured in the same run, and taken out (`traces/studies/explained.py`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from launchlens.traces.captures.capture import TIMING_COLUMNS, read_table, write_table
from launchlens.traces.grouping import by_keys, numbered
from launchlens.traces.schema import Column

FOLDER = "light"
ACCOUNTS, CALIBRATION = f"{FOLDER}/accounts.parquet", f"{FOLDER}/calibration.parquet"

#: Host states that it tells apart, as `launchlens.traces.account` has them.
STATES = ("python", "dispatch", "launch", "sync", "api")

#: The regime under which bursts are timed: no variant's.
BURSTS = "calibration"
#: Bursts by what they are of: so many events an iteration.
OPS, CALLS = "ops", "calls"

ACCOUNT_COLUMNS: tuple[Column, ...] = (
    Column("round", "int64", "", False, "the round, as in timings.parquet"),
    Column("variant", "str", "", False, "name of the variant, or of the burst"),
    Column("regime", "str", "", False, "eager, graph, or calibration"),
    Column("control", "bool", "", False, "true for the baseline's second blocks"),
    Column("length", "str", "", False, "short: N iterations, long: 2 N"),
    Column("iterations", "int64", "", False, "iterations in the block"),
    Column("state", "str", "", False, "host state: python, dispatch, launch, sync or api"),
    Column("ns", "int64", "ns", False, "time of the block in that state; states sum to the block"),
    Column("events", "int64", "", False, "events of that state: ops, or calls"),
    Column(
        "holds",
        "int64",
        "",
        False,
        "events that began while that state was the innermost: their own cost is in its time",
    ),
    Column(
        "calls_held",
        "Int64",
        "",
        True,
        "how many of these are API calls, the others ops; null where that was not noted",
    ),
)


def write_accounts(folder: Path, rows: pd.DataFrame, bursts: pd.DataFrame) -> None:
    """Write both tables into a capture."""
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    write_table(folder / ACCOUNTS, rows, ACCOUNT_COLUMNS)
    write_table(folder / CALIBRATION, bursts, TIMING_COLUMNS)


def read_accounts(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Accounts and bursts of a capture; None where it has none. Raises InputError for what can't be read."""
    if not (folder / ACCOUNTS).is_file() or not (folder / CALIBRATION).is_file():
        return None
    accounts = read_table(folder / ACCOUNTS, ACCOUNT_COLUMNS, {"calls_held": None})
    return accounts, read_table(folder / CALIBRATION, TIMING_COLUMNS)


def launches_seen(accounts: pd.DataFrame) -> dict[tuple[str, str], tuple[float, float]]:
    """Launches of one iteration by (variant, regime), the least and the most of all recorded blocks."""
    of_side = numbered(accounts["variant"], accounts["regime"])
    mine = np.flatnonzero(
        accounts["state"].eq("launch").to_numpy(bool)
        & ~accounts["control"].to_numpy(bool)
        & accounts["regime"].ne(BURSTS).to_numpy(bool)
        & (accounts["iterations"].to_numpy(np.int64) > 0)
    )
    each = accounts["events"].to_numpy(np.float64, copy=True)
    each[mine] /= accounts["iterations"].to_numpy(np.float64)[mine]
    names = [accounts[name].array for name in ("variant", "regime")]
    found = {}
    for rows in by_keys(mine, of_side[mine]).values():
        variant, regime = (str(name[rows[0]]) for name in names)
        found[variant, regime] = float(each[rows].min()), float(each[rows].max())
    return found
