"""A document as JSON: one object, strict, without NaN (docs/formats.md)."""

from __future__ import annotations

import json

from launchlens.reports.streams import clean_json
from launchlens.traces.documents.structure import Structure, as_plain


def text(document: Structure) -> str:
    """The document as JSON text, in which nothing can steer a terminal. Raises ValueError for a number that JSON can't spell."""
    return clean_json(json.dumps(as_plain(document), indent=1, ensure_ascii=False, allow_nan=False))
