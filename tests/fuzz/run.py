"""The fuzzer: changed inputs through every command that reads one. What must hold of each case, whatever the input holds:

- the command ends with 0 or 2 (`claims` and `check` also 1 or 3), never with a traceback or "a fault of launchlens"
- an exit 2 says why in one line, and leaves no output behind
- what is printed holds no character that a terminal would obey; JSON is strict; pages hold no name as markup
- the cells of an account sum to its window; a trace compared with itself differs by nothing
- each case ends within a time and a memory that are bounded

    python tests/fuzz/run.py --cases 200000 --minutes 60 --jobs 2 --output fuzz.json

A case is named KIND:NUMBER and made again by `--case KIND:NUMBER`.
"""

import argparse
import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

HERE = Path(__file__).parent
if str(HERE.parent) not in sys.path:
    sys.path.append(str(HERE.parent))

#: Longest time of one command, seconds, and most memory of a process beyond what it begins with.
LONGEST_S, MOST_BYTES = 30, 3 << 30
#: Characters that a terminal obeys or that turn text around; what people are shown holds line ends besides.
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
EVERY_TENTH = 10
#: A capture is worked out many times as long as a trace: one for so many of each other kind.
CAPTURES_APART = 10


@dataclass
class Result:
    """What came of some cases."""

    cases: int = 0
    opened: int = 0
    commands: int = 0
    findings: list[str] = field(default_factory=list)


class Finding(AssertionError):
    """Something that must never be."""


@cache
def seeds(kind: str) -> tuple[Path, ...]:
    """The inputs of a kind, made once a process."""
    from fuzz.seeds import SEEDS

    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{kind}-"))
    return tuple(SEEDS[kind](folder))


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
def limited(seconds: int) -> Iterator[None]:
    """Raise Finding where something takes longer."""

    def late(number: int, frame: object) -> None:
        raise Finding(f"takes longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


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


def trace_case(path: Path, number: int, result: Result) -> None:
    """A changed trace through everything that takes one."""
    page = path.parent / "page.html"
    code, said = run(result, "analyze", path, "--json", "--html", page)
    if code:
        if page.exists():
            raise Finding("a page of what was refused is left behind")
        return
    result.opened += 1
    found = document(said)
    for account in [found["account"], *found.get("accounts", ())]:
        if account and sum(cell["ns"] for cell in account["cells"]) != account["window_ns"]:
            raise Finding("the cells of an account don't sum to its window")
    if number % 3 == 0:
        run(result, "analyze", path, codes=(0,))
    if "<script>alert" in page.read_text():
        raise Finding("a name is markup in the page")
    names = [row["name"] for row in found["ranges"] if "::" not in row["name"]]
    if names:
        side = f"{path}::{names[number % len(names)]}"
        code, said = run(result, "compare", side, side, "--json")
        if code == 0:
            compared = document(said)
            if (compared.get("as_recorded") or {"difference_ns": 0})["difference_ns"] != 0:
                raise Finding("a range differs from itself")
    if number % EVERY_TENTH == 0:
        copy = path.parent / f"copy{path.suffix}"
        code, _ = run(result, "scrub", path, "-o", copy)
        if code and copy.exists():
            raise Finding("a copy that was refused is left behind")
        export = path.parent / "trace.pftrace"
        code, _ = run(result, "export", path, "--perfetto", "-o", export)
        if code and export.exists():
            raise Finding("an export that was refused is left behind")


def capture_case(path: Path, number: int, result: Result) -> None:
    """A changed capture through everything that takes one."""
    page = path.parent / "page.html"
    code, said = run(result, "report", path, "--output", page, "--json")
    if code:
        if page.exists():
            raise Finding("a report that was refused is left behind")
        return
    result.opened += 1
    document(said)
    if "<script>alert" in page.read_text():
        raise Finding("a name is markup in the page")
    code, said = run(result, "compare", path, path, "--json")
    if code == 0 and any(row["difference_ns"] != 0 for row in document(said)["comparisons"]):
        raise Finding("a capture differs from itself")
    if number % (CAPTURES_APART * EVERY_TENTH) == 0:
        run(result, "claims", path, "--json", codes=(0, 1, 2))


def case(kind: str, number: int, result: Result) -> None:
    """Make a case and try it; what it shows is added to `result`."""
    from fuzz.mutate import mutate

    rng = random.Random(f"{kind}:{number}")
    made = seeds(kind)
    source = made[number % len(made)]
    result.cases += 1
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        path = Path(name) / source.name
        shutil.copytree(source, path) if source.is_dir() else shutil.copyfile(source, path)
        try:
            mutate(path, rng)
            (capture_case if kind == "capture" else trace_case)(path, number, result)
        except Finding as finding:
            result.findings.append(f"{kind}:{number}: {finding}")
        except Exception:  # noqa: BLE001  whatever it is, it is a finding
            result.findings.append(f"{kind}:{number}: {traceback.format_exc(limit=-4)}")


def several(kind: str, numbers: range, until: float) -> Result:
    """Some cases in this process, as many as there is time for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (held + MOST_BYTES, hard))
    result = Result()
    try:
        for number in numbers:
            if monotonic() > until:
                break
            case(kind, number, result)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    return result


def main() -> int:
    """Run so many cases of every kind, or one; 1 where something was found."""
    from fuzz.seeds import SEEDS

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=600, help="in all; a capture for every ten of another kind")
    parser.add_argument("--first", type=int, default=0, help="number of the first case of a kind")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--case", help="KIND:NUMBER, one case alone")
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    os.environ.setdefault("LAUNCHLENS_WITHOUT_LIGHT", "1")
    total, per_kind = Result(), Counter[str]()
    if asked.case:
        kind, _, number = asked.case.partition(":")
        case(kind, int(number), total)
        print("\n".join(total.findings) or "nothing found")
        return bool(total.findings)
    began, step = monotonic(), 50
    until = began + 60 * asked.minutes
    last = asked.first + max(1, asked.cases // len(SEEDS))
    parts = [
        (kind, range(at, min(at + step, last), CAPTURES_APART if kind == "capture" else 1))
        for at in range(asked.first, last, step)
        for kind in SEEDS
    ]
    with ProcessPoolExecutor(asked.jobs) as pool:
        for (kind, _), part in zip(
            parts, pool.map(several, *zip(*parts, strict=True), [until] * len(parts)), strict=True
        ):
            total.cases, total.opened = total.cases + part.cases, total.opened + part.opened
            total.commands += part.commands
            total.findings += part.findings
            per_kind[kind] += part.cases
            print(f"{total.cases} cases, {total.opened} opened, {len(total.findings)} findings", file=sys.stderr)
            for finding in part.findings:
                print(finding, file=sys.stderr)
    said = {
        "cases": total.cases,
        "opened": total.opened,
        "commands": total.commands,
        "per_kind": per_kind,
        "minutes": round((monotonic() - began) / 60, 1),
        "findings": total.findings,
    }
    print(json.dumps(said, indent=1))
    if asked.output:
        asked.output.write_text(json.dumps(said, indent=1) + "\n")
    return bool(total.findings)


if __name__ == "__main__":
    sys.exit(main())
