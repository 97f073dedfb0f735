"""How long a Kineto trace of about 100 MB takes to become a table: launchlens against orjson + pandas.

    python benchmarks/read_kineto.py [TRACE] [--megabytes 100] [--pairs 5]

TRACE (plain or .gz; by default the largest one that ships, under traces/recorded) is multiplied: its events' own text is
repeated with later timestamps and fresh correlation, flow and external ids. Each run is a fresh process, imports
included, and the two readers take turns (A B A B ...), so that a machine that slows down slows both; the ratio is taken
pair by pair. What they return differs: launchlens keeps the complete events of the time account, typed and coded;
the other keeps every event as Python objects in a DataFrame. Needs `orjson` (in the `test` extra).
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_DATA = Path(__file__).parents[1] / "traces" / "recorded"
_SHIFTED = re.compile(rb'("(?:ts|correlation|id|[Ee]xternal id)"\s*:\s*"?)(\d+)')

_READERS = {
    "launchlens": "import sys; from pathlib import Path; from launchlens.traces.readers import kineto;"
    "print(len(kineto.read(Path(sys.argv[1])).events))",
    "orjson + pandas": "import gc, sys, orjson, pandas; gc.disable();"
    "print(len(pandas.DataFrame(orjson.loads(open(sys.argv[1], 'rb').read())['traceEvents'])))",
}


def multiply(seed: bytes, megabytes: float) -> Iterator[bytes]:
    """A trace of about that size, made of the events of `seed`: later each round, and with ids of its own.

    Yielded in pieces: a child's peak memory counts what its parent holds when it is started.
    """
    start = re.search(rb'"traceEvents"\s*:\s*\[', seed)
    if start is None:
        raise SystemExit("the seed has no traceEvents")
    end = seed.rindex(b"]", start.end())
    # the array ends at the bracket that only keys of plain values follow
    while b"{" in seed[end:]:
        end = seed.rindex(b"]", start.end(), end)
    pieces = _SHIFTED.split(seed[start.end() : end].strip())
    text, keys, numbers = pieces[0::3], pieces[1::3], [int(number) for number in pieces[2::3]]
    is_time = [key.startswith(b'"ts"') for key in keys]
    times = [number for number, timed in zip(numbers, is_time, strict=True) if timed]
    span = max(times) - min(times) + 1000
    ids = max((number for number, timed in zip(numbers, is_time, strict=True) if not timed), default=0) + 1
    steps = [span if timed else ids for timed in is_time]
    rounds = max(1, round(megabytes * 1e6 / (end - start.end())))
    yield seed[: start.end()]
    for number in range(rounds):
        made = [b"," if number else b"", text[0]]
        for key, value, step, after in zip(keys, numbers, steps, text[1:], strict=True):
            made.append(b"%s%d%s" % (key, value + number * step, after))
        yield b"".join(made)
    yield seed[end:]


def run(program: str, path: Path) -> tuple[float, float, int]:
    """Wall seconds, peak resident MiB and rows of one reader in a fresh process."""
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-P", "-c", program, str(path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    rows = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"a reader failed with exit code {child.returncode}")
    return time.perf_counter() - began, usage.ru_maxrss / 1024, int(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("trace", type=Path, nargs="?", help="the trace to multiply (default: the largest that ships)")
    parser.add_argument("--megabytes", type=float, default=100, help="how large to make it (default: %(default)s)")
    parser.add_argument("--pairs", type=int, default=5, help="how often each reader runs (default: %(default)s)")
    options = parser.parse_args()
    found = [path for pattern in ("*.json", "*.json.gz") for path in _DATA.rglob(pattern) if _is_trace(path)]
    seed: Path | None = options.trace or max(found, key=lambda path: len(_unpacked(path)), default=None)
    if seed is None:
        parser.error(f"no Kineto trace under {_DATA}: give one")
    results: dict[str, list[tuple[float, float, int]]] = {name: [] for name in _READERS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "multiplied.json"
        with open(path, "wb") as file:
            file.writelines(multiply(_unpacked(seed), options.megabytes))
        print(f"{seed.name} multiplied to {path.stat().st_size / 1e6:.1f} MB; {options.pairs} pairs of fresh processes")
        for _ in range(options.pairs):
            for name, program in _READERS.items():
                results[name].append(run(program, path))
    for name, runs in results.items():
        seconds, peaks = [each[0] for each in runs], [each[1] for each in runs]
        print(
            f"{name:16} {statistics.median(seconds):6.2f} s (min {min(seconds):.2f}, max {max(seconds):.2f}), "
            f"peak {max(peaks):,.0f} MiB, {runs[0][2]:,} rows"
        )
    ours, other = results.values()
    ratios = [theirs[0] / mine[0] for mine, theirs in zip(ours, other, strict=True)]
    print(f"launchlens is {statistics.median(ratios):.2f} times as fast (min {min(ratios):.2f}, max {max(ratios):.2f})")


def _unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def _is_trace(path: Path) -> bool:
    return b'"traceEvents"' in _unpacked(path)


if __name__ == "__main__":
    main()
