"""What the JSON documents are made of: structures whose every field says what it means, in which unit, and when it is null.

A document is what one command prints with `--json`, or what lies in a file that we write: it is typed here, built by
whoever works out its numbers, and made into text in one place (`launchlens.reports.writers.json`). Its page in docs/formats is
written from these fields. Keys stand in the order of the fields.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec


class Structure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An object in a document."""


class Document(Structure, frozen=True, kw_only=True):
    """A whole document. Its `format` is the tag of the class, and the first key.

    `printed_by` names the commands that print it (empty for a file); `history` has a line per version, newest first.
    """

    printed_by: ClassVar[tuple[str, ...]] = ()
    history: ClassVar[tuple[tuple[str, str], ...]] = ()


def means(meaning: str, *, unit: str = "", null: str = "", there: str = "", key: str = "") -> msgspec.Meta:
    """What a field means, for its annotation.

    `unit` is that of its numbers; `null` says when it is null, `there` when the key is there at all (else it always is), and
    `key` what the keys of an object are.
    """
    return msgspec.Meta(description=meaning, extra={"unit": unit, "null": null, "there": there, "key": key})


def as_plain(document: Structure) -> dict[str, Any]:
    """A structure as objects, lists, texts and numbers, as JSON holds it."""
    found: dict[str, Any] = msgspec.to_builtins(document)
    return found
