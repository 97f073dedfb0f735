"""The fuzzer: changed inputs through every command that reads one. What must hold of each case, whatever the input holds:

- the command ends with 0 or 2 (`claims` also 1), never with a traceback or "a fault of launchlens"
- an exit 2 says why in one line, and leaves no output behind
- what is printed holds no character that a terminal would obey; JSON is strict; pages hold no name as markup
- the cells of an account sum to its window, launches are counted alike everywhere; a trace compared with itself differs by nothing
- each case ends within a time and a memory that are bounded

    python tests/fuzz/run.py --cases 200000 --minutes 9 --workers 64 --output found

Every case that opens is analysed, written as JSON, HTML and for a terminal, and compared; a tenth is scrubbed and exported besides.
A case is named KIND:NUMBER, and is the same wherever it runs: `--case KIND:NUMBER` makes it again. What was found is kept in the
folder of `--output` as one archive, the changed input with what it led to; stdout gets one line of JSON with the totals. What the time
was too short for is tried with `--first` and the number that it calls `next`.
"""

import argparse
import faulthandler
import gc
import hashlib
import json
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.connection import Connection, wait
from pathlib import Path
from time import monotonic
from typing import Any
from unittest.mock import patch

HERE = Path(__file__).parent
if str(HERE.parent) not in sys.path:
    sys.path.append(str(HERE.parent))

from fuzz.seeds import KINDS
from read_once import read_once

#: Longest time of one command, seconds, and most memory of a process beyond what it begins with.
LONGEST_S, MOST_BYTES = 30, 3 << 30
#: Longest time of a case: one that not even a signal ends in it is ended with its process.
LONGEST_CASE_S = 120
#: A process that holds more than this after its cases is ended, and another goes on.
MOST_HELD = 1 << 30
#: How long after the time is up a process may go on with the cases it has.
GRACE_S = 20
#: Most findings of which the input is kept.
MOST_KEPT = 200
#: Characters of a finding that are told, and findings after which no case is begun: what is broken is known by then.
MOST_SAID, MOST_FINDINGS = 2000, 500
#: Every so many cases each command reads and measures anew, though another has before it.
ANEW = 10
#: Most bytes of a file that a case writes.
MOST_WRITTEN = 1 << 30
#: Characters that a terminal obeys or that turn text around; what people are shown holds line ends besides.
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
#: A name that became markup.
MARKUP = "<script>alert"
#: Cases that a process is given at once.
AT_ONCE = 20


@dataclass
class Result:
    """What came of some cases. `cut_off`: of which nothing is known, since the time was up; `most_held_mb` is of the largest process."""

    cases: int = 0
    opened: int = 0
    refused: int = 0
    commands: int = 0
    cut_off: int = 0
    most_held_mb: int = 0
    tried: Counter[str] = field(default_factory=Counter)
    per_kind: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    alike: Counter[str] = field(default_factory=Counter)

    def found(self, case: str, said: str) -> bool:
        """Count a finding, and say whether it is the first of those that say the same."""
        said = said[:MOST_SAID]
        self.alike[said] += 1
        if self.alike[said] == 1:
            self.findings.append(f"{case}: {said}")
        return self.alike[said] == 1

    def add(self, other: "Result") -> None:
        self.cases, self.opened = self.cases + other.cases, self.opened + other.opened
        self.commands, self.refused = self.commands + other.commands, self.refused + other.refused
        self.most_held_mb = max(self.most_held_mb, other.most_held_mb)
        self.tried += other.tried
        self.per_kind += other.per_kind
        known = {*self.alike}
        self.findings += [each for each in other.findings if each.partition(": ")[2] not in known]
        self.alike += other.alike


class Finding(AssertionError):
    """Something that must never be."""


@cache
def seeds(kind: str) -> tuple[Path, ...]:
    """The inputs of a kind, made once a process."""
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{kind}-"))
    return tuple(KINDS[kind].make(folder))


