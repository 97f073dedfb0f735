"""`launchlens.record`: a user's own code into a capture."""

from __future__ import annotations

import atexit
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from launchlens.commands.library.capture import Capture
from launchlens.commands.library.trace import Trace
from launchlens.traces.captures.manifest_check import MOST_NAME, is_name
from launchlens.traces.problems import InputError

if TYPE_CHECKING:
    from launchlens.profiling.passes import Passes


def record(name: str, output: str | Path | None = None) -> Recording:
    """Record your own code: `with launchlens.record("step") as recording: ...`, on a GPU or a CPU.

    `name` is what the code is called in the capture, and `output` the folder that it is written to: a new one below `captures/`
    without. Needs torch. Raises InputError where torch is not installed, for a name that is none, and for a folder that holds
    something already.
    """
    if not is_name(name):
        raise InputError("launchlens.record", f"{name!r} is no name", f"give 1 to {MOST_NAME} printable characters")
    return Recording(name, None if output is None else Path(output))


class Recording:
    """Code recorded into a capture, which every command and `launchlens.open` take.

    Entered once, it holds one recorded pass. Entered again and again, as in `for batch in data: with recording: step(batch)`, the
    first two passes warm up, and from then on one is timed without a profiler and the next one recorded, ten at most, so that
    the capture has unprofiled times as well. A pass ends when the GPU has been waited for; one that raises is not kept. What is in the
    passes must be alike: the data gate names passes that launch other work.
    """

    def __init__(self, name: str, output: Path | None) -> None:
        from launchlens.profiling.environment import has_cuda, version

        if version("torch") is None:
            raise InputError(name, "recording needs torch, which is not installed", "pip install 'launchlens[gpu]'")
        from launchlens.profiling.passes import Passes

        self._passes: Passes = Passes.into(output, name, "cuda" if has_cuda() else "cpu")
        self._written = False
        atexit.register(self.close)

    def __enter__(self) -> Self:
        if self._passes.is_open:
            raise InputError(
                self._passes.name, "is being recorded already", "leave the block before it is entered again"
            )
        self._passes.begin()
        self._written = False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._passes.end(failed=kind is not None)

    @property
    def path(self) -> Path:
        """The folder of the capture."""
        return self._passes.folder

    @property
    def recorded(self) -> int:
        """How many recorded passes it holds."""
        return self._passes.recorded

    @property
    def timed(self) -> int:
        """How many passes were timed without a profiler."""
        return self._passes.timed

    @property
    def capture(self) -> Capture:
        """The capture, with all passes so far."""
        self.close()
        return Capture.open(self.path)

    @property
    def trace(self) -> Trace:
        """The trace of the recorded passes so far; each is an instance of the range `variant:NAME`. Raises InputError where there is none."""
        return self.capture.trace()

    def close(self) -> None:
        """Make the capture complete with all passes so far; the end of the process does the same. More may follow."""
        if not self._written and not self._passes.is_open:
            self._passes.write()
            self._written = True

    def __repr__(self) -> str:
        return f"<Recording {self.path}: {self.recorded} recorded passes, {self.timed} timed>"
