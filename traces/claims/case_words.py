"""Cases of a claim in words: where it holds, where not, and what was not shown or not tested."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from launchlens.traces import units
from launchlens.traces.claims.claim import Case, Outcome

#: How outcomes are called in a verdict's words; the order is the order in which they are told.
OUTCOME_WORDS: dict[Outcome, str] = {
    "holds": "holds",
    "fails": "does not hold",
    "no-difference-shown": "no difference shown",
    "undecided": "undecided",
    "absent": "not tested",
}

#: Captures that are named in a place; of more, the number is told.
NAMED = 3


def cases_in_words(cases: Sequence[Case], *, skip: Sequence[Outcome] = (), only: Sequence[Outcome] = ()) -> str | None:
    """Cases in words: `holds in eager; no difference shown in graph`, with what each is about where that differs.

    Captures are named where they found different things: `holds in eager of one; does not hold in eager of another`.
    """
    about_one = len({case.what for case in cases}) == 1
    split = _split(cases)
    words = []
    for outcome, verb in OUTCOME_WORDS.items():
        if outcome in skip or (only and outcome not in only):
            continue
        for (what, reason, of), regimes in _places([case for case in cases if case.outcome == outcome], split).items():
            where = " and ".join(dict.fromkeys(regime for regime in regimes if regime))
            place = ("" if about_one or not what else f" for {what}") + (f" in {where}" if where else "") + of
            why = "" if not reason or outcome in ("holds", "fails") else f": {reason}" if not place else f" ({reason})"
            words.append(f"{verb}{place}{why}")
    return "; ".join(words) or None


def listed(names: Iterable[str]) -> str:
    """`a, b and c`, each once; of more than a few the first, and how many more."""
    found = list(dict.fromkeys(names))
    rest = [f"{len(found) - NAMED} more"] if len(found) > NAMED + 1 else []
    return units.listed(found[:NAMED] + rest if rest else found)


def _split(cases: Sequence[Case]) -> set[tuple[str, str | None]]:
    """Places (what, regime) of which captures differ in what they found."""
    found: dict[tuple[str, str | None], dict[str | None, set[Outcome]]] = {}
    for case in cases:
        if case.outcome != "absent":
            found.setdefault((case.what, case.regime), {}).setdefault(case.capture, set()).add(case.outcome)
    return {place for place, of in found.items() if len({frozenset(outcomes) for outcomes in of.values()}) > 1}


def _places(cases: Sequence[Case], split: set[tuple[str, str | None]]) -> dict[tuple[str, str | None, str], list[str]]:
    """Regimes by what a case is about, its reason, and the captures in words where they matter."""
    captures: dict[tuple[str, str | None, str | None], list[str]] = {}
    for case in cases:
        # what is missing says itself what it is missing from
        what = "" if case.outcome == "absent" else case.what
        names = captures.setdefault((what, case.reason, case.regime), [])
        if case.capture is not None and (case.what, case.regime) in split:
            names.append(case.capture)
    groups: dict[tuple[str, str | None, str], list[str]] = {}
    for (what, reason, regime), names in captures.items():
        of = f" of {listed(names)}" if names else ""
        groups.setdefault((what, reason, of), []).append(regime or "")
    return groups
