"""From trials to the verdict of the probe `copy-engine`: which operations need an SM, and whether that can be said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from launchlens.profiling.probes.copy_engine.held_trial import Share
from launchlens.profiling.probes.method.conclusion import concluded
from launchlens.profiling.probes.method.tables import of_rows
from launchlens.traces.captures.probe_codes import copy_engine as codes
from launchlens.traces.captures.probe_codes.copy_engine import BARE, DTOD, HTOD, Needs
from launchlens.traces.captures.probes import Cell, ColumnKind, Control, Probe, ProbeTable

#: Without these there is no verdict.
REQUIRED = (DTOD, HTOD, BARE)

NOTHING: Final = "nothing"
HALF: Final = "half"
ONE_EACH: Final = "one block per SM"
ALL: Final = "all"
STATES: tuple[Share, ...] = (NOTHING, HALF, ONE_EACH, ALL)


@dataclass(frozen=True)
class Seen:
    """The trials of one operation at one size with one share of the SMs held.

    `held` trials are those in which the SMs stayed held until the work was judged, or the call itself waited for them to be
    free (`call_waited`); `finished` ones ended meanwhile, `took_ns` after submitting (median; None where none did).
    """

    operation: str
    bytes: int
    state: str
    trials: int
    held: int
    finished: int
    right: int
    call_waited: int = 0
    took_ns: int | None = None


@dataclass(frozen=True)
class Shares:
    """What held the GPU in one state, as the blocks themselves said: SM numbers are from %smid."""

    state: str
    blocks: int
    threads: int
    sms_held: int
    blocks_per_sm: int
    sms: int


Key = tuple[str, int]


def needs(seen: Mapping[str, Seen]) -> Needs:
    """What one operation of one size needs, from its trials by state."""
    judged = [seen.get(state) for state in (NOTHING, HALF, ALL)]
    if any(item is None or item.held < item.trials or not item.trials for item in judged):
        return "unclear"
    free, half, held = (item for item in judged if item is not None)
    if free.finished < free.trials or half.finished < half.trials:
        return "unclear"  # it would not have ended anyway, or not on this stream
    return "no SM" if held.finished == held.trials else "an SM" if not held.finished else "unclear"


def by_size(seen: Iterable[Seen]) -> dict[Key, dict[str, Seen]]:
    """Trials by operation and bytes, and of each by the state of the SMs."""
    found: dict[Key, dict[str, Seen]] = {}
    for item in seen:
        found.setdefault((item.operation, item.bytes), {})[item.state] = item
    return found


def conclude(seen: Sequence[Seen], shares: Sequence[Shares], warmed: int, notes: Sequence[str] = ()) -> Probe:
    """The probe's answer. `warmed` says how many operations (of all sizes) ran rightly before anything was held."""
    found = by_size(seen)
    needed = {key: needs(states) for key, states in found.items()}
    kinds = {need for (name, _), need in needed.items() if name == DTOD}
    held = [item.sms for item in shares if item.state == ALL]
    return concluded(
        codes.ID,
        verdict=codes.BY_SIZE if len(kinds) > 1 else codes.ON_AN_ENGINE if kinds == {"no SM"} else codes.ON_SMS,
        controls=controls(seen, shares, warmed),
        figures=[*codes.counted(needed), *map(codes.sms, held[:1])],
        tables=[_trials(found, needed), _held(shares)],
        notes=notes,
    )


def controls(seen: Sequence[Seen], shares: Sequence[Shares], warmed: int) -> list[Control]:
    """What must have been found before the verdict counts."""
    found = by_size(seen)
    up = [states.get(ALL) for (name, _), states in found.items() if name == HTOD]
    up_ended = [item for item in up if item is not None and item.trials and item.finished == item.trials == item.held]
    half = {key: states.get(HALF) for key, states in found.items()}
    stuck = [
        f"{name} of {n:,} bytes" for (name, n), item in half.items() if item is None or item.finished < item.trials
    ]
    lost = [item for item in seen if item.held < item.trials]
    bare = [states.get(ALL) for (name, _), states in found.items() if name == BARE]
    bare_ended = sum(item.finished for item in bare if item is not None)
    bare_held = sum(item.held for item in bare if item is not None)
    unsure = [f"{n:,} bytes" for (name, n), states in found.items() if name == DTOD and needs(states) == "unclear"]
    decided = any(name == DTOD for name, _ in found) and not unsure
    full = next((item for item in shares if item.state == ALL), None)
    freed = next((item for item in shares if item.state == HALF), None)
    covered = (
        full is not None
        and freed is not None
        and full.sms_held == full.sms
        and full.blocks == full.sms * full.blocks_per_sm
        and freed.sms_held == freed.sms // 2
    )
    wrong = sum(item.trials - item.right for item in seen)
    return [
        Control(
            "copies from pinned host memory finish with all SMs held, the smallest and the largest",
            bool(up) and len(up_ended) == len(up),
            f"{len(up_ended)} of {len(up)} sizes did",
        ),
        Control(
            "every operation finishes with half of the SMs wholly free",
            bool(half) and not stuck,
            "all did" if not stuck else f"{_listed(stuck)} did not",
        ),
        Control(
            "the blocks that held the SMs sat on the SMs that they should, by their own account",
            covered,
            "; ".join(f"{item.state}: {item.sms_held} of {item.sms} SMs" for item in shares) or "none was seen",
        ),
        Control(
            "the SMs stayed held until each operation was judged",
            bool(seen) and not lost,
            f"{sum(item.held for item in seen)} of {sum(item.trials for item in seen)} trials",
        ),
        Control(
            "a bare kernel does not finish with all SMs held",
            bare_held > 0 and not bare_ended,
            f"{bare_ended} of {bare_held} did",
        ),
        Control(
            "every operation ran rightly with nothing held before its trials, so nothing was loaded late",
            warmed == len(found) > 0,
            f"{warmed} of {len(found)} operations and sizes",
        ),
        Control("every byte is right after the release", bool(seen) and not wrong, f"{wrong} trials left wrong bytes"),
        Control(
            "every size of DtoD was decided", decided, "all were" if decided else f"not {_listed(unsure) or 'any'}"
        ),
    ]


def _listed(names: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _trials(found: Mapping[Key, Mapping[str, Seen]], needed: Mapping[Key, Needs]) -> ProbeTable:
    columns: dict[str, ColumnKind] = {"operation": "code", "bytes": "number", "needs": "text"}
    for state in STATES:
        columns |= {f"held {state}: finished": "text", f"held {state}: median": "time"}
    columns |= {"calls that waited for the release": "count", "right bytes": "text"}
    rows = []
    for (name, n), states in found.items():
        row: list[Cell] = [name, n, needed[name, n]]
        for state in STATES:
            item = states.get(state)
            row += [None, None] if item is None else [f"{item.finished} of {item.held}", item.took_ns]
        trials = list(states.values())
        row.append(sum(item.call_waited for item in trials))
        row.append(f"{sum(item.right for item in trials)} of {sum(item.trials for item in trials)}")
        rows.append(tuple(row))
    title = "Trials: finished while the SMs were held, and how long after submitting began (host clock, polled)"
    return of_rows(title, columns, rows)


def _held(shares: Sequence[Shares]) -> ProbeTable:
    counts = ("blocks launched", "threads per block", "SMs held", "blocks on each", "SMs of the GPU")
    columns: dict[str, ColumnKind] = {"held": "text", **dict.fromkeys(counts, "count")}
    rows = [(item.state, item.blocks, item.threads, item.sms_held, item.blocks_per_sm, item.sms) for item in shares]
    return of_rows("What held the SMs, by the blocks' own account", columns, rows)
