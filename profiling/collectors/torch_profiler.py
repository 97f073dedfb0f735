"""The torch.profiler collector: interleaved blocks under Kineto, one trace per regime."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from launchlens.profiling.checking import synchronize
from launchlens.profiling.collectors.blocks import run_blocks
from launchlens.profiling.environment import quiet_collector
from launchlens.profiling.timing import Entry
from launchlens.traces import files
from launchlens.traces.captures.capture import TraceRecord

NAME = "torch"

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

    `advance(1)` is called per round and once for the export. Raises OSError when the trace can't be written.
    """
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if device == "cuda" else [])
    # The first session in a process loads CUPTI, which takes seconds; it is thrown away. Without acc_events torch warns
    # that a next cycle would clear the events; there is none.
    with profile(activities=activities, acc_events=True):
        entries[0].call()
        synchronize(device)
    with quiet_collector(), profile(activities=activities, acc_events=True) as session:
        run_blocks(entries, rounds=rounds, iterations=iterations, device=device, advance=advance)
    path = folder / NAME / f"{regime}.pt.trace.json.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.writing(path) as packed:
        plain = packed.with_name("trace.json")
        session.export_chrome_trace(str(plain))
        _pack(plain, packed)
    advance(1)
    return TraceRecord(NAME, regime, f"{NAME}/{path.name}", rounds, iterations)


def _pack(plain: Path, path: Path) -> None:
    """Compress a trace, less the host's name and the path it was written to."""
    text = _PRIVATE.sub(rb'"\1": ""', plain.read_bytes())
    # no time stamp and no file name in the header: the same trace gives the same bytes
    with open(path, "wb") as out, gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0) as packed:
        packed.write(text)
