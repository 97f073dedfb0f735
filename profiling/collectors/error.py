"""The one way in which a collector says that it could not record."""

from __future__ import annotations


class CollectorError(Exception):
    """A collector recorded nothing; the text says why in one line. `for_good`: nor would it if asked again."""

    def __init__(self, text: str, *, for_good: bool = False) -> None:
        super().__init__(text)
        self.for_good = for_good
