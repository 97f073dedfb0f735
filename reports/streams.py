"""The one way out for what is printed: text on stdout and stderr can't steer a terminal, and always finds a spelling.

Names come from traces, folders and files of anybody's; what they may hold is dealt with here, and not by whoever prints one.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

#: Controls (C0 but for newline and tab, DEL, C1), what turns the direction of text, line separators, and halves of pairs, which
#: Python makes of bytes in a file's name that are not UTF-8.
STEERING = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
#: How characters are written that the stream's encoding lacks: escaped, as JSON does.
_ESCAPED = "launchlens-escaped"


class OutputClosedError(Exception):
    """Whoever reads stdout or stderr has read enough (`| head`): what it read was right."""


def clean(text: str) -> str:
    """The text with a `?` for each character that could steer a terminal."""
    return STEERING.sub("?", text)


def clean_json(text: str) -> str:
    """JSON text that says the same without such characters: they are escaped."""
    return STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class Stream:
    """A text stream that names a closed pipe as such. It hides the stream's `buffer`: nothing goes round it.

    What writes to it has to have cleaned the text: `CleanStream` does, and a console (reports/console.py).
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        if not isinstance(text, str):  # typer writes bytes to a stream to learn which kind it is
            raise TypeError("text only")
        with _closed_pipes_named():
            self.stream.write(text)
        return len(text)

    def write_bytes(self, data: bytes) -> None:
        """Write what is no text, and so for no terminal: a file's contents, into a pipe or a file."""
        with _closed_pipes_named():
            self.stream.flush()
            self.stream.buffer.write(data)
            self.stream.buffer.flush()

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        with _closed_pipes_named():
            self.stream.flush()

    def isatty(self) -> bool:
        return self.stream.isatty()

    def fileno(self) -> int:
        return self.stream.fileno()

    @property
    def closed(self) -> bool:
        return self.stream.closed

    @property
    def encoding(self) -> str:
        return self.stream.encoding

    @property
    def errors(self) -> str | None:
        return self.stream.errors


class CleanStream(Stream):
    """A text stream that cleans what is written to it."""

    def write(self, text: str) -> int:
        return super().write(clean(text) if isinstance(text, str) else text)


def write_bytes(data: bytes) -> None:
    """Write a file's contents to stdout, which is no terminal."""
    if isinstance(sys.stdout, CleanStream):
        sys.stdout.write_bytes(data)
    elif sys.stdout is not None:
        sys.stdout.buffer.write(data)


@contextmanager
def clean_output() -> Iterator[None]:
    """Let stdout and stderr clean what is printed, and at the end leave nothing in them that Python would fail to write."""
    before = sys.stdout, sys.stderr
    streams: list[Any] = [stream for stream in before if stream is not None]
    handlers = [stream.errors for stream in streams]
    for stream in streams:
        _spell_all(stream, _ESCAPED)
    sys.stdout, sys.stderr = (cast(TextIO, stream and CleanStream(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for stream, errors in zip(streams, handlers, strict=True):
            try:
                stream.flush()
            except OSError:  # its reader has gone, or the disk is full, which was said when it was written to
                _drop(stream)
            _spell_all(stream, errors)


@contextmanager
def _closed_pipes_named() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise OutputClosedError from None


def _spell_all(stream: Any, errors: str | None) -> None:
    if hasattr(stream, "reconfigure"):  # what tests put in place of a stream may lack it
        with suppress(OSError):  # it flushes first
            stream.reconfigure(errors=errors)


def _drop(stream: TextIO) -> None:
    """Send what a stream still holds nowhere, so that Python's flush at exit has nothing to complain of."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


codecs.register_error(_ESCAPED, _escape)
