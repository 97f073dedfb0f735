"""Tables of time accounts: a capture's (`account`), and a trace's own (`cells`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from launchlens.traces.account import DEVICE_STATES, HOST_STATES
from launchlens.traces.documents.analysis import AccountOfTrace, AnalysisDocument
from launchlens.traces.studies.study import Study
from launchlens.traces.tables.table import Column, Pivot, Table, table

HOST = Column("host", "code", f"what the host did: {', '.join(HOST_STATES)}")
DEVICE = Column(
    "device", "code", f"what the device did meanwhile: {', '.join(DEVICE_STATES)}; null where none was recorded",
    absent="not recorded",
)  # fmt: skip

NS = Column("ns", "time", "time of the window in this cell")


def account(study: Study) -> Table:
    """The account of one recorded iteration of every side, whole ns: cells that hold time."""
    columns = (
        Column("regime", "code", "eager or graph"),
        Column("variant", "name", "what was recorded"),
        HOST,
        DEVICE,
        Column("ns", "time", "profiled time of one iteration in this cell"),
    )
    title = "Profiled time of one iteration: host state by what the device did meanwhile"
    return table("account", title, columns, _of_sides(study))


def _of_sides(study: Study) -> Iterator[list[Any]]:
    for regime in study.regimes:
        for side in study.in_regime(regime):
            if side.recording is not None:
                for cell in side.recording.per_iteration.whole().rows():
                    yield [regime, side.variant, cell.host, cell.device, cell.ns]


def of_regime(whole: Table, regime: str, title: str) -> Table:
    """The accounts of one regime out of `account`, to be read crosswise and to the nanosecond."""
    return whole.only(title, regime=regime).exact("ns").changed(pivot=Pivot("host", "device", "ns", group="variant"))


def of_trace(document: AnalysisDocument) -> list[Table]:
    """A trace's account, and after it those of other devices; none of a trace that has none."""
    if document.account is None:
        return []
    others = [each for each in document.accounts if each.device != document.account.device]
    return [cells(document.account), *(cells(each, f"account_device_{_word(each.device)}") for each in others)]


def _word(device: str | None) -> str:
    """A device's number in a table's name, which is a word; of a file that gives any number it may be below zero."""
    return str(device).replace("-", "minus_").lower()


def cells(found: AccountOfTrace, name: str = "account") -> Table:
    """One account: cells that hold time, which sum to its window."""
    device = "no GPU activity recorded" if found.device is None else f"device {found.device}"
    whose = f"process {found.process or 'not named'}" if found.thread is None else f"thread {found.thread}"
    title = f"time account of {found.window}: {whose}, {device}"
    rows = [[cell.host, cell.device, cell.ns] for cell in found.cells]
    columns = (HOST, DEVICE, NS)
    return table(name, title, columns, rows, pivot=Pivot("host", "device", "ns"))
