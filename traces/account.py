"""The time account: every nanosecond of a window in exactly one cell, host state × device state.

    cells     python·idle, dispatch·idle, launch·idle, launch·memcpy, ...

The cells are never negative and sum to the window exactly, whatever the events are. A difference of two accounts is an
account as well: its cells sum to the difference. What reads an account asks it by the names of states; the array is its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from launchlens.traces.documents.account import AccountCell

#: Host states. `python` is time in no op and no API call: the interpreter, Triton's launcher; of a capture's blocks, whose
#: thread is known, the caller's own code in any language. `profiler` is what the recorder itself declared as its own overhead.
#: `waiting` is a thread whose work another one does, and `not-recorded` one of which nothing is recorded.
HOST_STATES = ("python", "dispatch", "launch", "sync", "api", "profiler", "waiting", "not-recorded")
#: Which state of its threads a process is in: the first of these that one of them is in.
PRECEDENCE = ("launch", "dispatch", "api", "sync", "python", "profiler", "waiting", "not-recorded")
#: Device states. A memset beside a kernel counts as kernel, and beside a memcpy as memcpy; so does a memcpy beside a kernel
#: and a collective. `communication` are the kernels of collectives, `kernel` are the others. `graph` is a replay that was
#: recorded whole, while nothing recorded by itself runs: the device was busy, with what is not known. `unknown` is time in
#: which nothing was recorded, and work of a graph replay may have run all the same (`traces.unrecorded`).
DEVICE_STATES = (
    "kernel",
    "memcpy",
    "memset",
    "kernel+memcpy",
    "communication",
    "kernel+communication",
    "communication+memcpy",
    "graph",
    "unknown",
    "idle",
)

LaneName = Literal["host", "device"]
STATES: Mapping[LaneName, tuple[str, ...]] = {"host": HOST_STATES, "device": DEVICE_STATES}

#: Time per window, ns.
Times = npt.NDArray[np.int64] | npt.NDArray[np.float64]


@dataclass(frozen=True)
class Account:
    """Time by host state and device state, ns, window by window.

    `cells` is [windows, HOST_STATES, DEVICE_STATES]: int64 as it was recorded, float64 where it is a mean or a difference.
    `device_known` is False where the trace holds no event of a device: it is idle throughout then, and that says nothing.
    """

    cells: Times
    device_known: bool

    @property
    def windows(self) -> int:
        return len(self.cells)

    @property
    def total_ns(self) -> float:
        """All windows together: a whole number where the cells are."""
        total: float = self.cells.sum().item()
        return total

    @property
    def window_ns(self) -> Times:
        """The length of each window."""
        lengths: Times = self.cells.sum(axis=(1, 2))
        return lengths

    def host(self) -> dict[str, float]:
        """Time by host state, all windows together."""
        return self.by_state("host")

    def on_device(self) -> dict[str, float]:
        """Time by device state, all windows together."""
        return self.by_state("device")

    def by_state(self, lane: LaneName) -> dict[str, float]:
        """Time by the states of a lane, all windows together."""
        times: list[float] = self.cells.sum(axis=0).sum(axis=_other(lane)).tolist()
        return dict(zip(STATES[lane], times, strict=True))

    def of_states(self, lane: LaneName, *states: str) -> Times:
        """Time of each window in some states of a lane."""
        chosen = [STATES[lane].index(state) for state in states]
        times: Times = self.cells.sum(axis=1 + _other(lane))[:, chosen].sum(axis=1)
        return times

    def share(self, lane: LaneName, *states: str) -> float:
        """The share of all time that lies in some states of a lane; 0 of no time."""
        total = self.total_ns
        chosen: float = self.of_states(lane, *states).sum().item()
        return chosen / total if total else 0.0

    def by_cell(self) -> Iterator[tuple[str, str, Times]]:
        """The cells that hold time: host state, device state, and the time of each window."""
        for host in HOST_STATES:
            for device in DEVICE_STATES:
                times = self.of_cell(host, device)
                if times.any():
                    yield host, device, times

    def of_cell(self, host: str, device: str) -> Times:
        """Time of each window in one cell."""
        return self.cells[:, HOST_STATES.index(host), DEVICE_STATES.index(device)]

    def mean(self, iterations: int) -> Account:
        """The account of one iteration: the mean over all windows, each of so many iterations."""
        mean = self.cells.sum(axis=0) / (self.windows * iterations)
        return Account(mean[np.newaxis], self.device_known)

    def less(self, other: Account) -> Account:
        """The difference, window by window. Raises ValueError for another number of windows."""
        if self.windows != other.windows:
            raise ValueError(f"{self.windows} windows less {other.windows}")
        return Account(self.cells - other.cells, self.device_known or other.device_known)

    def whole(self) -> Account:
        """All windows together in whole ns that sum to the rounded total."""
        total = self.cells.sum(axis=0)
        if not np.issubdtype(total.dtype, np.integer):
            total = apportion(total.ravel()).reshape(total.shape)
        return Account(total[np.newaxis], self.device_known)

    def rows(self) -> list[AccountCell]:
        """The cells that hold time in whole ns, all windows together, as documents hold them.

        A device that was not recorded is null, never idle.
        """
        return [
            AccountCell(host=host, device=device if self.device_known else None, ns=int(times[0]))
            for host, device, times in self.whole().by_cell()
        ]


def apportion(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Whole numbers near `values` that sum to their rounded sum: Hamilton's method, as for seats in a parliament."""
    floors = np.floor(values)
    short = round(float(values.sum())) - int(floors.sum())
    order = np.argsort(-(values - floors), kind="stable")
    result: npt.NDArray[np.int64] = floors.astype(np.int64)
    result[order[:short]] += 1
    return result


def _other(lane: LaneName) -> int:
    """The axis of an account's windows that is summed away to leave a lane's own states."""
    return 1 if lane == "host" else 0
