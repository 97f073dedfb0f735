"""What a fleet's numbers say, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from launchlens.traces.documents.fleet import RankRow, StragglerRow
from launchlens.traces.fleet.stragglers import Straggler
from launchlens.traces.problems import shown_name
from launchlens.traces.thresholds import THRESHOLDS
from launchlens.traces.units import duration, whole_percent

#: From this share of waits on it is said that they ran beside other work.
_SOME = 0.1


def straggler_says(rank: int, found: Straggler) -> str:
    """One sentence: what it costs the others, and why it is late."""
    cost = f"Rank {rank} costs each other rank {duration(found.costs_ns)} a step ({whole_percent(found.share)} of it)"
    return f"{cost}: {_why(found)}.{_beside(found)}"


def _beside(found: Straggler) -> str:
    """How much of the waiting did not stop who waited, where that is some."""
    waits = found.exposed_ns + found.overlapped_ns
    if found.overlapped_ns < _SOME * waits:
        return ""
    slower = ""
    if found.cause == "gpu":
        # their work is what its work is compared with
        slower = " Work beside collectives that wait runs slower: what its own GPU does more may be more than that."
    return f" They wait {duration(waits)} for it, {duration(found.overlapped_ns)} of that beside other work.{slower}"


def _why(found: Straggler) -> str:
    place = None if found.where is None else f"`{shown_name(found.where)}`"
    longer = "" if found.range_ns is None else f"{duration(found.range_ns)} a step longer than others'"
    match found.cause:
        case "data":
            return (
                f"its host is in {place} {longer}"
                if place
                else f"its GPU waits {duration(found.longer_ns or 0)} a step longer for data"
            )
        case "host":
            more = f"its GPU waits {duration(found.longer_ns or 0)} a step longer for its host"
            return f"{more}, which is in {place} {longer}" if place else more
        case "gpu":
            more = f"its GPU works {duration(found.longer_ns or 0)} a step longer"
            if not found.kernels:
                return f"{more}, on as many kernels"
            count = f"{abs(found.kernels)} kernel{'' if abs(found.kernels) == 1 else 's'}"
            return f"{more}, on {count} {'more' if found.kernels > 0 else 'fewer'}"
        case "communication":
            return f"its transfers take {duration(found.longer_ns or 0)} a step longer"
        case _:
            return "nothing that was recorded tells why"


def answer(ranks: Sequence[RankRow], late: Sequence[StragglerRow] | None, last: tuple[int, int, int] | None) -> str:
    """The sentence that stands first."""
    if len(ranks) == 1:
        return "One rank was recorded: who keeps whom waiting takes several."
    if late is None:
        return "The ranks have no collective in common: nothing tells who keeps whom waiting."
    if late:
        first = late[0].sentence
        if len(late) == 1:
            return f"One straggler. {first}"
        return f"{len(late)} stragglers. {first} The others: {', '.join(str(each.rank) for each in late[1:])}."
    found = (
        f"No straggler: no rank costs the others {whole_percent(THRESHOLDS.straggler_share)} of a step in most steps."
    )
    if last is not None and 2 * last[1] > last[2]:
        mine = next(each for each in ranks if each.rank == last[0])
        step = float(np.median([each.step_ns for each in ranks]))
        if mine.lengthens_steps_ns and step:
            cost = f"{duration(mine.lengthens_steps_ns)} a step ({whole_percent(mine.lengthens_steps_ns / step)})"
            return f"{found} Rank {last[0]} comes last in {last[1]} of {last[2]} collectives, which costs the others {cost}."
    return found
