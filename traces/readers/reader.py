"""What each reader says of itself: how a trace of its recorder is recognised, read and scrubbed, and whether Perfetto opens it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from launchlens.traces.scrub.text import Removed
    from launchlens.traces.trace import Progress, Trace


@dataclass(frozen=True)
class Seen:
    """What is seen of a path before it is read: of a file its first bytes, of a folder the names in it, in order."""

    path: Path
    head: bytes = b""
    names: tuple[str, ...] | None = None


class Read(Protocol):
    """Reads a trace. `partial` keeps the whole part of a file that breaks off, where the format allows that.

    Raises InputError with one line when it can't be used.
    """

    def __call__(self, path: Path, *, partial: bool, progress: Progress | None) -> Trace: ...


class Scrub(Protocol):
    """Writes a copy without what names the machine or its user to `output`, and counts what it left out in `removed`.

    Raises InputError for what can't be read, OSError when `output` can't be written.
    """

    def __call__(self, path: Path, output: Path, removed: Removed, *, progress: Progress | None) -> None: ...


def read_by(module: str) -> Read:
    """The `read` of a module, which is brought in when it is first called: what reads a trace takes long to import."""

    def read(path: Path, *, partial: bool, progress: Progress | None) -> Trace:
        found: Trace = import_module(module).read(path, partial=partial, progress=progress)
        return found

    return read


def scrub_by(module: str) -> Scrub:
    """The `copy` of a module, likewise."""

    def scrub(path: Path, output: Path, removed: Removed, *, progress: Progress | None) -> None:
        import_module(module).copy(path, output, removed, progress=progress)

    return scrub


def knows_all(seen: Seen) -> None:
    """Nothing is known that belongs to the recorder and can't be read."""


def waits_for_the_reader(path: Path) -> None:
    """What a file is, the reader tells: its beginning tells no more."""


@dataclass(frozen=True)
class Window:
    """A recorder's own program that shows what it records: `open --in NAME`.

    `label` is what people call it, `program` its file and `get` how to get it. `programs` are those that are here, the one to
    be started first. `show` opens what there is of a path in it, of a capture one regime, and returns a line on what it showed;
    it raises InputError where it can't.
    """

    name: str
    label: str
    program: str
    get: str
    programs: Callable[[], Sequence[Path]]
    show: Callable[[Path, str | None], str]


@dataclass(frozen=True)
class Reader:
    """A reader as the catalogue lists it.

    `name` is the recorder's, as `Trace.recorded_by` gives it; a recorder with several kinds of files has several readers.
    `label` is what people call such a trace, with its article, and `tool` what they call the recorder. `recognises` goes by bytes, or by the names in a folder; by
    the file's own name only where its bytes tell nothing. `refuse` raises InputError for what is the recorder's and can't be
    read. `check` raises InputError for a file whose beginning tells that it is no trace at all: it looks at little of it, and brings
    nothing heavy in, so that a large file that is something else is refused at once. `scrub` is None where no copy can be made, and
    `scrub_instead` says what to do then. Perfetto opens a file as it is where `in_perfetto` is so. `tables` is the suffix of the files of which a trace is a folder, None where it is one file.
    `remedy` is what to do about a trace that can't be read for whatever reason. `knows_operators` says of a recorder that it
    tells the framework's operators as well: where several recorded the same, the account is made of its trace. `adds_to_calls_alone`
    says that it records every API call, and slows nothing but these: what that costs can then be taken out. `window` is the
    recorder's own program that shows its files, where it has one.
    """

    name: str
    label: str
    tool: str
    recognises: Callable[[Seen], bool]
    read: Read
    scrub: Scrub | None
    remedy: str
    in_perfetto: bool = False
    scrub_instead: str = ""
    tables: str | None = None
    refuse: Callable[[Seen], None] = knows_all
    knows_operators: bool = False
    adds_to_calls_alone: bool = False
    window: Window | None = None
    check: Callable[[Path], None] = waits_for_the_reader
