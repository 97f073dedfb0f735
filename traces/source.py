"""What a path is, said in one place: a capture, a sweep, a trace of some recorder, or several traces.

    source_of(path)     a folder that `profile` wrote, or its manifest.json         CaptureFolder
                        a folder that `profile --sweep` wrote, or its sweep.json    SweepFolder
                        a file of a recorder, or a folder of one recorder's tables  OneTrace
                        a folder or a pattern (*, ?, [..]) of several traces        SeveralTraces

They are looked for in this order, and nothing that takes long to import is brought in before one is read. What a recorder's files look like, its reader says (`launchlens.traces.readers.catalogue`).
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from launchlens.traces.captures.marks import FOR_A_SWEEP, MANIFEST, SWEEP
from launchlens.traces.problems import InputError
from launchlens.traces.readers import catalogue
from launchlens.traces.readers.reader import Reader, Seen

if TYPE_CHECKING:
    from launchlens.traces.cache.content import Content
    from launchlens.traces.trace import Progress, Trace

#: How much of a file is looked at to tell whose it is, bytes.
HEAD_BYTES = 4096
#: How many traces a refusal names.
_NAMED = 4


@dataclass(frozen=True)
class CaptureFolder:
    """A capture: `path` is its folder."""

    path: Path


@dataclass(frozen=True)
class SweepFolder:
    """A sweep: `path` is its folder."""

    path: Path


@dataclass(frozen=True)
class OneTrace:
    """A trace that `reader` reads: a file, or a folder of one recorder's tables."""

    path: Path
    reader: Reader

    def check(self) -> None:
        """Look at its beginning. Raises InputError, as `read` would in a hundred times the time, where that tells that it is no trace."""
        if self.reader.tables is None:
            self.reader.check(self.path)

    def read(self, *, partial: bool = False, progress: Progress | None = None, content: Content | None = None) -> Trace:
        """The trace, without records whose times can't be so; a big one as it was kept when it was read before.

        `content` is that of its files, where it is known already. `partial` keeps the whole part of one that breaks off, and counts the problem, where its format allows.

        Raises InputError with one line when it can't be used.
        """
        from launchlens.traces.cache.kept_trace import read_once
        from launchlens.traces.readers.possible_times import with_possible_times

        try:
            return read_once(
                self.path,
                self.reader,
                partial=partial,
                content=content,
                read=lambda: with_possible_times(self.reader.read(self.path, partial=partial, progress=progress)),
            )
        except MemoryError:
            raise InputError(self.path, "takes more memory than there is here", self.reader.remedy) from None


@dataclass(frozen=True)
class NoTrace:
    """Something that lies among traces and is none; `why` says so in a few words."""

    path: Path
    why: str


@dataclass(frozen=True)
class SeveralTraces:
    """The traces in a folder, or of a pattern, in the order of their names; `others` lie among them. `path` is as given."""

    path: Path
    traces: tuple[OneTrace, ...]
    others: tuple[NoTrace, ...]


Source: TypeAlias = CaptureFolder | SweepFolder | OneTrace | SeveralTraces


