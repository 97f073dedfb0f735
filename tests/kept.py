"""What takes long to work out is worked out once for all processes of a session of tests, whichever asks first."""

import fcntl
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
#: Where the processes of a session keep for each other what they worked out; a process that is alone needs no place.
PLACE: Path | None = None
_known: dict[str, Any] = {}


def once(name: str, work: Callable[[], T], *, wait: bool = True) -> T:
    """What `work` gives, as the first process of the session that was asked for `name` worked it out: to be looked at, not changed.

    Where another process is at it, BlockingIOError unless it may `wait`.
    """
    if name not in _known:
        _known[name] = work() if PLACE is None else _of_session(PLACE / f"{name}.pickle", work, wait)
    found: T = _known[name]
    return found


def _of_session(path: Path, work: Callable[[], T], wait: bool) -> T:
    with open(path, "a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)  # until the file is closed
        if file.tell():
            file.seek(0)
            kept: T = pickle.load(file)
            return kept
        made = work()
        file.write(pickle.dumps(made))
        return made
