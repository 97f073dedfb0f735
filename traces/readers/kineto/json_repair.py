"""Makes JSON out of what nearly is JSON, as profilers write it: token by token, changing nothing that is valid."""

from __future__ import annotations

import re

#: A JSON string in bytes, or what there is of it at the end of the data. Possessive, so a million characters cost no
#: stack and no second look.
STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'

_TOKEN = re.compile(
    STRING.decode()
    + r"|(?<![\w.])[-+]?(?i:nan(?:\(\w*\))?|inf(?:inity)?|1\.#\w+)(?![\w.])"  # as C, C++ and Python print them
    + r"|,(?=\s*[\]}])",  # a comma after the last element
    re.DOTALL,
)
_BAD_IN_STRING = re.compile(
    r"[\x00-\x1f\ud800-\udfff]"  # raw control characters; bytes that are not UTF-8
    r'|\\(?:["\\/bfnrt]|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u(?![dD][89a-fA-F])[0-9a-fA-F]{4})'
    r"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"  # half of a surrogate pair
    r"|\\",  # not an escape: a Windows path
)


def repair(data: bytes) -> tuple[bytes, int]:
    r"""`data` with its invalid tokens replaced, and how many were.

    NaN and infinities become null; raw control characters become escapes; bytes that are not UTF-8, and halves of
    surrogate pairs, become U+FFFD; a backslash that escapes nothing is doubled; a comma after the last element goes.
    Strings stay strings and brackets stay where they were, so what was whole before is whole after.
    """
    count = 0

    def token(match: re.Match[str]) -> str:
        nonlocal count
        text = match.group()
        if not text.startswith('"'):
            count += 1
            return "" if text == "," else "null"
        fixed = _BAD_IN_STRING.sub(_in_string, text)
        count += fixed != text
        return fixed

    # bad bytes become lone surrogates here, which can't be in text that was UTF-8
    text = _TOKEN.sub(token, data.decode("utf-8", errors="surrogateescape"))
    return text.encode("utf-8", errors="replace"), count


def _in_string(match: re.Match[str]) -> str:
    bad = match.group()
    if bad == "\\":
        return "\\\\"
    if bad < " ":
        return f"\\u{ord(bad):04x}"
    if len(bad) == 1 or (len(bad) == 6 and bad[2] in "dD" and bad[3] in "89abcdefABCDEF"):
        return "\ufffd"
    return bad
