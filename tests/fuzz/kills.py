"""Ends every command that writes a file at a random moment, and looks at what it leaves behind.

    python tests/fuzz/kills.py --kills 60 --workers 32 --output kills.json

A file under an output's name must be whole: what the command writes when nobody ends it. After INT and TERM nothing else may
stand beside it either, nor in the folder of temporary files; KILL leaves a program no time to tidy, so a hidden file may stay.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from math import inf
from pathlib import Path
from time import monotonic, sleep

ROOT = Path(__file__).parents[2]
if str(ROOT / "tests") not in sys.path:
    sys.path.append(str(ROOT / "tests"))
SHIPPED = ROOT / "traces" / "recorded" / "small-copies-h100"
SWEPT = ROOT / "traces" / "recorded" / "sweep-nsa-metadata-h100"
RANKS = ROOT / "tests" / "data" / "golden" / "ranks" / "slow2"
ON_CPU = ("profile", "--device", "cpu", "--workload", "small-copies", "--variant", "copy_", "--variant", "foreach")
#: How long a command may go on after it was ended, seconds.
LONGEST_END_S = 120
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
#: Exit codes of a command that was ended, by the signal; it may have come to its end before.
ENDED = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}


@dataclass(frozen=True)
class Writing:
    """A command that writes into a folder: its arguments, with OUT for the folder.

    `measures`: what it writes is another each time, in this folder, and is whole where all its files are there and `report` reads it.
    `goes_on`: the arguments of the command that wrote what stands there when it begins, which it reads and adds to.
    """

    name: str
    arguments: tuple[str, ...]
    measures: str | None = None
    goes_on: tuple[str, ...] | None = None

    @property
    def ends_with(self) -> tuple[int, ...]:
        """Its exit codes where nobody ends it: a check of one trace can't decide, and nobody fetches what is opened."""
        return {"check": (0, 3), "open": (1,), "probe": (0, 1)}.get(self.arguments[0], (0,))


@dataclass(frozen=True)
class Whole:
    """What a command writes that nobody ends, and how long it takes, seconds."""

    took: float
    files: dict[str, str]
    fault: str | None = None


def seed(kind: str, made: Path) -> Path:
    """An input of a kind, in a folder of its own in `made`."""
    from fuzz.seeds import KINDS

    (made / kind).mkdir(exist_ok=True)
    return KINDS[kind].make(made / kind)[0]


