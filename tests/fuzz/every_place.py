"""Every place of what a capture and a sweep say of themselves, by each of some values: what chance meets seldom, in order.

    python tests/fuzz/every_place.py --workers 2

A place is a key or an element of `manifest.json` and `probes.json` of a made capture and of `sweep.json` of a made sweep; of long lists the
first two and the last. Each is taken away, and holds each value once. What must hold is what `run.py` asks of every case.
"""

import argparse
import copy
import json
import multiprocessing
import random
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from time import monotonic
from typing import Any

ROOT = Path(__file__).parents[2]
if str(ROOT / "tests") not in sys.path:
    sys.path.append(str(ROOT / "tests"))

from fuzz import run
from fuzz.seeds import KINDS

VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 0.5, 2**63, 10**30, 1e300, float("nan")),
    *("", "triton", "\ud800", "\x1b]0;t\x07", "</script><script>alert(1)</script>"),
    *([], {}, [1, "a", None], {"a": {"b": 1}}),
)
FILES = ("manifest.json", "probes.json", "sweep.json")
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Change:
    """A place of a file, and which value comes there; None where it is taken away."""

    file: str
    place: Place
    value: int | None

    def __str__(self) -> str:
        what = "taken away" if self.value is None else f"value {self.value}"
        return f"{self.file}, {'.'.join(map(str, self.place))}, {what}"


@cache
def source(file: str) -> Path:
    """The folder whose file is changed, made once a process."""
    folder = Path(tempfile.mkdtemp(prefix="every-place-"))
    if file == "sweep.json":
        from made_sweep import make_sweep

        return make_sweep(folder / "sweep")
    return KINDS["capture"].make(folder)[0]


@cache
def said(file: str) -> Any:
    return json.loads((source(file) / file).read_text())


def places(at: Any, above: Place = ()) -> Iterator[Place]:
    """Every place below one, of long lists the first two and the last."""
    keys: Sequence[str | int] = list(at) if isinstance(at, dict) else ()
    if isinstance(at, list):
        keys = [key for key in range(len(at)) if key < 2 or key == len(at) - 1]
    for key in keys:
        yield (*above, key)
        yield from places(at[key], (*above, key))


def changes(files: Sequence[str] = FILES) -> list[Change]:
    """All of them, in an order in which any part holds some of everything."""
    found = [
        Change(file, place, value)
        for file in files
        for place in places(said(file))
        for value in (None, *range(len(VALUES)))
    ]
    random.Random(0).shuffle(found)
    return found


def changed(change: Change, folder: Path) -> Path:
    """A copy of the capture or sweep in a folder, with the one place changed."""
    document = copy.deepcopy(said(change.file))
    *outer, last = change.place
    at = document
    for key in outer:
        at = at[key]
    if change.value is None:
        del at[last]
    else:
        at[last] = VALUES[change.value]
    path = folder / source(change.file).name
    shutil.copytree(source(change.file), path)
    (path / change.file).write_bytes(json.dumps(document).encode("utf-8", "surrogatepass"))
    return path


def tried(change: Change) -> run.Result:
    """A change through what reads it, and what came of it."""
    result = run.Result(cases=1)
    with tempfile.TemporaryDirectory(prefix="every-place-") as name:
        path = changed(change, Path(name))
        try:
            if (found := run.capture_opened(path, result)) is not None:
                result.opened += 1
                opened = run.Opened(path, source(change.file), found, result, random.Random(str(change)))
                if change.file != "sweep.json":
                    run.capture_with_itself(opened)
                run.claims(opened)
        except Exception as error:  # noqa: BLE001  whatever it is, it is a finding
            result.found(str(change), str(error) if isinstance(error, run.Finding) else traceback.format_exc(limit=-4))
    return result


def all_of(chosen: Sequence[Change], workers: int, until: float) -> run.Result:
    """What came of all that there was time for."""
    total = run.Result()
    with multiprocessing.Pool(workers) as pool:
        for result in pool.imap_unordered(partial(_in_time, until), chosen, chunksize=4):
            total.add(result)
    return total


def _in_time(until: float, change: Change) -> run.Result:
    return tried(change) if monotonic() < until else run.Result()


def main() -> int:
    """All places by all values; 1 where something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60, help="begin no case after so long")
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first change, in the order that is always the same"
    )
    parser.add_argument("--file", choices=FILES, help="only this file's places")
    asked = parser.parse_args()
    began = monotonic()
    chosen = changes([asked.file] if asked.file else FILES)[asked.first :]
    total = all_of(chosen, asked.workers, began + 60 * asked.minutes)
    minutes = round((monotonic() - began) / 60, 2)
    print(json.dumps({"changes": len(chosen), "minutes": minutes} | vars(total)))
    return bool(total.findings)


if __name__ == "__main__":
    sys.exit(main())
