"""What in a text or in the name of a field says whose machine it came from."""

from __future__ import annotations

import re
from collections import Counter


class Removed(Counter[str]):
    """What was taken out of a file, and how often: a phrase for people -> a count.

    `kept` counts likewise the texts that are in the copy, and `renamed` says which ids of processes and threads became which.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kept: Counter[str] = Counter()
        self.renamed: dict[str, str] = {}


#: Stands where a path was.
PATH = "<path>"
#: Stands where an address was.
ADDRESS = "<address>"

_TO_THE_END = r"[^\"'`<>|;\r\n\t\x00]*"
_PATHS = re.compile(
    # in somebody's own folder, to the next delimiter: such paths may well hold spaces
    r"(?:/[\w.@+~%#-]+)*/(?:home|Users)/" + _TO_THE_END + r"|(?<![\w/])/root(?:/" + _TO_THE_END + r"|\b)"
    r"|(?<![A-Za-z0-9_:])[A-Za-z]:[\\/]+" + _TO_THE_END + r"|\\\\[\w.$-]+\\" + _TO_THE_END + r"|(?<![\w/])~\w*[\\/]" + _TO_THE_END +
    # a URL, which names a host; any other absolute path of two parts or more
    r"|\b[a-z][a-z0-9+]*://[^\s\"'<>]*|(?<![\w/.*&>)\]~-])/(?!/)[\w.@+~%#-]+(?:/[\w.@+~%#-]+)+/?"
)  # fmt: skip
#: A URL, or any absolute path of two parts or more, with all that follows to the next delimiter, for it may hold spaces.
_TO_ITS_END = re.compile(
    r"(?:\b[a-z][a-z0-9+]*://|(?<![\w/.*&>)\]~-])/(?!/)[\w.@+~%#-]+(?: [\w.@+~%#-]+)*/)" + _TO_THE_END
)
#: IPv4 and IPv6 with a port, MAC and mail addresses.
_ADDRESSES = re.compile(
    r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\w.])|\[?(?<![\w:])(?:[0-9a-fA-F]{1,4}:){2,7}:?(?:[0-9a-fA-F]{1,4})?(?![\w:])\]?(?::\d+)?"
    r"|(?<![\w:])(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}(?![\w:])|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
)
_STACK_FRAME = re.compile(r"(?P<file>.*)\((?P<line>\d+)\): (?P<function>.*)", re.DOTALL)

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[a-z]+|\d+")
#: Words in the name of a field that tell one piece of hardware from all others, as numbers do as well.
_OF_HARDWARE = frozenset({"bus", "guid", "luid", "mac", "pci", "pw", "serial", "uuid"})


def words(name: str) -> set[str]:
    """The words of a field's name, in lower case: `ctxswDevPath` has `path`, `host_name` has `host`."""
    return {word.lower() for word in _WORDS.findall(name)}


def is_hardware_id(name: str) -> bool:
    """Whether the name of a field says that even a number in it tells one machine from all others."""
    return not _OF_HARDWARE.isdisjoint(words(name))


def without_paths(text: str) -> tuple[str, int]:
    """`text` with PATH for every path and URL, and how many there were; of a NUL-joined block (an environment) nothing.

    >>> without_paths("open /home/ada/my data/x.bin")
    ('open <path>', 1)
    >>> without_paths("aten::add GB/s a/b")
    ('aten::add GB/s a/b', 0)
    """
    if "\x00" in text:
        return "", 1
    return _PATHS.subn(PATH, text)


def without_places(text: str) -> tuple[str, int]:
    """`text` without paths, URLs and addresses of machines and people, and how many there were.

    >>> without_places("send to 10.18.15.10:29500 for ada@example.net, see /data/my set/x.bin")
    ('send to <address> for <address>, see <path>', 3)
    """
    text, paths = _TO_ITS_END.subn(PATH, text)
    text, others = without_paths(text)
    text, addresses = _ADDRESSES.subn(ADDRESS, text)
    return text, paths + addresses + others


def without_folders(frame: str) -> tuple[str, int]:
    """A Python stack frame without the folders of its file, and whether (1 or 0) there were any.

    >>> without_folders("/home/ada/train/loop.py(12): step")
    ('loop.py(12): step', 1)
    """
    match = _STACK_FRAME.fullmatch(frame)
    if match is None:
        text, count = without_paths(frame)
        return text, min(count, 1)
    function, count = without_paths(match["function"])
    file = re.split(r"[\\/]", match["file"])[-1]
    text = f"{file}({match['line']}): {function}"
    return text, int(text != frame or count > 0)
