"""How long a second command on a big trace takes, against the first: what the cache folder saves.

    python benchmarks/cache.py [TRACE] [--megabytes 1000]

TRACE (plain or .gz; by default the largest one that ships) is multiplied as `read_kineto.py` does. Each command is a fresh process, with
a cache folder of its own that is empty at first: `analyze` with `--no-cache`; the first with it; then others on the same file. The answers with and
without are compared byte by byte.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from read_kineto import _DATA, _is_trace, _unpacked, multiply

_CLI = Path(__file__).parents[1] / "cli.py"
#: What is run after the first command, by what it shows.
SECOND = {
    "the same again": ["analyze", "TRACE"],
    "other output of the same analysis": ["analyze", "TRACE", "--json"],
    "another analysis: the table alone is kept": ["analyze", "TRACE", "--by-shape"],
}


def run(folder: Path, words: list[str], trace: Path) -> tuple[float, float, bytes]:
    """Wall seconds, peak resident MiB and output of one command."""
    began = time.perf_counter()
    command = [sys.executable, str(_CLI), *(str(trace) if word == "TRACE" else word for word in words)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "LAUNCHLENS_CACHE": str(folder)})
    assert child.stdout is not None
    said = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(words)} failed with exit code {child.returncode}")
    return time.perf_counter() - began, usage.ru_maxrss / 1024, said


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("trace", type=Path, nargs="?", help="the trace to multiply (default: the largest that ships)")
    parser.add_argument("--megabytes", type=float, default=1000, help="how large to make it (default: %(default)s)")
    options = parser.parse_args()
    found = [path for pattern in ("*.json", "*.json.gz") for path in _DATA.rglob(pattern) if _is_trace(path)]
    seed: Path = options.trace or max(found, key=lambda path: len(_unpacked(path)))
    with tempfile.TemporaryDirectory() as name:
        folder, path = Path(name) / "cache", Path(name) / "multiplied.json"
        with open(path, "wb") as file:
            file.writelines(multiply(_unpacked(seed), options.megabytes))
        print(f"{seed.name} multiplied to {path.stat().st_size / 1e6:.1f} MB", flush=True)
        first = run(folder, ["analyze", "TRACE"], path)
        print(f"the first command: {first[0]:.1f} s, {first[1]:,.0f} MiB", flush=True)
        for line, words in SECOND.items():
            seconds, peak, said = run(folder, words, path)
            print(f"{line}: {seconds:.2f} s, {peak:,.0f} MiB, {seconds / first[0]:.3f} of the first", flush=True)
            if words == ["analyze", "TRACE"] and said != first[2]:
                raise SystemExit("the answer is another one")
        without = run(folder, ["analyze", "TRACE", "--no-cache"], path)
        print(f"with --no-cache: {without[0]:.1f} s, {without[1]:,.0f} MiB")
        if without[2] != first[2]:
            raise SystemExit("the answer without the cache is another one")
        kept = [each.stat().st_size for each in folder.rglob("*") if each.is_file()]
        print(f"kept: {len(kept)} entries, {sum(kept) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
