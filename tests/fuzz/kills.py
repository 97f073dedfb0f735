"""Ends every command that writes a file at a random moment, and looks at what it leaves behind.

    python tests/fuzz/kills.py --kills 60 --workers 32 --output kills.json

A file under an output's name must be whole: what the command writes when nobody ends it. After INT and TERM nothing else may
stand beside it either; KILL leaves a program no time to tidy, so a hidden file may stay.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep

ROOT = Path(__file__).parents[2]
if str(ROOT / "tests") not in sys.path:
    sys.path.append(str(ROOT / "tests"))
SHIPPED = ROOT / "traces" / "recorded" / "small-copies-h100"
MEASURING = (
    *("profile", "--device", "cpu", "--workload", "small-copies", "--rounds", "2", "--iterations", "2"),
    *("--output", "OUT/capture"),
)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
#: Exit codes of a command that was ended, by the signal; it may have come to its end before.
ENDED = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}


@dataclass(frozen=True)
class Writing:
    """A command that writes into a folder: its arguments, with OUT for the folder.

    `measures`: what it writes is another each time, and is whole where all its files are there and `report` reads it.
    """

    name: str
    arguments: tuple[str, ...]
    measures: bool = False


@dataclass(frozen=True)
class Whole:
    """What a command writes that nobody ends, and how long it takes, seconds."""

    took: float
    files: dict[str, str]


def writings(made: Path) -> list[Writing]:
    """Every command that writes, on inputs of which some are made in `made`."""
    from fuzz.seeds import KINDS

    trace = SHIPPED / "torch" / "eager.pt.trace.json.gz"
    sqlite = KINDS["nsys"].make(made)[0]
    return [
        Writing("analyze --html", ("analyze", str(trace), "--html", "OUT/page.html")),
        Writing("analyze --output", ("analyze", str(trace), "--format", "csv", "--table", "ranges", "-o", "OUT/t.csv")),
        Writing("report", ("report", str(SHIPPED), "--output", "OUT/report.html")),
        Writing("compare --output", ("compare", str(SHIPPED), str(SHIPPED), "--json", "-o", "OUT/compare.json")),
        Writing("compare of traces --html", ("compare", str(trace), str(trace), "--html", "OUT/compare.html")),
        Writing("scrub of Kineto", ("scrub", str(trace), "-o", "OUT/scrubbed.json.gz")),
        Writing("scrub of Nsight", ("scrub", str(sqlite), "-o", "OUT/scrubbed.sqlite")),
        Writing("export", ("export", str(SHIPPED), "--perfetto", "-o", "OUT/trace.pftrace")),
        Writing("profile, recorded", ("profile", "--output", "OUT/capture")),
        *(() if find_spec("torch") is None else (Writing("profile, measured", MEASURING, measures=True),)),
    ]


def started(writing: Writing, out: Path) -> subprocess.Popen[bytes]:
    arguments = [each.replace("OUT", str(out)) for each in writing.arguments]
    environment = dict(os.environ) | {"CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "cli.py"), *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
    )


def contents(out: Path) -> dict[str, str]:
    """Every file below a folder: its name and what is in it, as a digest."""
    files = sorted(each for each in out.rglob("*") if each.is_file())
    return {each.relative_to(out).as_posix(): hashlib.sha256(each.read_bytes()).hexdigest() for each in files}


def by_itself(writing: Writing) -> Whole:
    """What the command does when nobody ends it."""
    with tempfile.TemporaryDirectory() as name:
        process, began = started(writing, Path(name)), monotonic()
        _, said = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{writing.name} ends with {process.returncode} by itself: {said.decode()[-300:]}")
        return Whole(monotonic() - began, contents(Path(name)))


def ended(writing: Writing, whole: Whole, what: signal.Signals, share: float) -> str | None:
    """End the command once, after a share of its time; what was wrong with what it left."""
    with tempfile.TemporaryDirectory() as name:
        process = started(writing, Path(name))
        sleep(share * whole.took)
        process.send_signal(what)
        _, said = process.communicate(timeout=120)
        left, words = contents(Path(name)), said.decode("utf-8", "replace")
        if writing.measures:
            left, files = dict.fromkeys(left, ""), dict.fromkeys(whole.files, "")
            return wrong(what, process.returncode, words, left, files) or unread(Path(name), left)
        return wrong(what, process.returncode, words, left, whole.files)


def unread(out: Path, left: dict[str, str]) -> str | None:
    """What is wrong with a capture of which files have a capture's names."""
    if "capture/manifest.json" not in left:
        return None
    page = out / "read.html"
    command = [sys.executable, str(ROOT / "cli.py"), "report", str(out / "capture"), "--output", str(page)]
    read = subprocess.run(command, capture_output=True, check=False)
    return None if read.returncode == 0 else f"its capture can't be read: {read.stderr.decode()[-300:]}"


def tries(writing: Writing, kills: int, rng: random.Random, workers: int = 1) -> Iterator[tuple[str, str | None]]:
    """End the command so often; for each how it ended, and what was wrong with what it left."""
    whats = [SIGNALS[number % len(SIGNALS)] for number in range(kills)]
    shares = [rng.uniform(0, 1.1) for _ in whats]
    with ThreadPoolExecutor(workers) as pool:
        # as slow as they will be beside as many others
        whole = max(pool.map(by_itself, [writing] * min(workers, kills)), key=lambda each: each.took)
        faults = pool.map(ended, [writing] * kills, [whole] * kills, whats, shares)
        yield from zip((what.name for what in whats), faults, strict=True)


def wrong(what: signal.Signals, code: int, said: str, left: dict[str, str], whole: dict[str, str]) -> str | None:
    """What is wrong with how a command ended and what it left; None where nothing is."""
    early = (-what, 1) if "cli.py" not in said else ()  # Python itself had not begun with the program
    if code not in (0, ENDED[what], *early):
        return f"{what.name}: ended with {code}: {said[-300:]}"
    if "Traceback" in said and not early:
        return f"{what.name}: a traceback: {said[-300:]}"
    named = {
        name: digest for name, digest in left.items() if not any(part.startswith(".") for part in Path(name).parts)
    }
    broken = [name for name, digest in named.items() if whole.get(name) != digest]
    if broken:
        return f"{what.name}: {broken[0]} is not what the command writes by itself"
    hidden = sorted(set(left) - set(named))
    if hidden and what is not signal.SIGKILL:
        return f"{what.name}: {hidden[0]} is left behind"
    if code == 0 and named != whole:
        return f"{what.name}: it ended well, and {len(whole) - len(named)} of its files are missing"
    return None


def main() -> int:
    """So many kills of every command; 1 where something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=60, help="of each command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1, help="commands at once")
    parser.add_argument("--command", help="only commands whose name holds this")
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    ended_by, findings = Counter[str](), list[str]()
    with tempfile.TemporaryDirectory() as made:
        for writing in writings(Path(made)):
            if asked.command is not None and asked.command not in writing.name:
                continue
            rng = random.Random(f"{asked.seed}:{writing.name}")
            for how, fault in tries(writing, asked.kills, rng, asked.workers):
                ended_by[f"{writing.name}: {how}"] += 1
                if fault:
                    findings.append(f"{writing.name}: {fault}")
                    print(findings[-1], file=sys.stderr)
            print(f"{writing.name}: {asked.kills} kills", file=sys.stderr)
    said = {"kills": ended_by.total(), "by_command": ended_by, "findings": findings}
    print(json.dumps(said))
    if asked.output:
        asked.output.write_text(json.dumps(said, indent=1) + "\n")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