def writings(made: Path) -> list[Writing]:
    """Every command that writes, on inputs of which some are made in `made`."""
    trace, shipped, ranks, swept = (
        str(each) for each in (SHIPPED / "torch" / "eager.pt.trace.json.gz", SHIPPED, RANKS, SWEPT)
    )
    sqlite, tables, cupti, light = (str(seed(kind, made)) for kind in ("nsys", "nsys_tables", "cupti", "light"))
    limited = ("--against", trace, "--allow-single")
    commands = {
        "analyze --html": ("analyze", trace, "--html", "OUT/page.html"),
        "analyze -o": ("analyze", trace, "--format", "csv", "--table", "ranges", "-o", "OUT/t.csv"),
        "analyze --tables": ("analyze", sqlite, "--tables", "OUT/tables"),
        "analyze of ranks --html --tables": ("analyze", ranks, "--html", "OUT/page.html", "--tables", "OUT/tables"),
        "analyze of ranks -o": ("analyze", ranks, "--json", "-o", "OUT/ranks.json"),
        "report": ("report", shipped, "--output", "OUT/report.html"),
        "report of a sweep --tables": ("report", swept, "--output", "OUT/report.html", "--tables", "OUT/tables"),
        "predict": ("predict", "--set", "count=12", "--set", "bytes=4096", "--tables", "OUT/tables", "-o", "OUT/p.txt"),
        "claims": ("claims", shipped, "--markdown", "-o", "OUT/claims.md", "--tables", "OUT/tables"),
        "compare -o": ("compare", shipped, shipped, "--json", "-o", "OUT/compare.json"),
        "compare of traces --html": ("compare", trace, trace, "--html", "OUT/compare.html"),
        "compare of traces --tables": ("compare", sqlite, sqlite, "--tables", "OUT/tables"),
        "check": ("check", trace, *limited, "--junit", "OUT/junit.xml", "--markdown", "-o", "OUT/said.md"),
        "check --tables": ("check", sqlite, *limited, "--tables", "OUT/tables"),
        "open": ("open", trace, "--no-browser", "--port", "0", "--wait", "0.1"),
        "export of a capture": ("export", shipped, "--perfetto", "-o", "OUT/trace.pftrace"),
        "export of a trace": ("export", sqlite, "--perfetto", "-o", "OUT/trace.pftrace"),
        "export of ranks": ("export", ranks, "--perfetto", "-o", "OUT/trace.pftrace"),
        "scrub of Kineto": ("scrub", trace, "-o", "OUT/scrubbed.json.gz"),
        "scrub of Nsight": ("scrub", sqlite, "-o", "OUT/scrubbed.sqlite"),
        "scrub of Nsight's tables": ("scrub", tables, "-o", "OUT/scrubbed_parquetdir"),
        "scrub of CUPTI": ("scrub", cupti, "-o", "OUT/scrubbed.parquet"),
        "scrub of the light recorder": ("scrub", light, "-o", "OUT/scrubbed.parquet"),
        "variants": ("variants", "--json", "-o", "OUT/variants.json"),
        "probe --list": ("probe", "--list", "--json", "-o", "OUT/probes.json"),
        "doctor": ("doctor", "--format", "csv", "--table", "thresholds", "-o", "OUT/doctor.csv"),
        "profile, recorded": ("profile", "--output", "OUT/capture"),
    }
    if find_spec("perfetto") is None:
        commands = {name: arguments for name, arguments in commands.items() if arguments[0] != "export"}
    writing = [Writing(name, arguments) for name, arguments in commands.items()]
    if find_spec("torch") is not None:
        few = ("--rounds", "2", "--iterations", "2")
        sweep = ("--sweep", "count=1..4:log2", "--sweep", "bytes=256..1024:log2", "--minutes", "0.1")
        writing.append(Writing("profile, measured", (*ON_CPU, *few, "--output", "OUT/capture"), measures="capture"))
        writing.append(Writing("profile --sweep", (*ON_CPU, *few, *sweep, "--output", "OUT/sweep"), measures="sweep"))
        begun = (*ON_CPU, *few, *sweep[:-1], "0", "--output", "OUT/sweep")
        resume = ("profile", "--resume", "OUT/sweep", *sweep[-2:])
        writing.append(Writing("profile --resume", resume, measures="sweep", goes_on=begun))
        if has_gpu():
            there = tuple(each.replace("cpu", "cuda") for each in ON_CPU)
            probe = ("probe", "stream-synchronize", "--into", "OUT/capture")  # the shortest
            measured = (*there, "--rounds", "2", "--output", "OUT/capture")
            writing.append(Writing("probe --into", probe, measures="capture", goes_on=measured))
    return writing


def has_gpu() -> bool:
    """Whether there is a GPU, asked of another process: this one starts threads and processes."""
    asked = "import sys, torch; sys.exit(not torch.cuda.is_available())"
    return (
        shutil.which("nvidia-smi") is not None
        and subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
    )


@cache
def begun(arguments: tuple[str, ...]) -> tempfile.TemporaryDirectory[str]:
    """A folder with what a command wrote that others go on with, made once."""
    made = tempfile.TemporaryDirectory()
    with folders() as (_, temporary):
        started(Writing("begun", arguments), Path(made.name), temporary).communicate()
    return made


def started(writing: Writing, out: Path, temporary: Path) -> subprocess.Popen[bytes]:
    arguments = [each.replace("OUT", str(out)) for each in writing.arguments]
    of_a_gpu = "probe" in arguments[:1] or "cuda" in arguments
    if writing.goes_on is not None:
        shutil.copytree(begun(writing.goes_on).name, out, dirs_exist_ok=True)
    own = {"TMPDIR": str(temporary), "XDG_CACHE_HOME": str(temporary / "cache")}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "cli.py"), *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=dict(os.environ) | own | ({} if of_a_gpu else {"CUDA_VISIBLE_DEVICES": ""}),
    )


def contents(out: Path) -> dict[str, str]:
    """Every file below a folder: its name and what is in it, as a digest."""
    files = sorted(each for each in out.rglob("*") if each.is_file())
    return {each.relative_to(out).as_posix(): hashlib.sha256(each.read_bytes()).hexdigest() for each in files}


@contextmanager
def folders() -> Iterator[tuple[Path, Path]]:
    """A folder for what a command writes, and one for its temporary files."""
    with tempfile.TemporaryDirectory() as out, tempfile.TemporaryDirectory() as temporary:
        yield Path(out), Path(temporary)


def by_itself(writing: Writing) -> Whole:
    """What the command does when nobody ends it."""
    with folders() as (out, temporary):
        process, began = started(writing, out, temporary), monotonic()
        _, said = process.communicate()
        fault = None
        if process.returncode not in writing.ends_with:
            fault = f"it ends with {process.returncode} by itself: {said.decode()[-300:]}"
        return Whole(monotonic() - began, contents(out), fault)


