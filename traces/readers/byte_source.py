"""The bytes of a trace file, inflated when it is gzip, handed out in order and never held in whole."""

from __future__ import annotations

import gzip
import zlib
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from launchlens.traces.problems import InputError

if TYPE_CHECKING:
    from launchlens.traces.trace import Progress

try:  # inflates in a thread of its own, which hides nearly all of gunzip; the standard library serves where it is absent
    from isal import igzip_threaded, isal_zlib
except ImportError:
    igzip_threaded = isal_zlib = None  # type: ignore[assignment,unused-ignore]  # where mypy finds isal, it is a module

#: Expansion beyond which a gzip file is taken for a bomb, once it has produced `BOMB_BYTES`. Real traces expand 8 to
#: 30 times; deflate can do no more than 1,032.
BOMB_RATIO = 250
BOMB_BYTES = 256 << 20

_GZIP = b"\x1f\x8b"
#: How Python's gzip begins what it says of bytes that begin no gzip data.
_NO_GZIP = "Not a gzipped file"
_UTF8_MARK = b"\xef\xbb\xbf"
#: What else a trace may come in, by its first bytes. UTF-32's mark begins with UTF-16's, so one entry tells both.
_FOREIGN = {
    b"PK\x03\x04": ("is a zip archive", "unpack it and give the file inside"),
    b"\x28\xb5\x2f\xfd": ("is compressed with zstd", "decompress it with zstd -d"),
    b"\xfd7zXZ\x00": ("is compressed with xz", "decompress it with xz -d"),
    b"BZh": ("is compressed with bzip2", "decompress it with bzip2 -d"),
    b"\xff\xfe": ("is text in UTF-16 or UTF-32", "convert it with: iconv -t UTF-8"),
    b"\xfe\xff": ("is text in UTF-16 or UTF-32", "convert it with: iconv -t UTF-8"),
    b"\x00\x00\xfe\xff": ("is text in UTF-32", "convert it with: iconv -t UTF-8"),
} | dict.fromkeys(
    # a bracket beside a null byte: the same without a mark
    (b"{\x00", b"[\x00", b"\x00{", b"\x00["),
    (
        "is not JSON in UTF-8, but text in UTF-16 or UTF-32",
        "convert it with: iconv -f UTF-16LE -t UTF-8, or from UTF-16BE",
    ),
)
#: What may lie inside gzip that is to be unpacked by hand: its first bytes, and what it is.
_PACKED = {
    b"SQLite format 3\x00": "holds a SQLite database in gzip",
    b"PAR1": "holds a parquet file in gzip",
    _GZIP: "is gzip within gzip",
}
#: Where a tar archive says what it is.
_TAR_AT, _TAR = 257, b"ustar"


class ByteSource:
    """A trace file opened for one pass; a context manager.

    `partial` makes gzip data that breaks off end quietly, with `broken_off` set. `progress` hears of the bytes read
    from the file (compressed ones, where it is compressed). Raises InputError for a file that can't be read, is
    compressed otherwise or not UTF-8 by its byte order mark, for damaged gzip data, and for a gzip bomb.
    """

    def __init__(self, path: Path, *, partial: bool = False, progress: Progress | None = None) -> None:
        self.path = path
        self.broken_off = False
        self._partial = partial
        self._progress = progress
        self._produced = 0
        try:
            self._file: BinaryIO = open(path, "rb")  # noqa: SIM115 - closed by __exit__
        except OSError as error:
            raise _unreadable(path, error) from None
        try:
            self.size = path.stat().st_size
            head = self._file.read(6)
            self._file.seek(0)
            for magic, (what, remedy) in _FOREIGN.items():
                if head.startswith(magic):
                    raise InputError(path, what, remedy)
            self.gzipped = head.startswith(_GZIP)
            self._stream: Any = self._inflater() if self.gzipped else self._file
            self._first = True
        except OSError as error:
            self._file.close()
            raise _unreadable(path, error) from None
        except InputError:
            self._file.close()
            raise

    def _inflater(self) -> Any:
        # isal's reader drops up to a block of good data when the file breaks off, so --partial goes without it
        if igzip_threaded is None or self._partial:
            return gzip.GzipFile(fileobj=self._file, mode="rb")
        return igzip_threaded.open(self._file, "rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(OSError):  # nothing was written, so nothing is lost when closing fails
            self._stream.close()
            self._file.close()

    def read(self, size: int) -> bytes:
        """The next bytes, `size` of them or fewer; none at the end. A UTF-8 byte order mark is left out."""
        data = self._inflated(size) if self.gzipped else self._plain(size)
        if self._first and data:
            self._first = False
            self._check_head(data)
            data = data.removeprefix(_UTF8_MARK) or self.read(size)
        if self._progress is not None:
            self._progress(min(self._file.tell(), self.size), self.size)
        return data

    def _check_head(self, data: bytes) -> None:
        """Raise InputError for what is known and holds no JSON, by its first bytes, inflated if need be."""
        if data.startswith(_TAR, _TAR_AT):
            raise InputError(self.path, "is a tar archive", "unpack it and give the file inside")
        for magic, what in _PACKED.items():
            if self.gzipped and data.startswith(magic):
                raise InputError(self.path, what, "unpack it with gunzip and give the file inside")

    def _plain(self, size: int) -> bytes:
        try:
            data: bytes = self._stream.read(size)
        except OSError as error:
            raise _unreadable(self.path, error) from None
        return data

    def _inflated(self, size: int) -> bytes:
        damage = (zlib.error,) if igzip_threaded is None else (zlib.error, isal_zlib.error)
        try:
            # read1 asks the inflater once: `read` would throw away what it has when a later part is missing
            data: bytes = self._stream.read1(size)
        except EOFError:
            if not self._partial:
                if self._ends_whole():
                    raise self._followed() from None
                remedy = "copy or record it again, or read its whole events with --partial"
                raise InputError(self.path, "its gzip data breaks off", remedy, self._place()) from None
            self.broken_off = True
            return b""
        except (gzip.BadGzipFile, *damage) as error:
            if str(error).startswith(_NO_GZIP):  # what comes first is gzip, as its first bytes told
                raise self._followed() from None
            what = f"its gzip data is damaged: {error}"
            raise InputError(self.path, what, "copy or record it again", self._place()) from None
        except OSError as error:
            raise _unreadable(self.path, error) from None
        self._produced += len(data)
        if self._produced > BOMB_BYTES and self._produced > BOMB_RATIO * self.size:
            what = f"expands more than {BOMB_RATIO} times, past {BOMB_BYTES >> 20} MiB: no trace does that"
            raise InputError(self.path, what, "if it is a real trace, unpack it with gunzip first", self._place())
        return data

    def _ends_whole(self) -> bool:
        """Whether the gzip data is whole and something else follows it: isal takes a few bytes of that for a broken end."""
        with open(self.path, "rb") as file, gzip.GzipFile(fileobj=file, mode="rb") as inflated:
            try:
                while inflated.read1(1 << 20):
                    pass
            except gzip.BadGzipFile as error:
                return str(error).startswith(_NO_GZIP)
            except (EOFError, OSError, zlib.error):
                return False
        return False

    def _followed(self) -> InputError:
        what = "something that is not gzip follows its gzip data"
        return InputError(self.path, what, "unpack it with gunzip, which leaves that out")

    def _place(self) -> str:
        return f"byte {self._produced:,} of the unpacked data"


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(path, f"can't be read: {error.strerror or error}", "check the path and its permissions")
