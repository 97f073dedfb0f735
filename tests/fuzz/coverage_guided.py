"""Fuzzes the front ends of JSON and gzip by what each input reaches of them, with atheris (which is no dependency of the tests).

    pip install atheris && python tests/fuzz/coverage_guided.py --minutes 60 --output found

What must hold: a file is read or refused with an InputError, within a time and a memory; a whole document reads the same in
blocks of any size, in gzip and with --partial. A finding is kept as the file and the traceback of its place, and the run goes on.

The run is made of parts, each a process that goes on with what the last one reached: atheris 3.0 never lets go of the result of a
comparison that it traces, which of two columns is a column, some 45 kB an input. So a part's memory is no measure of ours.
"""

import argparse
import gzip
import json
import os
import resource
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

HERE = Path(__file__).parent
if str(HERE.parent) not in sys.path:
    sys.path.append(str(HERE.parent))

#: Longest time of the processor that an input may take, seconds (traced, which makes it several times slower), most memory of a
#: part beyond what it begins with, and longest input, bytes.
LONGEST_S, MOST_BYTES, LONGEST_INPUT = 20, 3 << 30, 1 << 16
#: How long a process goes on, minutes.
PART_MINUTES = 15.0
#: Of a block that is so short a small document is many.
SHORT_BLOCK = 97
#: What the mutations are offered to put somewhere.
WORDS = (
    *(
        '"traceEvents"',
        '"ph":"X"',
        '"ph":"M"',
        '"ph":"B"',
        '"ph":"E"',
        '"ph":"i"',
        '"cat":"kernel"',
        '"args":{',
        '"ts":',
    ),
    *(
        '"dur":',
        '"correlation":',
        '"External id":',
        "},{",
        "}]",
        "]}",
        "NaN",
        "-Infinity",
        "1e400",
        "\\ud800",
        "\\u0000",
    ),
    *('"deviceProperties"', '"baseTimeNanoseconds"', "null", "true", "9223372036854775808", "\\x1f\\x8b\\x08", "\\xff"),
)


@dataclass
class Totals:
    """What came of a run."""

    inputs: int = 0
    read: int = 0
    whole: int = 0
    findings: dict[str, str] = field(default_factory=dict)

    def add(self, other: "Totals") -> None:
        self.inputs, self.read, self.whole = (
            self.inputs + other.inputs,
            self.read + other.read,
            self.whole + other.whole,
        )
        self.findings |= other.findings


class Finding(AssertionError):
    """Something that must never be."""


def late(number: int, frame: object) -> None:
    raise Finding(f"takes longer than {LONGEST_S} s")


def is_whole(text: bytes) -> bool:
    """Whether it is JSON as the standard has it: no name twice and no number without end, of which readers differ."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) < len(pairs):
            raise ValueError("a name twice")
        return dict(pairs)

    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads(text.decode(), object_pairs_hook=once, parse_constant=refuse)
    except (ValueError, RecursionError):
        return False
    return True


class Target:
    """What is tried with each input."""

    def __init__(self, folder: Path, output: Path, totals: Totals) -> None:
        from launchlens.traces.problems import InputError
        from launchlens.traces.readers.kineto import json_blocks
        from launchlens.traces.readers.kineto.reader import read

        self._read, self._refusal, self._blocks = read, InputError, json_blocks
        self._path, self._output, self._totals = folder / "trace.json", output, totals

    def read(self, data: bytes, *, block: int = 1 << 20, partial: bool = False) -> Any:
        """The events and problems of a file of these bytes; the refusal's reason where it is refused."""
        self._path.write_bytes(data)
        vars(self._blocks)["BLOCK_BYTES"] = block
        try:
            trace = self._read(self._path, partial=partial)
        except self._refusal as refusal:
            return refusal.what
        return trace.events, {each.code: each.count for each in trace.problems}

    def hold(self, data: bytes) -> None:
        """Read the bytes in each way that there is. Raises Finding, or what must not be raised."""
        read = self.read(data)
        self.read(data, block=SHORT_BLOCK, partial=True)
        if data[:2] == b"\x1f\x8b":
            return
        self._totals.read += not isinstance(read, str)
        if isinstance(read, str) or not is_whole(data):
            self.read(gzip.compress(data, 1, mtime=0)[:-9], partial=True)
            return
        self._totals.whole += 1
        ways: dict[str, Callable[[], Any]] = {
            "short blocks": lambda: self.read(data, block=SHORT_BLOCK),
            "gzip": lambda: self.read(gzip.compress(data, 1, mtime=0)),
            "--partial": lambda: self.read(data, partial=True),
        }
        for name, way in ways.items():
            other = way()
            if isinstance(other, str) or not read[0].equals(other[0]) or read[1] != other[1]:
                raise Finding(f"reads otherwise in or with {name}: {other if isinstance(other, str) else other[1]}")

    def __call__(self, data: bytes) -> None:
        self._totals.inputs += 1
        # again and again: Python drops what is raised in a destructor
        signal.setitimer(signal.ITIMER_PROF, LONGEST_S, 1)
        try:
            self.hold(data)
        except Exception as error:  # noqa: BLE001  whatever it is, it is a finding
            at = traceback.extract_tb(error.__traceback__)[-1]
            name = f"{type(error).__name__}-{Path(at.filename).stem}-{at.lineno}"
            if name not in self._totals.findings:
                self._totals.findings[name] = str(error)[:300]
                (self._output / f"{name}.input").write_bytes(data)
                (self._output / f"{name}.txt").write_text(traceback.format_exc())
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)


