"""Cuts a trace's JSON into blocks of whole events, so that no more than a block is ever held.

    { "schemaVersion": 1, ... "traceEvents": [ {..}, {..}, {..}, {..}, {..} ], "traceName": ... }
      `------- head -------'                    `-- block ---'`-- block ---'   `---- tail ----'

A cut is guessed (the last `}, {` of what was read) and the decoder proves it: a block that begins at an event and
decodes as an array holds whole events, for a cut inside an event leaves a bracket or a string open. Only when
the guesses fail is a cut looked for behind an event that is one by itself, and only where there is none are brackets
counted. Every byte is looked at a bounded number of times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol, TypeVar

import msgspec

from launchlens.traces.problems import InputError
from launchlens.traces.readers.byte_source import ByteSource
from launchlens.traces.readers.kineto.dialects import Proton
from launchlens.traces.readers.kineto.json_brackets import BETWEEN, CUT, PHASE, last_sure_cut, scan
from launchlens.traces.readers.kineto.json_repair import STRING, repair

#: What is read at once. Objects of 1 MiB of JSON stay in a core's cache; 8 MiB took twice as long (measured).
BLOCK_BYTES = 1 << 20
#: An event larger than this, or as much after the last, is taken for damage.
MAX_EVENT_BYTES = 64 << 20
#: A document whose events don't begin within so much is none of a profiler's: theirs begin within kilobytes.
MAX_HEAD_BYTES = 8 << 20
#: What is read to see how a file begins.
_A_LOOK = 64 << 10
#: Of so much that is no event it isn't looked into what exactly it is: that takes seconds.
_MUCH = 1 << 20
#: How many cuts are tried, and how many closing braces looked at for them, before brackets are counted.
_GUESSES, _LOOKS = 4, 256

_EVENTS_KEY = re.compile(rb'"traceEvents"\s*+:\s*+(?=(?P<value>\S|\Z))|' + STRING + rb"|[\[\]{}]", re.DOTALL)
_EVENTS_NAME = b'"traceEvents"'
#: Where the events may end, if a quote too many hides where they do; and how many such places are tried.
_CLOSING = re.compile(rb"\}\s*+\]")
_QUOTE = re.compile(rb'(?<!\\)(?:\\\\)*+"')
_CLOSINGS = 64
_SPACE = b" \t\r\n\x00"  # with NUL, which a file that was to grow further ends in

_REMEDY = "give a trace that torch.profiler, Nsight Systems or launchlens wrote"
#: Keys of the objects that `nsys export --type jsonlines` writes.
_NSIGHTS = frozenset(
    ("Type", "GlobalId", "CudaEvent", "NvtxEvent", "TraceProcessEvent", "DiagnosticEvent", "ProcessEvent", "StringId")
)

BlockT_co = TypeVar("BlockT_co", covariant=True)


class Decoder(Protocol[BlockT_co]):
    """Decodes the text of several events, without the array's brackets.

    Returns None when the text is not whole events; never so when `certain`, which says that it ends where an event does.
    """

    def __call__(self, data: bytes, *, certain: bool) -> BlockT_co | None: ...


class TraceDocument:
    """One pass over a trace's JSON: `blocks` first, then `head` and `tail` hold what stands around the events.

    `head` and `tail` are the text of objects (`{}` for a bare array). `truncated` says that the document breaks off,
    which is an InputError unless `partial`. `offset` is how far the pass got, in bytes of the unpacked file.
    """

    def __init__(self, source: ByteSource, *, partial: bool = False) -> None:
        self.source = source
        self.partial = partial
        self.head = self.tail = b"{}"
        self.truncated = False
        self.offset = 0
        self._data = b""
        self._ended = self._another = False

    def blocks(self, decode: Decoder[BlockT_co]) -> Iterator[BlockT_co]:
        """The events, decoded a block at a time. Raises InputError for a document that is not a trace."""
        yield from self._blocks(decode)
        while self._another:  # a document a stream, a line each
            self._another = False
            yield from self._blocks(decode)

    def beginning(self, decode: Decoder[BlockT_co]) -> Iterator[BlockT_co]:
        """The first events of a bare array of which it is doubtful that it holds any, decoded; of all else nothing.

        Raises InputError for a document that is not a trace as far as its head tells. Another pass is needed to read it.
        """
        if self._skip_head(_A_LOOK):
            return
        if PHASE not in self._data:
            self._fill(BLOCK_BYTES)
            self._drop(BETWEEN.match(self._data).end())  # type: ignore[union-attr]
            self._check_is_object()
            _, block = self._guess(decode)
            if block is not None:
                yield block

    def _blocks(self, decode: Decoder[BlockT_co]) -> Iterator[BlockT_co]:
        in_object = self._skip_head()
        wanted = BLOCK_BYTES
        while True:
            self._fill(wanted)
            if between := BETWEEN.match(self._data).end():  # type: ignore[union-attr]
                self._drop(between)
            cut, block = self._guess(decode)
            if block is not None:
                yield block
            elif cut := last_sure_cut(self._data, self._nearest()):
                if (block := decode(self._data[:cut], certain=True)) is not None:
                    yield block
            else:
                self._check_is_object()
                found = scan(self._data)
                cut = found.last if found.end is None else found.end
                if cut and (block := decode(self._data[:cut], certain=True)) is not None:
                    yield block
                if found.end is not None:
                    self._drop(cut)
                    break
                if not cut and self._ended and (cut := self._closing(in_object)):
                    if (block := decode(self._data[:cut], certain=True)) is not None:
                        yield block
                    self._drop(cut)
                    self._drop(len(self._data) - len(self._data.lstrip(_SPACE)))
                    break
                if not cut and self._ended:
                    self._break_off(
                        "in the middle of an event" if self._data.strip() else "before the end of its events"
                    )
                    return
                if not cut and len(self._data) > MAX_EVENT_BYTES:
                    raise self.error(
                        f"one event is larger than {MAX_EVENT_BYTES >> 20} MiB, or is not valid JSON",
                        "record it again; if the file was edited, look for an unbalanced quote or bracket there",
                    )
            # a block without a cut is read again twice as long, so that a long event is not scanned over and over
            wanted = BLOCK_BYTES if cut else self._longer()
            self._drop(cut)
        self._finish(in_object)

    def error(self, what: str, remedy: str = "") -> InputError:
        """An InputError that names the file and how far the pass got in it."""
        return InputError(self.source.path, what, remedy, f"byte {self.offset:,}")

    def _fill(self, wanted: int) -> None:
        parts = [self._data]
        have = len(self._data)
        while have < wanted and not self._ended:
            parts.append(self.source.read(wanted - have))
            have += len(parts[-1])
            self._ended = not parts[-1]
        self._data = b"".join(parts)

    def _longer(self) -> int:
        return min(max(2 * len(self._data), BLOCK_BYTES), MAX_EVENT_BYTES + 1)

    def _drop(self, count: int) -> None:
        self._data = self._data[count:]
        self.offset += count

    def _guess(self, decode: Decoder[BlockT_co]) -> tuple[int, BlockT_co | None]:
        brace, guesses, looks = len(self._data), 0, 0
        nearest = self._nearest()
        while guesses < _GUESSES and looks < _LOOKS and (brace := self._data.rfind(b"}", nearest, brace)) >= 0:
            looks += 1
            if CUT.match(self._data, brace):
                guesses += 1
                if (block := decode(self._data[: brace + 1], certain=False)) is not None:
                    return brace + 1, block
        return 0, None

    def _nearest(self) -> int:
        """A place beyond which a cut stands, or the events are so large that brackets may as well be counted."""
        return max(0, len(self._data) - BLOCK_BYTES // 2)

    def _check_is_object(self) -> None:
        """Raise InputError where what should be an event is none, before all of it is looked through for brackets."""
        if len(self._data) >= _MUCH and not self._data.startswith(b"{"):
            raise self.error("is a JSON array, but not of trace events", _REMEDY)

    def _closing(self, in_object: bool) -> int:
        """The end of the last event, where a quote too many is in it and what follows is whole; 0 for none."""
        for match in list(_CLOSING.finditer(self._data))[-_CLOSINGS:]:
            if len(_QUOTE.findall(self._data[: match.start()])) % 2 == 0:
                continue  # brackets tell: the file breaks off
            rest = self._data[match.end() :].rstrip(_SPACE)
            if not in_object and not rest:
                return match.start() + 1
            if in_object:
                try:
                    msgspec.json.decode(repair(b"{" + rest.lstrip(b", \t\r\n"))[0], type=dict[str, msgspec.Raw])
                except (msgspec.DecodeError, UnicodeDecodeError):
                    continue
                return match.start() + 1
        return 0

    def _skip_head(self, wanted: int = BLOCK_BYTES) -> bool:
        """Go to the first event; False for a bare array, which has no keys around it."""
        padded = False
        while True:
            self._fill(wanted)
            text = self._data.lstrip(_SPACE)
            padded = padded or b"\x00" in self._data[: len(self._data) - len(text)]
            if not text and not self._ended and self.offset <= MAX_HEAD_BYTES:
                self._drop(len(self._data))
                continue
            if text.startswith(b"["):
                self._drop(len(self._data) - len(text) + 1)
                return False
            if not text and padded:
                what = "is not JSON: it holds nothing but null bytes"
                raise InputError(self.source.path, what, "copy or record it again")
            if not text.startswith(b"{"):
                raise self._no_trace(text)
            if wanted <= BLOCK_BYTES:
                self._check_is_no_lines(text)
            start = self._find_events()
            if start is not None:
                self._drop(start)
                return True
            if self._ended or len(self._data) > MAX_HEAD_BYTES:
                raise self._no_trace(text)
            wanted = min(self._longer(), MAX_HEAD_BYTES + 1)

    def _check_is_no_lines(self, text: bytes) -> None:
        """Raise InputError for JSON Lines, an object a line, of which none is a trace; they are told by the first two."""
        first, _, others = text.partition(b"\n")
        if not others.lstrip(_SPACE).startswith(b"{"):
            return
        try:
            keys = set(msgspec.json.decode(first, type=dict[str, msgspec.Raw]))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        if "traceEvents" in keys:
            return
        if "ph" in keys:
            what, remedy = "is JSON Lines, an event a line", "make one array of them: jq -s . FILE > trace.json"
        elif keys & _NSIGHTS:
            what = "is JSON Lines that Nsight Systems exported"
            remedy = "export it again: nsys export --type sqlite REPORT.nsys-rep"
        else:
            what, remedy = "is JSON Lines, and its first line is no event of a trace", _REMEDY
        raise InputError(self.source.path, what, remedy)

    def _find_events(self) -> int | None:
        if _EVENTS_NAME not in self._data:  # a hundred times faster than looking for it where it counts
            return None
        depth = 0
        for match in _EVENTS_KEY.finditer(self._data):
            token = match.group()
            if token in b"[{":
                depth += 1
            elif token in b"]}":
                depth -= 1
            elif depth == 1 and match["value"]:
                if match["value"] != b"[":
                    self.offset += match.end()
                    raise self.error("traceEvents is not an array", "give a trace that torch.profiler exported")
                self.head = self._data[: match.start()].rstrip(b", \t\r\n") + b"}"
                return match.end() + 1
        return None

    def _no_trace(self, text: bytes) -> InputError:
        remedy = _REMEDY
        if not text and self._ended:
            return InputError(self.source.path, "is empty", "record it again")
        if not self._ended:
            what = (
                f"has no traceEvents in its first {MAX_HEAD_BYTES >> 20} MiB"
                if text.startswith(b"{")
                else "is not JSON"
            )
            return InputError(self.source.path, what, remedy)
        text = text.rstrip(_SPACE)
        try:
            msgspec.json.decode(text if len(text) > _MUCH else repair(text)[0], type=msgspec.Raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            if len(text) > _MUCH:
                return InputError(self.source.path, "breaks off before any event, or is not JSON", remedy)
            if text.startswith(b"{") and scan(text[1:]).end is None:
                return InputError(self.source.path, "breaks off, or is not JSON, before any event", "record it again")
            return InputError(self.source.path, "is not JSON", remedy)
        return InputError(self.source.path, "is JSON, but not a trace: it has no traceEvents", remedy)

    def _break_off(self, where: str) -> None:
        self.offset += len(self._data)
        if not self.partial:
            raise self.error(
                f"breaks off {where}", "record or copy it again, or read the whole events before that with --partial"
            )
        self.truncated = True

    def _finish(self, in_object: bool) -> None:
        """Check that the document ends where it should, down to the checksum of gzip, and keep the tail."""
        if not self._data.startswith(b"]"):
            raise self.error("is not valid JSON: a bracket closes what was not opened", "record it again")
        self._drop(1)
        self._fill(MAX_EVENT_BYTES)
        rest = self._data
        if in_object:
            end = scan(rest).end
            if end is None and self._ended:
                return self._break_off("after its events")
            self.tail = b"{" + rest[:end].lstrip(b", \t\r\n") + b"}"
            self._drop(len(rest) if end is None else end + 1)
        more = self._data.lstrip(_SPACE)
        if Proton.begins(self.head) and Proton.begins(more):
            self._drop(len(self._data) - len(more))
            self._another = True
            return None
        if more:
            raise self.error("holds something more after the end of the trace", "give one trace per file")
        while self.source.read(BLOCK_BYTES):
            pass
        if self.source.broken_off:
            self.truncated = True
        return None