@cache
def runner() -> Any:
    """What runs the program. It would make the whole of it anew for each command: here it is made once."""
    from typer import testing
    from typer.main import get_command

    from launchlens.cli import app

    program = get_command(app)
    vars(testing)["_get_command"] = lambda given: program
    return testing.CliRunner()


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise Finding where something takes more of the processor's time; a process that only waits is ended by its parent."""

    def late(number: int, frame: object) -> None:
        raise Finding(f"takes longer than {seconds} s")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, seconds, 1)  # again and again: Python drops what is raised in a destructor
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def run(result: Result, *arguments: str | Path, codes: Sequence[int] = (0, 2)) -> tuple[int, str]:
    """Run a command; its exit code and what it printed. Raises Finding where it does what none may."""
    from launchlens.cli import app

    result.commands += 1
    with limited(LONGEST_S):
        ran = runner().invoke(app, [str(each) for each in arguments])
    told = f"{ran.exit_code}: {ran.stderr[:400]!r}"
    if ran.exit_code not in codes:
        raise Finding(f"{arguments[0]} ended with {told}")
    if ran.exit_code == 2 and len(ran.stderr.strip().splitlines()) != 1:
        raise Finding(f"{arguments[0]} says why in more or less than a line: {told}")
    if "Warning: " in ran.stderr:
        raise Finding(f"{arguments[0]} warns of its own code: {told}")
    if (found := OBEYED.search(ran.stdout + ran.stderr)) is not None:
        raise Finding(f"{arguments[0]} prints {found.group()!r}")
    return ran.exit_code, ran.stdout


def refuse(name: str) -> None:
    raise Finding(f"JSON holds {name}")


def document(text: str) -> Any:
    """What a command printed, read strictly."""
    try:
        return json.loads(text, parse_constant=refuse)
    except ValueError as error:
        raise Finding(f"prints no JSON: {error}") from None


@contextmanager
def kept_results() -> Iterator[list[Any]]:
    """What the commands inside found, beside what they wrote of it: another form of it is drawn without another analysis."""
    from launchlens.reports.output import Wanted

    write, results = Wanted.write, list[Any]()

    def keeping(asked: Any, found: Any) -> None:
        results.append(found)
        write(asked, found)

    with patch.object(Wanted, "write", keeping):
        yield results


@dataclass(frozen=True)
class Opened:
    """A changed input that is read: its path, its kind's unchanged one, and the document that its first command printed."""

    path: Path
    seed: Path
    found: Any
    result: Result
    rng: random.Random

    def run(self, *arguments: str | Path, codes: Sequence[int] = (0, 2)) -> tuple[int, str]:
        return run(self.result, *arguments, codes=codes)

    def beside(self, name: str) -> Path:
        """An output of that name."""
        return self.path.parent / name

    def writes(self, output: str, *arguments: str | Path, codes: Sequence[int] = (0, 2)) -> None:
        """Run a command that writes a file, of which nothing may be left where it refuses."""
        path = self.beside(output)
        code, _ = self.run(*arguments, "-o", path, codes=codes)
        if code == 2 and path.exists():
            raise Finding(f"what {arguments[0]} refused to write is left behind")


def range_with_itself(opened: Opened) -> None:
    names = [row["name"] for row in opened.found["ranges"] if "::" not in row["name"]]
    if not names:
        return
    side = f"{opened.path}::{opened.rng.choice(names)}"
    code, said = opened.run("compare", side, side, "--json")
    if code == 0 and (document(said).get("as_recorded") or {"difference_ns": 0})["difference_ns"] != 0:
        raise Finding("a range differs from itself")


def with_the_unchanged_one(opened: Opened) -> None:
    code, said = opened.run("compare", opened.seed, opened.path, "--html", opened.beside("compare.html"), "--json")
    if code == 0:
        for name, rows in document(said).get("tables", {}).items():
            if not isinstance(rows, list | dict):
                raise Finding(f"table {name} is none")
        if MARKUP in opened.beside("compare.html").read_text():
            raise Finding("a name is markup in the comparison")


def as_ranks(opened: Opened) -> None:
    code, said = opened.run("analyze", opened.seed, opened.path, "--json")
    if code == 0:
        document(said)