def part(output: Path, seed: int, minutes: float) -> None:
    """Fuzz for so long, and leave the totals in the folder; atheris ends the process."""
    import atheris  # type: ignore[import-untyped,unused-ignore]  # no dependency of ours

    totals, began = Totals(), monotonic()
    told, reached = began, output / "reached"
    with atheris.instrument_imports(include=["launchlens.traces.readers", "launchlens.traces.problems"]):
        from launchlens.traces.readers.kineto import reader  # noqa: F401  instrumented as it is imported
    from fuzz.seeds import KINDS

    with tempfile.TemporaryDirectory() as made, tempfile.TemporaryDirectory(dir=shared_memory()) as folder:
        for path in KINDS["kineto"].make(Path(made)):
            text = path.read_bytes()
            (reached / path.name).write_bytes(text)
            (reached / f"{path.name}.gz").write_bytes(gzip.compress(text, mtime=0))
        words = Path(made) / "words"
        words.write_text("".join('"' + word.replace('"', '\\"') + '"\n' for word in WORDS if "\\u" not in word))
        held = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (held + MOST_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))
        signal.signal(signal.SIGPROF, late)
        signal.signal(
            signal.SIGALRM, lambda number, frame: None
        )  # else libFuzzer ends the process after a second, whatever -timeout
        target = Target(Path(folder), output, totals)

        def until(data: bytes) -> None:
            nonlocal told
            target(data)
            if monotonic() > told:
                told, spent = monotonic() + 10, (monotonic() - began) / 60
                (output / "part.json").write_text(json.dumps(asdict(totals)) + "\n")
                if spent >= minutes:
                    os._exit(0)  # libFuzzer ends the process itself, and never comes back here

        options = (
            f"-max_len={LONGEST_INPUT}",
            f"-dict={words}",
            f"-seed={seed}",
            "-rss_limit_mb=0",
            "-timeout=0",
            f"-artifact_prefix={output}/",
        )
        atheris.Setup([sys.argv[0], *options, "-verbosity=0", str(reached)], until)
        atheris.Fuzz()


def main() -> int:
    """Fuzz for so long, in parts; 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True, help="folder of findings and of what is reached")
    asked = parser.parse_args()
    (asked.output / "reached").mkdir(parents=True, exist_ok=True)
    total, began, parts = Totals(), monotonic(), 0
    while (left := asked.minutes - (monotonic() - began) / 60) > 0:
        of_part = asked.output / "part.json"
        of_part.unlink(missing_ok=True)
        if not (child := os.fork()):
            part(asked.output, asked.seed + parts, min(left, PART_MINUTES))
            os._exit(1)
        parts += 1
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if of_part.exists():
            total.add(Totals(**json.loads(of_part.read_text())))
        if ended:
            total.findings[f"part {parts}"] = f"its process ended with {ended}"
        said = json.dumps(asdict(total) | {"parts": parts, "minutes": round((monotonic() - began) / 60, 1)})
        (asked.output / "totals.json").write_text(said + "\n")
        print(said, flush=True)
        if ended:
            break
    return bool(total.findings)


def shared_memory() -> str | None:
    """A folder that is no disk, where there is one: each input is a file for a moment."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


if __name__ == "__main__":
    sys.exit(main())
