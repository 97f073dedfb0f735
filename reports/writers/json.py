"""A document as JSON: one object, strict, without NaN (docs/formats.md)."""

from __future__ import annotations

import json

import msgspec

from launchlens.reports.streams import clean_json
from launchlens.traces.documents.structure import Structure, as_plain


def text(document: Structure) -> str:
    """The document as JSON text, in which nothing can steer a terminal. Raises ValueError for a number that JSON can't spell."""
    plain = as_plain(document)
    try:
        written = json.dumps(plain, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:  # halves of pairs in a name, of which bytes have no spelling
        return clean_json(json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False))
    # json.dumps indents in Python, which takes several times as long
    return clean_json(msgspec.json.format(written, indent=1).decode())
