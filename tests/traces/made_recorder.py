"""A recorder that does not exist, as a contributor would add one: this module, and a line in the catalogue of readers.

made-up recorder 1
host ada-laptop
api cudaLaunchKernel 100 200 1
kernel copy 250 400 1
range step 50 450 -
"""

from pathlib import Path

import pandas as pd

from launchlens.traces.problems import InputError, Problems
from launchlens.traces.readers.reader import Reader, Seen
from launchlens.traces.schema import event_table
from launchlens.traces.trace import Trace

FIRST_LINE = "made-up recorder 1"
EVENTS = """\
host ada-laptop
range step 50 450 -
api cudaLaunchKernel 100 200 1
kernel copy 250 400 1
range step 450 900 -
api cudaLaunchKernel 500 600 2
kernel copy 650 850 2
"""
REMEDY = "record it again with the made-up recorder"


def write(path: Path, events: str = EVENTS) -> Path:
    path.write_text(f"{FIRST_LINE}\n{events}")
    return path


def _recognises(seen: Seen) -> bool:
    return seen.head.startswith(FIRST_LINE.encode())


def _read(path: Path, *, partial: bool, progress) -> Trace:
    rows = [line.split() for line in path.read_text().splitlines()[1:] if not line.startswith("host ")]
    if any(len(row) != 5 for row in rows):
        raise InputError(path, "is damaged: a line has not five words", REMEDY)
    if not rows:
        raise InputError(path, "holds no events", REMEDY)
    kind, name, start, end, correlation = zip(*rows, strict=True)
    on_host = [each in ("api", "range") for each in kind]
    columns = {
        "kind": kind,
        "name": name,
        "start_ns": [int(each) for each in start],
        "dur_ns": [int(last) - int(first) for first, last in zip(start, end, strict=True)],
        "process": ["4711"] * len(rows),
        "thread": ["1" if each else None for each in on_host],
        "layer": ["runtime" if each == "api" else None for each in kind],
        "correlation": [pd.NA if each == "-" else int(each) for each in correlation],
        "device": [pd.NA if each else 0 for each in on_host],
        "stream": [pd.NA if each else 7 for each in on_host],
    }
    problems = Problems()
    return Trace(path, "made-up", "1", path.stat().st_size, event_table(columns, len(rows), problems), problems)


def _scrub(path: Path, output: Path, removed, *, progress) -> None:
    lines = path.read_text().splitlines()
    kept = [line for line in lines if not line.startswith("host ")]
    removed["names of hosts"] += len(lines) - len(kept)
    output.write_text("\n".join(kept) + "\n")


READER = Reader(
    name="made-up",
    label="a recording of the made-up recorder",
    tool="the made-up recorder",
    recognises=_recognises,
    read=_read,
    scrub=_scrub,
    remedy=REMEDY,
)
