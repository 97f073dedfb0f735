"""How a command ends: the one place that turns whatever was raised into a line on stderr and an exit code."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import cast

import typer

from launchlens.commands.exit_codes import BAD_INPUT, DONE, FAULT, INTERRUPTED, TERMINATED
from launchlens.reports.streams import OutputClosedError
from launchlens.traces.problems import InputError

#: Longest message of an error that is not ours; anybody's file may be quoted in it.
LONGEST = 600
#: After how long a signal that Python dropped is sent again, seconds.
AGAIN_S = 0.05
#: What typer prints and ends with itself (a bad command line); typer has no public name for it.
_OF_TYPER = (typer.Exit, typer.Abort, cast(type[Exception], typer.BadParameter.__mro__[2]))


class TerminatedError(BaseException):
    """SIGTERM (`timeout`, docker, SLURM): unwinds like KeyboardInterrupt, so that temporary files go."""


@contextmanager
def signals_unwind() -> Iterator[None]:
    """Let SIGTERM raise in the main thread as SIGINT does, and neither be lost."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    hook, handler = sys.unraisablehook, signal.getsignal(signal.SIGTERM)

    def send_again(what: sys.UnraisableHookArgs) -> None:
        # Python drops what is raised in a destructor; importing runs many. Sent from a thread, since this is one as well
        number = {KeyboardInterrupt: signal.SIGINT, TerminatedError: signal.SIGTERM}.get(what.exc_type)
        if number is None:
            hook(what)
        else:
            threading.Timer(AGAIN_S, os.kill, (os.getpid(), number)).start()

    def unwind(number: int, frame: FrameType | None) -> None:
        raise TerminatedError

    sys.unraisablehook = send_again
    ours = handler is signal.SIG_DFL
    if ours:
        signal.signal(signal.SIGTERM, unwind)
    try:
        yield
    finally:
        sys.unraisablehook = hook
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def ended(*, debug: bool, inputs: Sequence[str] = ()) -> Iterator[None]:
    """Turn what is raised within into typer.Exit, and say why in one line; with `debug` also where, above it.

    `inputs` are what the command was given, named where what was raised names nothing.
    """
    try:
        yield
    except _OF_TYPER:
        raise
    except OutputClosedError:
        raise typer.Exit(DONE) from None
    except BaseException as error:  # noqa: BLE001  the last resort: a line in place of a traceback
        code, line = _ending(error, inputs)
        with suppress(OutputClosedError, OSError):  # the code says it all the same
            if debug and code in (BAD_INPUT, FAULT):
                typer.echo("".join(traceback.format_exception(error)), err=True, nl=False)
            typer.echo(f"launchlens: {line}", err=True)
        raise typer.Exit(code) from None


def _ending(error: BaseException, inputs: Sequence[str]) -> tuple[int, str]:
    """The exit code and the line for people. Raises what is no error of a command again (SystemExit)."""
    given = f"{', '.join(inputs)}: " if inputs else ""
    match error:
        case InputError():
            return BAD_INPUT, str(error)
        case MemoryError():
            return BAD_INPUT, f"{given}needs more memory than there is here"
        case RecursionError():
            return BAD_INPUT, f"{given}is nested too deep to be read"
        case OSError():
            # a path too long, a folder that may not be searched, a full disk: the system says what, and where
            where = f"{error.filename}: " if error.filename else ""
            return BAD_INPUT, _one_line(f"{where}{error.strerror or error}")
        case Exception():
            what = _one_line(f"{type(error).__name__}: {error}")
            return FAULT, f"a fault of launchlens: {what} (run again with --debug for the traceback, and report it)"
        case KeyboardInterrupt():
            return INTERRUPTED, "interrupted"
        case TerminatedError():
            return TERMINATED, "terminated"
        case _:
            raise error


def _one_line(text: str) -> str:
    return " ".join(text.split())[:LONGEST]