def source_of(path: Path) -> Source:
    """What `path` is. Nothing is read but a file's first bytes, or the names in a folder.

    Raises InputError with one line for what is not there, is no regular file, is empty, or a folder of none of these.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if glob.has_magic(str(path)):
            return _of_pattern(path)
        raise _unreadable(path, "No such file or directory") from None
    except OSError as error:
        raise _unreadable(path, error.strerror or error) from None
    except ValueError:
        raise InputError(path, "is no path: it holds a null character", "check the path") from None
    try:
        if stat.S_ISDIR(mode):
            return _of_folder(path)
        # a device may never end, and a pipe can be neither read twice nor sought in
        if not stat.S_ISREG(mode):
            raise InputError(path, "is not a regular file", "save it to a file first")
        if path.name == MANIFEST:
            return CaptureFolder(path.parent)
        if path.name == SWEEP:
            return SweepFolder(path.parent)
        seen = _seen_file(path)
    except OSError as error:
        raise _unreadable(path, error.strerror or error) from None
    if not seen.head:
        raise InputError(path, "is empty", "record it again")
    return OneTrace(path, _reader_of(seen) or catalogue.OTHERWISE)


def as_one(source: Source) -> OneTrace:
    """`source`, for what takes one trace. Raises InputError, with the remedy, for a capture, a sweep and several traces."""
    if isinstance(source, OneTrace):
        return source
    if isinstance(source, CaptureFolder):
        raise InputError(source.path, "is a folder, not a trace", "give a trace file, or use `report` for a capture")
    if isinstance(source, SweepFolder):
        raise InputError(source.path, "is a sweep, not a trace", FOR_A_SWEEP)
    raise refused_several(source)


def refused_several(source: SeveralTraces) -> InputError:
    """What to say of several traces where one is wanted."""
    names = [each.path.name for each in source.traces]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    what = f"holds {len(names)} traces, and one is wanted here" if len(names) > 1 else "is a folder that holds a trace"
    return InputError(source.path, what, f"name one file: {', '.join(names[:_NAMED])}{more}")


def open_trace(path: Path, *, partial: bool = False, progress: Progress | None = None) -> Trace:
    """The trace at `path`, whoever recorded it. Raises InputError with one line when it is none, or can't be used."""
    return as_one(source_of(path)).read(partial=partial, progress=progress)


def _of_folder(path: Path) -> Source:
    if (path / MANIFEST).exists():
        return CaptureFolder(path)
    if (path / SWEEP).exists():
        return SweepFolder(path)
    seen = Seen(path, names=tuple(sorted(os.listdir(path))))
    reader = _reader_of(seen)
    if reader is not None:
        return OneTrace(path, reader)
    inside = (path / name for name in seen.names or () if not name.startswith("."))
    found = SeveralTraces(path, *_told_apart(inside))
    if not found.traces:
        what = "is a folder, not a trace: it holds no table of a recorder's export, no other trace and no capture"
        raise InputError(path, what, "give a trace file, or a folder of traces")
    return found


def _of_pattern(pattern: Path) -> SeveralTraces:
    paths = [Path(each) for each in sorted(glob.glob(str(pattern)))]
    if not paths:
        raise InputError(pattern, "matches nothing", "check the pattern")
    found = SeveralTraces(pattern, *_told_apart(iter(paths)))
    if not found.traces:
        raise InputError(pattern, f"matches no trace: {paths[0].name} {found.others[0].why}", "check the pattern")
    return found


def _told_apart(paths: Iterator[Path]) -> tuple[tuple[OneTrace, ...], tuple[NoTrace, ...]]:
    traces: list[OneTrace] = []
    others: list[NoTrace] = []
    for path in paths:
        one = _one_among_others(path)
        if isinstance(one, OneTrace):
            traces.append(one)
        else:
            others.append(one)
    return tuple(traces), tuple(others)


def _one_among_others(path: Path) -> OneTrace | NoTrace:
    """What lies among traces. Only what a reader recognises is one: a note beside traces is none that is damaged."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            if (path / MANIFEST).exists():
                return NoTrace(path, "is a capture")
            if (path / SWEEP).exists():
                return NoTrace(path, "is a sweep")
            seen, kind = Seen(path, names=tuple(sorted(os.listdir(path)))), "is a folder of something else"
        elif not stat.S_ISREG(mode):
            return NoTrace(path, "is not a regular file")
        else:
            seen, kind = _seen_file(path), "is no trace that is known here"
        reader = _reader_of(seen)
    except OSError as error:
        return NoTrace(path, f"can't be read: {error.strerror or error}")
    except InputError as error:
        return NoTrace(path, error.what)
    if seen.names is None and not seen.head:
        return NoTrace(path, "is empty")
    return NoTrace(path, kind) if reader is None else OneTrace(path, reader)


def _seen_file(path: Path) -> Seen:
    with open(path, "rb") as file:
        return Seen(path, head=file.read(HEAD_BYTES))


def _reader_of(seen: Seen) -> Reader | None:
    """The first reader that recognises it. Raises InputError where one knows it for its recorder's, and can't read it."""
    for reader in catalogue.READERS:
        reader.refuse(seen)
        if reader.recognises(seen):
            return reader
    return None


def _unreadable(path: Path, why: object) -> InputError:
    return InputError(path, f"can't be read: {why}", "check the path and its permissions")
