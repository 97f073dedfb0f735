"""How long a second command on a big trace takes, against the first: what the cache folder saves.

    python benchmarks/cache.py [TRACE] [--megabytes 1000]

TRACE (plain or .gz; by default the largest one that ships) is multiplied as `read_kineto.py` does. Each command is a fresh process, with
a cache folder of its own that is empty at first: `analyze`, then others on the same file, each with the cache and with `--no-cache`.
The answers of both, printed and written, are compared byte by byte.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from read_kineto import _DATA, _is_trace, _unpacked, multiply

_CLI = Path(__file__).parents[1] / "cli.py"
#: What is run after the first command, by what it shows.
SECOND = {
    "the same again": ["analyze", "TRACE"],
    "other output of the same analysis": ["analyze", "TRACE", "--json"],
    "a comparison": ["compare", "TRACE", "TRACE", "--json"],
    "a check": ["check", "TRACE", "--against", "TRACE", "--json"],
    "the page": ["analyze", "TRACE", "--json", "--html", "PAGE"],
    "another analysis: the table alone is kept": ["analyze", "TRACE", "--by-shape"],
}


@dataclass(frozen=True)
class Ran:
    """Wall seconds, seconds of the processor, peak resident MiB, and what one command printed and wrote."""

    seconds: float
    busy: float
    peak: float
    said: tuple[bytes, bytes]


def run(folder: Path, words: list[str], trace: Path) -> Ran:
    """Run one command."""
    began = time.perf_counter()
    page = folder.parent / "page.html"
    page.unlink(missing_ok=True)
    named = {"TRACE": str(trace), "PAGE": str(page)}
    command = [sys.executable, str(_CLI), *(named.get(word, word) for word in words)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "LAUNCHLENS_CACHE": str(folder)})
    assert child.stdout is not None
    said = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 3):  # 3: `check` of a trace of one step, which can't decide
        raise SystemExit(f"{' '.join(words)} failed with exit code {child.returncode}")
    wrote = page.read_bytes() if page.exists() else b""
    return Ran(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, (said, wrote))


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
        print(_line("the first command", first, first), flush=True)
        for line, words in SECOND.items():
            ran = run(folder, words, path)
            print(_line(line, ran, first), flush=True)
            without = run(folder, [*words, "--no-cache"], path)
            print(_line("   the same with --no-cache", without, first), flush=True)
            if without.said != ran.said:
                raise SystemExit("the answer without the cache is another one")
        kept = [each.stat().st_size for each in folder.rglob("*") if each.is_file()]
        print(f"kept: {len(kept)} entries, {sum(kept) / 1e6:.1f} MB")


def _line(what: str, ran: Ran, first: Ran) -> str:
    share = f"{ran.seconds / first.seconds:.3f} of the first ({ran.busy / first.busy:.3f} of its processor time)"
    return f"{what}: {ran.seconds:.2f} s, {ran.busy:.2f} s of the processor, {ran.peak:,.0f} MiB, {share}"


if __name__ == "__main__":
    main()
