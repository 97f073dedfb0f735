"""The one way to write a file: made beside its place, then renamed to it, so that no half of it ever stands there.

    writing(place)          gives a path beside `place`, and renames what was made there when the block ends well
    put(made)               does the same for files that something else made, wherever they lie: all of them or none
    free, free_folder       whether a place may be written to: never over an input, never over what is there unless forced
    writable(place)         turns what the system refuses into one line

What a block leaves beside its place goes when it ends, in whatever way; Ctrl-C is such a way, and `cli` makes SIGTERM one.
A folder takes the place of a folder. Functions raise OSError where the system refuses, unless they say otherwise.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from launchlens.traces.problems import InputError

#: How the folder is called that lies beside a place while something is written to it, with more behind.
BESIDE = ".launchlens-"


@contextmanager
def writing(place: Path) -> Iterator[Path]:
    """A path beside `place`, of the same name, to make a file or a folder at; what was made becomes `place` at the end.

    The path lies in a folder of its own, where what is needed on the way may lie as well.
    """
    with ExitStack() as stack:
        made = _Made(place, stack)
        yield made.path
        _replace([made])


def write_text(place: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with writing(place) as path:
        path.write_text(text, "utf-8")


def write_bytes(place: Path, content: bytes) -> None:
    """Write a file of bytes, whole or not at all."""
    with writing(place) as path:
        path.write_bytes(content)


def put(made: Mapping[Path, Path]) -> None:
    """Move files or folders that have been made to their places, given as place -> made: all of them, or none.

    They may lie on another file system. Where one can't be put, what stood at the places of the others stands there again.
    """
    _put(made, _moved)


def put_copies(made: Mapping[Path, Path]) -> None:
    """As `put`, but what was made stays where it is. Contents only: modes are those of any new file."""
    _put(made, _copied)


def free(place: Path, force: bool, source: Path) -> Path:
    """`place`, to write a file to. Raises InputError where it is the input or one of its files, or there and not forced."""
    # os.path, which says no where the system refuses to look: what writes there says why
    if os.path.isdir(place):
        raise InputError(place, "is a folder", "name a file")
    at, origin = _real(place), _real(source)
    if at == origin or _same(place, source):
        raise InputError(place, "is the input itself, which is never overwritten", "give another name")
    within = os.path.isdir(source) and at.is_relative_to(origin) and place.name != "report.html"
    if within and os.path.exists(place):
        raise InputError(place, "belongs to the input, which is never overwritten", "give another name")
    if os.path.exists(place) and not force:
        raise InputError(place, "exists already", "pass --force to overwrite it")
    if os.path.exists(place) and not os.path.isfile(place):
        raise InputError(place, "is not a regular file", "name one, or a place where nothing is")
    return place


def free_folder(
    place: Path, force: bool, source: Path, *, of: str, suffix: str = "", holds: Collection[str] = ()
) -> Path:
    """`place`, to write a folder to: a place of its own, an empty folder, or with `force` another such folder.

    Such a folder has files of that `suffix`, or of the names that it `holds`, and nothing else; `of` says to people what they are.
    Raises InputError for any other, for the input itself, and for a place in it or around it.
    """
    if os.path.exists(place) and not os.path.isdir(place):
        raise InputError(place, "is a file", "what is written there is a folder: give the name of one")
    at, origin = _real(place), _real(source)
    if os.path.isdir(place) and _real(Path()).is_relative_to(at):
        # a shell that stands in a folder which is replaced would stand in none
        raise InputError(place, "is the folder that this runs in, or holds it", "give another name")
    if at.is_relative_to(origin) or origin.is_relative_to(at):
        raise InputError(place, "is the input itself, which is never altered, or in it", "give another name")
    held = list(place.iterdir()) if os.path.isdir(place) else []
    if held and not force:
        raise InputError(place, "exists already", "pass --force to overwrite it")
    if any((each.name not in holds and (not suffix or each.suffix != suffix)) or not each.is_file() for each in held):
        raise InputError(place, f"holds other files than {of}, which are not overwritten", "give another name")
    return place


@contextmanager
def writable(place: Path, remedy: str = "give another place") -> Iterator[None]:
    """Raise InputError, naming `place`, where the system refuses what the block does to write there."""
    try:
        yield
    except OSError as error:
        raise InputError(place, f"can't be written: {error.strerror or error}", remedy) from None


class _Made:
    """What is made for a place, in a folder of its own beside it; the folder goes with `stack`."""

    def __init__(self, place: Path, stack: ExitStack) -> None:
        self.place = place
        beside = TemporaryDirectory(dir=place.parent, prefix=BESIDE, ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(beside))
        self.path = folder / place.name
        self._before = folder / ".before"

    def replace(self, *, restorable: bool) -> None:
        """Rename what was made to its place; what stood there is kept for `restore` where that is asked for."""
        # a file takes the place of a file in one step; a folder takes that of none but an empty one
        if os.path.lexists(self.place) and (restorable or self.place.is_dir()):
            os.replace(self.place, self._before)
        os.replace(self.path, self.place)

    def restore(self) -> None:
        """Undo `replace`, however far it got."""
        if not os.path.lexists(self.path):
            os.replace(self.place, self.path)
        if os.path.lexists(self._before):
            os.replace(self._before, self.place)


def _replace(made: Sequence[_Made]) -> None:
    begun: list[_Made] = []
    try:
        for each in made:
            begun.append(each)
            each.replace(restorable=len(made) > 1)
    except BaseException:
        for each in reversed(begun):
            each.restore()
        raise


def _put(made: Mapping[Path, Path], bring: Callable[[Path, Path], None]) -> None:
    with ExitStack() as stack:
        beside = [_Made(place, stack) for place in made]
        for each in beside:
            bring(made[each.place], each.path)
        _replace(beside)


def _moved(source: Path, to: Path) -> None:
    try:
        os.rename(source, to)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copied(source, to)  # what is on another file system stays there, for whoever made it to take away


def _copied(source: Path, to: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, to, copy_function=shutil.copyfile)
    else:
        shutil.copyfile(source, to)


def _real(path: Path) -> Path:
    # not Path.resolve: before Python 3.13 it raises RuntimeError for links that lead round in a circle
    return Path(os.path.realpath(path))


def _same(one: Path, other: Path) -> bool:
    """Whether two paths are of one file, by whatever name."""
    return os.path.exists(one) and os.path.exists(other) and one.samefile(other)
