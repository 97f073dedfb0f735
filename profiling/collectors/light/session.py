"""The light recorder of one run: whether it can be used here, the bursts that calibrate it, and what it leaves in a capture."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from launchlens.kernels.registry import Iteration
from launchlens.profiling.collectors.error import CollectorError
from launchlens.profiling.collectors.light.blocks import LightBlocks
from launchlens.profiling.collectors.light.build import built
from launchlens.profiling.collectors.light.recorder import PRELOADED, LightRecorder, is_call, preloading
from launchlens.profiling.timing import Entry
from launchlens.traces import files
from launchlens.traces.captures.capture import TraceRecord
from launchlens.traces.captures.light import ACCOUNT_COLUMNS, BURSTS, CALLS, FOLDER, OPS, write_accounts
from launchlens.traces.readers.light.schema import FORMAT, SCHEMA

NAME: Literal["light"] = "light"
LABEL = "the light recorder"
#: Set to anything, the light recorder is not used.
WITHOUT = "LAUNCHLENS_WITHOUT_LIGHT"
#: Events of an iteration of a burst: what more of them cost, less what fewer do, is the cost of an event.
_FEW, _MANY = 8, 32


def check(device: str) -> None:
    """Raise CollectorError where it can't record on `device` in this process, with the reason."""
    if os.environ.get(WITHOUT):
        raise CollectorError(f"{WITHOUT} is set", for_good=True)
    if sys.platform != "linux":
        raise CollectorError("it records on Linux only", for_good=True)
    libraries = built()
    if device == "cuda" and os.environ.get(PRELOADED) != str(libraries.interpose):
        raise CollectorError("this process was started without its library", for_good=True)


def start_again(arguments: Sequence[str]) -> None:
    """Start this command again with the recorder's library preloaded; return where that can't be, or was done already."""
    if os.environ.get(WITHOUT) or os.environ.get(PRELOADED) or sys.platform != "linux":
        return
    try:
        environment = preloading(built())
    except CollectorError:
        return  # `check` says why once more, where it is told to people
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *arguments], environment)


class LightSession:
    """Records blocks of one run; made before anything is timed. Raises CollectorError where it can't be."""

    def __init__(self, device: str) -> None:
        check(device)
        self.device = device
        self.blocks = LightBlocks(LightRecorder(built()))
        if device == "cuda" and not self.blocks.recorder.sees_calls:
            raise CollectorError("its library was loaded too late to see CUDA calls", for_good=True)
        self.blocks.set_clock()
        self.inside_ns = self.blocks.inside_ns()

    def bursts(self) -> list[Entry]:
        """Entries that make so many ops, and so many API calls, an iteration: their cost is the difference on and off."""
        made = [Entry(f"{OPS}:{count}", BURSTS, self._ops(count)) for count in (_FEW, _MANY)]
        if self.device == "cuda":
            made += [Entry(f"{CALLS}:{count}", BURSTS, self._calls(count)) for count in (_FEW, _MANY)]
        return made

    def _ops(self, count: int) -> Iteration:
        import torch

        small = torch.zeros(4, 4, device=self.device)

        def iteration() -> None:
            for _ in range(count):
                small.t()

        return iteration

    def _calls(self, count: int) -> Iteration:
        """A query of a stream on which nothing runs: a call that does next to nothing."""
        with open("/proc/self/maps", encoding="utf-8") as maps:
            place = next(line.split()[-1] for line in maps if "libcudart" in line)
        query, stream = ctypes.CDLL(place).cudaStreamQuery, ctypes.c_void_p(0)

        def iteration() -> None:
            for _ in range(count):
                query(stream)

        return iteration

    def keep(self, folder: Path, rows: list[dict[str, object]]) -> list[TraceRecord]:
        """Write accounts, bursts and traces into a capture; `rows` are all blocks, those of bursts among them."""
        accounts = pd.DataFrame(self.blocks.rows or None, columns=[column.name for column in ACCOUNT_COLUMNS])
        bursts = pd.DataFrame([row for row in rows if row["regime"] == BURSTS])
        if not len(accounts) or not len(bursts):
            return []
        write_accounts(folder, accounts, bursts)
        regimes = dict.fromkeys(each.regime for each in self.blocks.kept if each.regime != BURSTS)
        return [self._trace(folder, regime) for regime in regimes]

    def _trace(self, folder: Path, regime: str) -> TraceRecord:
        """The events of the first rounds of one regime, block by block, as a trace."""
        kept = [each for each in self.blocks.kept if each.regime == regime]
        names = [*self.blocks.recorder.names, *dict.fromkeys(f"variant:{each.variant}" for each in kept)]
        at = {name: number for number, name in enumerate(names)}
        start = [np.concatenate(([each.window[0]], each.start_ns)) for each in kept]
        end = [np.concatenate(([each.window[1]], each.end_ns)) for each in kept]
        what = [np.concatenate(([at[f"variant:{each.variant}"]], each.what)) for each in kept]
        main = np.uint64(self.blocks.recorder.main_thread)
        thread = [np.concatenate(([main], each.thread)) for each in kept]
        first = min(int(each[0]) for each in start)
        begun = np.concatenate(start).astype(np.int64) - first
        order = np.argsort(begun, kind="stable")
        which = np.concatenate(what)[order]
        kind = ["call" if is_call(name) else "range" if name.startswith("variant:") else "op" for name in names]
        data = {
            "start_ns": pa.array(begun[order]),
            "dur_ns": pa.array((np.concatenate(end) - np.concatenate(start))[order].astype(np.int64)),
            "kind": pa.DictionaryArray.from_arrays(pa.array(which.astype(np.int32)), pa.array(kind)).cast(pa.string()),
            "name": pa.DictionaryArray.from_arrays(pa.array(which.astype(np.int32)), pa.array(names)).cast(pa.string()),
            "thread": pa.array(np.concatenate(thread)[order].astype(np.int64)),
        }
        metadata = {
            "format": FORMAT,
            "clock": "tsc" if self.blocks.recorder.uses_tsc else "clock_monotonic",
            "dropped": str(self.blocks.dropped),
        }
        table = pa.Table.from_pydict(data, schema=SCHEMA.with_metadata(metadata))
        path = folder / FOLDER / f"{regime}.parquet"
        with files.writing(path) as place:
            pq.write_table(table, place, compression="zstd", use_dictionary=["kind", "name", "thread"])
        counts = pd.Series([each.variant for each in kept]).value_counts()
        return TraceRecord(
            NAME, regime, f"{FOLDER}/{regime}.parquet", int(counts.max()), 0, label=LABEL, to_look_at=True
        )
