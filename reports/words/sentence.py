"""What every sentence of a verdict is, whatever says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: `first` comes before all others: it says what makes the rest doubtful.
Weight = Literal["first", "headline", "plain", "caveat"]


@dataclass(frozen=True)
class Sentence:
    """One sentence of a verdict: plain text, the finding's code, and the report section that holds its figures."""

    text: str
    code: str
    regime: str | None
    anchor: str | None
    weight: Weight
