"""The torch.profiler collector: interleaved blocks under Kineto, one trace per regime."""

from __future__ import annotations

import gzip
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from launchlens.profiling.annotate import BLOCK, ITERATION, WARM_UP, annotated
from launchlens.profiling.environment import quiet_collector
from launchlens.profiling.timing import Entry, block_order
from launchlens.traces.capture import TraceRecord

NAME = "torch"
#: Iterations of each variant recorded one by one, for the timeline.
SHOWN_ITERATIONS = 3
WARM_UP_ITERATIONS = 5

#: Kineto writes the host's name and the path it wrote to; a capture holds neither.
_PRIVATE = re.compile(rb'"(host_name|traceName)": *"(?:[^"\\]|\\.)*"')


def record(
    entries: Sequence[Entry],
    folder: Path,
    *,
    regime: str,
    rounds: int,
    iterations: int,
    device: str,
    advance: Callable[[int], None],
) -> TraceRecord:
    """Record `rounds` interleaved blocks of every entry, then single iterations, into one trace below `folder`.

    The first events of a session can be lost (pytorch#192021), so an unnamed warm-up block comes first. `advance(1)` is
    called per round and once for the export. Raises OSError when the trace can't be written.
    """
    import torch
    from torch.profiler import ProfilerActivity, profile

    def synchronize() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if device == "cuda" else [])
    # The first session in a process loads CUPTI, which takes seconds; it is thrown away. Without acc_events torch warns
    # that a next cycle would clear the events; there is none.
    with profile(activities=activities, acc_events=True):
        entries[0].call()
        synchronize()
    with quiet_collector(), profile(activities=activities, acc_events=True) as session:
        with annotated(WARM_UP):
            for entry in entries:
                for _ in range(WARM_UP_ITERATIONS):
                    entry.call()
            synchronize()
        for number in range(rounds):
            for index in block_order(len(entries), number):
                _block(BLOCK + entries[index].variant, entries[index], iterations, synchronize)
            advance(1)
        for entry in entries:
            for _ in range(SHOWN_ITERATIONS):
                _block(ITERATION + entry.variant, entry, 1, synchronize)
    path = folder / NAME / f"{regime}.pt.trace.json.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as temporary:
        plain = Path(temporary) / "trace.json"
        session.export_chrome_trace(str(plain))
        _pack(plain, path)
    advance(1)
    return TraceRecord(NAME, regime, f"{NAME}/{path.name}", rounds, iterations)


def _block(name: str, entry: Entry, iterations: int, synchronize: Callable[[], None]) -> None:
    with annotated(name):
        for _ in range(iterations):
            entry.call()
        synchronize()


def _pack(plain: Path, path: Path) -> None:
    """Compress a trace beside its place and rename it there, less the host's name and the path it was written to."""
    partial = plain.with_suffix(".gz")
    text = _PRIVATE.sub(rb'"\1": ""', plain.read_bytes())
    # no time stamp and no file name in the header: the same trace gives the same bytes
    with open(partial, "wb") as out, gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0) as packed:
        packed.write(text)
    shutil.move(partial, path)
