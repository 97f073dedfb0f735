"""What in a text or in the name of a field says whose machine it came from."""

from __future__ import annotations

import re
from collections import Counter
from typing import TypeAlias

#: What was taken out of a file, and how often: a phrase for people -> a count.
Removed: TypeAlias = Counter[str]

#: Stands where a path was.
PATH = "<path>"

_TO_THE_END = r"[^\"'`<>|;\r\n\t\x00]*"
_PATHS = re.compile(
    # in somebody's own folder, to the next delimiter: such paths may well hold spaces
    r"(?:/[\w.@+~%#-]+)*/(?:home|Users)/" + _TO_THE_END + r"|(?<![\w/])/root(?:/" + _TO_THE_END + r"|\b)"
    r"|(?<![A-Za-z0-9_:])[A-Za-z]:[\\/]+" + _TO_THE_END + r"|\\\\[\w.$-]+\\" + _TO_THE_END + r"|(?<![\w/])~\w*[\\/]" + _TO_THE_END +
    # a URL, which names a host; any other absolute path of two parts or more
    r"|\b[a-z][a-z0-9+]*://[^\s\"'<>]*|(?<![\w/.*&>)\]~-])/(?!/)[\w.@+~%#-]+(?:/[\w.@+~%#-]+)+/?"
)  # fmt: skip
_STACK_FRAME = re.compile(r"(?P<file>.*)\((?P<line>\d+)\): (?P<function>.*)", re.DOTALL)

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[a-z]+|\d+")
#: Words in the name of a field that make its text private, whatever it is. Fields of numbers stay, but for ids of hardware.
_PRIVATE = frozenset((
    "account", "addr", "address", "argument", "arguments", "argv", "bus", "cmd", "cmdline", "command", "computer",
    "cwd", "dir", "directory", "domain", "email", "env", "environ", "environment", "file", "filename", "files",
    "folder", "guid", "home", "host", "hostname", "hostnames", "hosts", "ip", "ips", "location", "log", "login",
    "luid", "mac", "machine", "node", "nodename", "owner", "path", "paths", "program", "pw", "pwd", "script",
    "serial", "session", "stack", "url", "user", "username", "uuid",
))  # fmt: skip
_OF_HARDWARE = frozenset({"bus", "guid", "luid", "mac", "pci", "pw", "serial", "uuid"})


def words(name: str) -> set[str]:
    """The words of a field's name, in lower case: `ctxswDevPath` has `path`, `host_name` has `host`."""
    return {word.lower() for word in _WORDS.findall(name)}


def is_private(name: str) -> bool:
    """Whether the name of a field says that its text names a machine, its user, or a place on it."""
    return not _PRIVATE.isdisjoint(words(name))


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
