"""Text in Markdown that stays text."""

from __future__ import annotations

import re


def cell(text: str) -> str:
    """Text that is only text in a Markdown table: no markup, no cell of its own, one line, nothing unprintable."""
    clean = "".join(character if character.isprintable() else " " for character in text)
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", " ".join(clean.split())).replace("&", "&amp;")
