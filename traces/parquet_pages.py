"""What the pages of a parquet file take unpacked, by their own headers: nothing of them is decoded.

A reader makes room for a page by what its header says, and the sums in the file's footer are only said to be those of its pages.
Both are written in Thrift's compact protocol (parquet-format, `parquet.thrift`); of what they hold little is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

#: No footer is larger, bytes, and no file that is read here has more pages.
_MOST_FOOTER, _MOST_PAGES = 16 << 20, 1_000_000
#: What is read for the header of a page; where that is not all of it, as statistics may hold long texts, so much.
_HEADER, _LONG_HEADER = 256, 4 << 20
_MAGIC = b"PAR1"
_DEEPEST = 16
#: Fields by their numbers: of the file, a row group, a chunk of a column, what is said of that, and the header of a page.
_ROW_GROUPS, _COLUMNS, _SAID = 4, 1, 3
_CHUNK_BYTES, _DATA_AT, _DICTIONARY_AT = 7, 9, 11
_UNPACKED, _PACKED = 2, 3


def unpacked_bytes(path: Path) -> int:
    """How many bytes all pages of a file take, unpacked. Raises ValueError for what is no whole file, OSError where it can't be read."""
    with open(path, "rb") as file:
        try:
            return sum(_of_chunk(file, said) for said in _chunks(file))
        except (IndexError, KeyError, TypeError, AttributeError):
            raise ValueError("what it says of its pages is damaged") from None


def _chunks(file: BinaryIO) -> list[dict[int, Any]]:
    """What the footer says of each chunk of a column."""
    end = file.seek(0, 2) - 8
    file.seek(max(0, end))
    tail = file.read(8)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != _MAGIC or not 0 < length <= min(end, _MOST_FOOTER):
        raise ValueError(f"it has no footer of {_MOST_FOOTER:,} bytes at most")
    file.seek(end - length)
    groups = _Thrift(file.read(length)).struct().get(_ROW_GROUPS, [])
    return [column[_SAID] for group in groups for column in group[_COLUMNS]]


def _of_chunk(file: BinaryIO, said: dict[int, Any]) -> int:
    at = min((place for place in (said[_DATA_AT], said.get(_DICTIONARY_AT, 0)) if place > 0), default=0)
    end, unpacked, pages = at + said[_CHUNK_BYTES], 0, 0
    while at < end:
        header, length = _header(file, at)
        if header[_UNPACKED] < 0 or header[_PACKED] < 0 or (pages := pages + 1) > _MOST_PAGES:
            raise ValueError(f"it has pages of less than no bytes, or over {_MOST_PAGES:,} of them")
        unpacked += header[_UNPACKED]
        at += length + header[_PACKED]
    return unpacked


def _header(file: BinaryIO, at: int) -> tuple[dict[int, Any], int]:
    """The header of the page at a place, and how long it is."""
    for size in (_HEADER, _LONG_HEADER):
        file.seek(at)
        thrift = _Thrift(file.read(size))
        try:
            return thrift.struct(), thrift.at
        except IndexError:
            if size == _LONG_HEADER:
                raise
    raise AssertionError


class _Thrift:
    """Thrift's compact protocol: structures as their fields by number, of texts their length. Raises IndexError where it breaks off."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self._depth = 0

    def struct(self) -> dict[int, Any]:
        fields: dict[int, Any] = {}
        number = 0
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError("what it says of its pages is nested too deeply")
        data = self.data
        while head := data[self.at]:
            self.at += 1
            number = number + (head >> 4) if head >> 4 else self._number()
            kind = head & 15
            fields[number] = kind == 1 if kind in (1, 2) else _READ[kind](self)
        self.at += 1
        self._depth -= 1
        return fields

    def _list(self) -> list[Any]:
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._varint()
        if count > len(self.data):  # each takes a byte at least
            raise IndexError
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError("what it says of its pages is nested too deeply")
        found = [_READ[head & 15](self) for _ in range(count)]
        self._depth -= 1
        return found

    def _map(self) -> int:
        count = self._varint()
        kinds = self._byte() if count else 0
        if count > len(self.data):
            raise IndexError
        for _ in range(count):
            _READ[kinds >> 4](self)
            _READ[kinds & 15](self)
        return count

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _varint(self) -> int:
        value = self.data[self.at]
        self.at += 1
        if value < 128:  # as almost all are
            return value
        value &= 127
        shift = 7
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("what it says of its pages is damaged")

    def _number(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _skip(self, count: int) -> int:
        self.at += count
        if self.at > len(self.data):
            raise IndexError
        return count

    def _fixed(self) -> int:
        return self._skip(8)

    def _text(self) -> int:
        return self._skip(self._varint())


#: What reads a value of each of Thrift's kinds.
_READ: Mapping[int, Callable[[_Thrift], Any]] = {
    1: _Thrift._byte, 2: _Thrift._byte, 3: _Thrift._byte, 4: _Thrift._number, 5: _Thrift._number, 6: _Thrift._number,
    7: _Thrift._fixed, 8: _Thrift._text, 9: _Thrift._list, 10: _Thrift._list, 11: _Thrift._map, 12: _Thrift.struct,
}  # fmt: skip