def scrubbed(opened: Opened) -> None:
    opened.writes(f"copy{opened.path.suffix}", "scrub", opened.path)


def exported(opened: Opened) -> None:
    opened.writes("trace.pftrace", "export", opened.path, "--perfetto")


def shown_in_full(opened: Opened) -> None:
    opened.run("analyze", opened.path, "--full", codes=(0,))


def capture_with_itself(opened: Opened) -> None:
    code, said = opened.run("compare", opened.path, opened.path, "--json")
    if code == 0 and any(row["difference_ns"] != 0 for row in document(said)["comparisons"]):
        raise Finding("a capture differs from itself")


def claims(opened: Opened) -> None:
    opened.run("claims", opened.path, "--json", codes=(0, 1, 2))


#: What is tried with each trace and each capture that opens, beside the command that opened it, and with which share of them.
TRACES: dict[Callable[[Opened], None], float] = {
    range_with_itself: 1,
    scrubbed: 0.1,
    exported: 0.1,
    shown_in_full: 0.05,
    with_the_unchanged_one: 0.05,
    as_ranks: 0.05,
}
CAPTURES: dict[Callable[[Opened], None], float] = {capture_with_itself: 1, claims: 0.1}


def on_a_terminal(result: Any, shown: Path) -> None:
    """Draw a result as people are shown it."""
    from launchlens.reports.output import Wanted

    Wanted("table", file=shown).write(result)
    if (obeyed := OBEYED.search(shown.read_text())) is not None:
        raise Finding(f"a terminal would get {obeyed.group()!r}")


def trace_opened(path: Path, result: Result) -> Any:
    """Analyse a changed trace and write all that is found, in every form; the document, or None where it is refused."""
    page = path.parent / "page.html"
    with kept_results() as results:
        code, said = run(result, "analyze", path, "--json", "--html", page)
    if code:
        if page.exists():
            raise Finding("a page of what was refused is left behind")
        return None
    on_a_terminal(results[-1], path.parent / "shown.txt")
    found = document(said)
    for account in [found["account"], *found.get("accounts", ())]:
        if account and sum(cell["ns"] for cell in account["cells"]) != account["window_ns"]:
            raise Finding("the cells of an account don't sum to its window")
    submitted = sum(of["calls"] for of in found["totals"]["launches"].values())
    if submitted != sum(row["count"] for row in found["launch_cost"]):
        raise Finding("launch_cost counts other launches than totals")
    if MARKUP in page.read_text():
        raise Finding("a name is markup in the page")
    return found


def capture_opened(path: Path, result: Result) -> Any:
    """Report a changed capture, as a page, as JSON and for a terminal; the document, or None where it is refused."""
    page = path.parent / "page.html"
    with kept_results() as results:
        code, said = run(result, "report", path, "--output", page, "--json")
    if code:
        if page.exists():
            raise Finding("a report that was refused is left behind")
        return None
    on_a_terminal(results[-1], path.parent / "shown.txt")
    if MARKUP in page.read_text():
        raise Finding("a name is markup in the page")
    return document(said)


def tried(kind: str, path: Path, seed: Path, rng: random.Random, result: Result) -> None:
    """A changed input through everything that takes one."""
    opens, further = (capture_opened, CAPTURES) if KINDS[kind].is_capture else (trace_opened, TRACES)
    found = opens(path, result)
    if found is None:
        result.refused += 1
        return
    result.opened += 1
    opened = Opened(path, seed, found, result, rng)
    for step, share in further.items():
        if rng.random() < share:
            result.tried[step.__name__] += 1
            step(opened)


def case(kind: str, number: int, result: Result, keep: Path | None = None) -> None:
    """Make a case and try it; what it shows is added to `result`, and what is found is kept in a folder."""
    from fuzz.mutate import mutate

    rng = random.Random(f"{kind}:{number}")
    source = rng.choice(seeds(kind))
    result.cases += 1
    result.per_kind[kind] += 1
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        path = Path(name) / source.name
        shutil.copytree(source, path) if source.is_dir() else shutil.copyfile(source, path)
        try:
            mutate(path, rng)
            with read_once() if number % ANEW else nullcontext():
                tried(kind, path, source, rng, result)
        except Exception as error:  # noqa: BLE001  whatever it is, it is a finding
            said = str(error) if isinstance(error, Finding) else traceback.format_exc(limit=-4)
            if result.found(f"{kind}:{number}", said) and keep is not None:
                _kept(keep / f"{kind}-{number}", path, traceback.format_exc())