def ended(writing: Writing, whole: Whole, what: signal.Signals, share: float) -> str | None:
    """End the command once, after a share of its time; what was wrong with what it left."""
    with folders() as (out, temporary):
        process = started(writing, out, temporary)
        sleep(share * whole.took)
        process.send_signal(what)
        try:
            _, said = process.communicate(timeout=LONGEST_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return f"{what.name}: it went on for {LONGEST_END_S} s"
        left, words = contents(out), said.decode("utf-8", "replace")
        if what is not signal.SIGKILL and (kept := sorted(contents(temporary))):
            return f"{what.name}: {kept[0]} is left behind among temporary files"
        if writing.measures is None:
            return wrong(what, process.returncode, words, left, whole.files, writing.ends_with)
        left, files = dict.fromkeys(left, ""), dict.fromkeys(whole.files, "")
        fault = wrong(what, process.returncode, words, left, files, writing.ends_with) or unread(out / writing.measures)
        empty = (out / writing.measures).is_dir() and not left
        return "an empty folder is left behind" if empty and not fault and what is not signal.SIGKILL else fault


def unread(measured: Path) -> str | None:
    """What is wrong with a capture or sweep of which something stands under its name; one that says it is of nothing is well."""
    if not measured.exists() or all(each.name.startswith(".") for each in measured.iterdir()):
        return None
    with folders() as (out, temporary):
        reading = Writing("report", ("report", str(measured), "--output", "OUT/read.html"))
        process = started(reading, out, temporary)
        _, said = process.communicate()
        if process.returncode == 2 and "interrupted before anything had been timed" in said.decode():
            return None
        return None if process.returncode == 0 else f"what it measured can't be read: {said.decode()[-300:]}"


@dataclass(frozen=True)
class Ended:
    """A command that was ended: its name, by which signal, and what was wrong with what it left."""

    name: str
    by: str
    fault: str | None


def tries(
    writing: Sequence[Writing], kills: int, seed: int = 0, workers: int = 1, until: float = inf
) -> Iterator[Ended]:
    """End each command so often, at random moments, several commands at once and all of them in turn; none is begun after `until`."""

    def once(each: Writing, whole: Whole, what: signal.Signals, share: float) -> Ended | None:
        if monotonic() > until or whole.fault:
            return None
        return Ended(each.name, what.name, ended(each, whole, what, share))

    with ThreadPoolExecutor(workers) as pool:
        # as slow as they will be beside as many others
        wholes = list(pool.map(by_itself, writing))
        yield from (
            Ended(each.name, "none", whole.fault) for each, whole in zip(writing, wholes, strict=True) if whole.fault
        )
        shares = [random.Random(f"{seed}:{each.name}") for each in writing]
        begun = [
            pool.submit(once, each, whole, SIGNALS[number % len(SIGNALS)], share.uniform(0, 1.1))
            for number in range(kills)
            for each, whole, share in zip(writing, wholes, shares, strict=True)
        ]
        for each in begun:
            if (found := each.result()) is not None:
                yield found


def wrong(
    what: signal.Signals,
    code: int,
    said: str,
    left: dict[str, str],
    whole: dict[str, str],
    by_itself: tuple[int, ...] = (0,),
) -> str | None:
    """What is wrong with how a command ended and what it left; None where nothing is."""
    early = (-what, 1) if "cli.py" not in said else ()  # Python itself had not begun with the program
    if code not in (*by_itself, ENDED[what], *early):
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
    if code in by_itself and code not in early and named != whole:
        return f"{what.name}: it ended well, and {len(whole) - len(named)} of its files are missing"
    return None


def main() -> int:
    """So many kills of every command; 1 where something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=60, help="of each command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1, help="commands at once")
    parser.add_argument("--command", help="only commands whose name holds this")
    parser.add_argument("--minutes", type=float, default=60, help="begin no command after so long")
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    ended_by, findings = Counter[str](), list[str]()
    began = monotonic()
    with tempfile.TemporaryDirectory() as made:
        chosen = [each for each in writings(Path(made)) if asked.command is None or asked.command in each.name]
        with suppress(KeyboardInterrupt):  # what was tried until then is said all the same
            for each in tries(chosen, asked.kills, asked.seed, asked.workers, began + 60 * asked.minutes):
                ended_by[each.name] += 1
                if each.fault:
                    findings.append(f"{each.name}: {each.fault}")
                    print(findings[-1], file=sys.stderr)
    minutes = round((monotonic() - began) / 60, 2)
    said = {"kills": ended_by.total(), "minutes": minutes, "by_command": ended_by, "findings": findings}
    print(json.dumps(said))
    if asked.output:
        asked.output.write_text(json.dumps(said, indent=1) + "\n")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