def _kept(folder: Path, path: Path, why: str) -> None:
    """Keep a changed input beside what it led to."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "why.txt").write_text(why)
    with suppress(OSError):
        to = folder / path.name
        shutil.copytree(path, to, dirs_exist_ok=True) if path.is_dir() else shutil.copyfile(path, to)


def cases(first: int, count: int) -> list[tuple[str, int]]:
    """So many cases, each kind as often as its weight says, in an order in which any part holds all kinds."""
    names, weights = [*KINDS], [kind.weight for kind in KINDS.values()]
    return [
        (random.Random(f"kind:{number}").choices(names, weights)[0], number) for number in range(first, first + count)
    ]


def worker(given: Connection, keep: Path | None, parent: int) -> None:
    """Try what is asked for, until nothing is. Before each case it tells which, after some what came of them."""
    import pyarrow as pa

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: whoever started it ends it
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    if Path("/dev/shm").is_dir() and shutil.disk_usage("/dev/shm").free > 8 << 30:
        tempfile.tempdir = "/dev/shm"  # each case is files for a moment
    own = Path(tempfile.mkdtemp(prefix="fuzz-worker-"))
    tempfile.tempdir = str(own)
    resource.setrlimit(resource.RLIMIT_AS, (held_bytes(0) + MOST_BYTES, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_WRITTEN, resource.RLIM_INFINITY))
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        while (part := asked_of(given, parent)) is not None:
            result = Result()
            for kind, number in part:
                given.send((kind, number))
                case(kind, number, result, keep)
            gc.collect()
            result.most_held_mb = held_bytes() >> 20
            given.send(result)
    finally:
        shutil.rmtree(own, ignore_errors=True)


def held_bytes(which: int = 1) -> int:
    """What this process holds of memory (1), or of addresses (0)."""
    return int(Path("/proc/self/statm").read_text().split()[which]) * os.sysconf("SC_PAGE_SIZE")


def asked_of(given: Connection, parent: int) -> Any:
    """What a worker is asked for next; None where nobody is left who asks."""
    while not given.poll(2):
        if os.getppid() != parent:
            return None
    return given.recv()


@dataclass
class Hand:
    """A worker as its parent sees it."""

    process: Any
    told: Connection
    part: list[tuple[str, int]] = field(default_factory=list)
    at: tuple[str, int] | None = None
    since: float = 0.0

    @classmethod
    def started(cls, keep: Path | None) -> "Hand":
        here, there = multiprocessing.Pipe()
        process = multiprocessing.Process(target=worker, args=(there, keep, os.getpid()), daemon=True)
        process.start()
        there.close()
        return cls(process, here, since=monotonic())


def all_of(todo: list[tuple[str, int]], workers: int, until: float, keep: Path | None) -> Result:
    """Try the cases in several processes, as many as there is time for. A process that dies or hangs is a finding."""
    total, shown = Result(), monotonic()
    todo = todo[::-1]
    hands = [Hand.started(keep) for _ in range(min(workers, max(1, len(todo) // AT_ONCE)))]
    while True:
        for hand in hands:
            if not hand.part and todo and monotonic() < until and total.alike.total() < MOST_FINDINGS:
                hand.part, todo = todo[-AT_ONCE:][::-1], todo[:-AT_ONCE]
                hand.told.send(hand.part)
                hand.since = monotonic()
        busy = [hand for hand in hands if hand.part]
        if not busy:
            break
        ready = wait([hand.told for hand in busy], timeout=1)
        for hand in busy:
            dead = None
            if hand.told in ready:
                try:
                    said = hand.told.recv()
                except (EOFError, OSError):
                    hand.process.join()
                    dead = f"its process died with {hand.process.exitcode}"
                else:
                    hand.since = monotonic()
                    if isinstance(said, Result):
                        total.add(said)
                        hand.part = []
                        for finding in said.findings:
                            print(finding, file=sys.stderr)
                        if said.most_held_mb > MOST_HELD >> 20:
                            hand.told.send(None)
                            hands[hands.index(hand)] = Hand.started(keep)
                    else:
                        hand.at = said
            elif monotonic() - hand.since > LONGEST_CASE_S:
                hand.process.kill()
                dead = f"it takes longer than {LONGEST_CASE_S} s, and no signal ends it"
            elif monotonic() > until + GRACE_S:
                hand.process.kill()
                total.cut_off += len(hand.part)
                hands[hands.index(hand)] = Hand.started(keep)
            if dead:
                kind, number = hand.at or ("no case", 0)
                total.found(f"{kind}:{number}", dead)
                total.cut_off += len(hand.part) - 1
                print(f"{kind}:{number}: {dead}", file=sys.stderr)
                hands[hands.index(hand)] = Hand.started(keep)
        if monotonic() - shown > 20:
            shown = monotonic()
            print(f"{total.cases} cases, {total.opened} opened, {total.alike.total()} findings", file=sys.stderr)
    for hand in hands:
        hand.told.send(None)
    for hand in hands:
        hand.process.join(10)
    return total


def code() -> str:
    """Which program it is: a digest of all its source, and the commit where that is known."""
    root, digest = HERE.parents[1], hashlib.sha256()
    tops = ("cli.py", "commands", "kernels", "profiling", "reports", "traces", "tests/fuzz")
    for path in sorted(
        found for top in tops for found in ((root / top).rglob("*.py") if (root / top).is_dir() else (root / top,))
    ):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    commit = ""
    if shutil.which("git"):
        command = ["git", "rev-parse", "--short", "HEAD"]
        commit = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False).stdout.strip()
    return f"{digest.hexdigest()[:12]} {commit}".strip()


def packed(folder: Path) -> None:
    """Put what was found into one file, in place of its folders."""
    found = sorted(each for each in folder.iterdir() if each.is_dir())
    if not found:
        return
    with tarfile.open(folder / "findings.tar.gz", "w:gz") as archive:
        for each in found[:MOST_KEPT]:
            archive.add(each, each.name)
    for each in found:
        shutil.rmtree(each)


def main() -> int:
    """Run so many cases, or one; 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=600)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--minutes", type=float, default=60, help="begin no case after so long")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--case", help="KIND:NUMBER, one case alone")
    parser.add_argument("--output", type=Path, help="a folder for totals.json, and a folder for each finding")
    asked = parser.parse_args()
    os.environ.setdefault("LAUNCHLENS_WITHOUT_LIGHT", "1")
    faulthandler.enable()
    if asked.case:
        total = Result()
        kind, _, number = asked.case.partition(":")
        case(kind, int(number), total, asked.output)
        print("\n".join(total.findings) or "nothing found")
        return bool(total.findings)
    began = monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as tempfile.tempdir:
        for kind in KINDS:
            seeds(kind)  # here, and what commands import: so that each process needn't
        with read_once():  # which raises now where what it shares is no longer there
            runner()
        total = all_of(cases(asked.first, asked.cases), asked.workers, began + 60 * asked.minutes, asked.output)
    tempfile.tempdir = None
    took = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = vars(total) | {
        "first": asked.first,
        "minutes": round((monotonic() - began) / 60, 2),
        "cpu_s": round(took.ru_utime + took.ru_stime),
        "next": asked.first + total.cases + total.cut_off,
        "seeds": {kind: len(seeds(kind)) for kind in KINDS},
        "workers": asked.workers,
        "code": code(),
        "python": sys.version.split()[0],
    }
    line = json.dumps(said)
    print(line)
    if asked.output:
        asked.output.mkdir(parents=True, exist_ok=True)
        (asked.output / "totals.json").write_text(line + "\n")
        packed(asked.output)
    return bool(total.findings)


if __name__ == "__main__":
    sys.exit(main())
