"""Which forward op a backward op is of, by links that the recorder gives: its arrows, and autograd's sequence numbers.

    forward thread   | aten::mm #7 |                     | waits ...                    |
    autograd thread                                         | MmBackward0 #7 |

Nothing is linked by guess: numbers that two threads have are no link.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from launchlens.traces.analyses.open_events import Opened
from launchlens.traces.columns import codes, is_any, numbers
from launchlens.traces.event_names import named, what_names_say
from launchlens.traces.grouping import Groups
from launchlens.traces.intervals import Ints, moments
from launchlens.traces.launches.table import Launches

#: A recomputed forward pass lies inside a backward op, whose own forward op may lie inside another: so deep at most.
_DEEPEST = 16
#: What `torch.autograd.profiler.emit_nvtx` writes into the text of a range. A number that no int64 holds stands for none.
_SEQUENCE = re.compile(r"^(?P<name>.*?), seq = (?P<number>\d{1,18})(?!\d)", re.DOTALL)
#: The nodes of autograd's graph, by their names.
_BACKWARD_NODE = re.compile(r"(Backward\d*|AccumulateGrad|^CppNode<.*>)$")


@dataclass(frozen=True)
class BackwardOps:
    """The ops of backward passes whose forward op is known: rows of the event table, and for each the row of its forward op."""

    rows: Ints
    forward: Ints

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Homes:
    """For whom launches of backward passes were made: positions of launches, and when and where their forward op began.

    `process` and `thread` are codes of the event table.
    """

    launches: Ints
    process: Ints
    thread: Ints
    start_ns: Ints


def backward_ops(events: pd.DataFrame) -> BackwardOps:
    """The linked ops of backward passes.

    An arrow leads to the op that it says. Without one, the forward op is the last of that sequence number that began before on the
    one thread whose ops have that number. Ranges of `emit_nvtx` are such ops: their texts say a number.
    """
    found = np.full(len(events), -1, np.int64)
    sequence, of_backward = _numbered(events)
    flow = events["flow"].array
    has_arrow = np.flatnonzero(~flow.isna())
    if not (len(has_arrow) or of_backward.any()):
        return BackwardOps(np.empty(0, np.int64), np.empty(0, np.int64))
    start, process = events["start_ns"].to_numpy(), codes(events, "process")
    # an arrow leads from the first that has it to the others
    has_arrow = has_arrow[np.argsort(start[has_arrow], kind="stable")]
    arrows, first = Groups.of(process[has_arrow], flow[has_arrow].to_numpy(np.int64))
    leads_from = has_arrow[first[arrows.codes]]
    reached = has_arrow != leads_from
    found[has_arrow[reached]] = leads_from[reached]

    numbered = sequence >= 0
    forward = np.flatnonzero(numbered & ~of_backward & (found < 0))
    lacking = np.flatnonzero(numbered & of_backward & (found < 0))
    if len(forward) and len(lacking):
        found[lacking] = _by_sequence(events, sequence, start, process, forward, lacking)
    rows = np.flatnonzero(found >= 0)
    return BackwardOps(rows, found[rows])


def _numbered(events: pd.DataFrame) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """The sequence number of each event, -1 for none, and which events are of a backward pass: by what the recorder says of ops,
    and of ranges by their texts."""
    sequence = numbers(events, "sequence", absent=-1)
    of_backward = ~events["forward_thread"].array.isna()
    by_text = np.flatnonzero(is_any(events, "kind", "range") & (sequence < 0))
    number = what_names_say(events["name"], _number_said, by_text, nothing=-1)
    by_text = by_text[number >= 0]
    sequence = sequence.copy()
    sequence[by_text] = number[number >= 0]
    of_backward[by_text] |= named(events["name"], _is_backward_node, by_text)
    return sequence, of_backward


def _number_said(name: str) -> int:
    """The sequence number that a range's text says, -1 for none."""
    said = _SEQUENCE.match(name)
    return -1 if said is None else int(said["number"])


def _is_backward_node(name: str) -> bool:
    said = _SEQUENCE.match(name)
    return said is not None and bool(_BACKWARD_NODE.search(said["name"]))


def _by_sequence(
    events: pd.DataFrame, sequence: Ints, start: Ints, process: Ints, forward: Ints, lacking: Ints
) -> Ints:
    """For each of some backward ops the row of its forward op by their sequence number, -1 where that names none."""
    asked = np.concatenate((lacking, forward))
    same, _ = Groups.of(process[asked], sequence[asked])
    number = same.codes[len(lacking) :]
    threads = Groups(number, same.count).ordered(codes(events, "thread")[forward])
    of_one_thread = (threads.min == threads.max)[number]
    forward, number = forward[of_one_thread], number[of_one_thread]
    # all numbers are laid one after the other on one line, each moment by its rank: the last that began before is looked up there
    known = moments(start[asked])
    begun = number * len(known) + np.searchsorted(known, start[forward])
    order = np.argsort(begun, kind="stable")
    wanted = same.codes[: len(lacking)]
    before = np.searchsorted(begun[order], wanted * len(known) + np.searchsorted(known, start[lacking])) - 1
    of_number = (before >= 0) & (np.append(number[order], -1)[before] == wanted)
    return np.where(of_number, np.append(forward[order], -1)[before], -1)


def homes(events: pd.DataFrame, launches: Launches, linked: BackwardOps) -> Homes:
    """The launches made inside linked backward ops, with the forward op for whose sake they were made.

    Of nested backward ops the innermost is asked; where its forward op lies in a backward op itself (a checkpoint's
    recomputed forward pass), that one is asked again.
    """
    opened = Opened(events, linked.rows)
    start = events["start_ns"].to_numpy()
    of_process, of_thread = (events[each].array.codes for each in ("process", "thread"))
    process, thread, moment = launches.process.copy(), launches.thread.copy(), launches.start_ns.copy()
    is_linked = np.zeros(len(process), bool)
    asked = np.arange(len(process))
    for _ in range(_DEEPEST):
        op = opened.at(process[asked], thread[asked], moment[asked])
        inside: npt.NDArray[np.bool_] = op >= 0
        asked = asked[inside]
        if not len(asked):
            break
        forward = linked.forward[op[inside]]
        process[asked], thread[asked], moment[asked] = of_process[forward], of_thread[forward], start[forward]
        is_linked[asked] = True
    at = np.flatnonzero(is_linked)
    return Homes(at, process[at], thread[at], moment[at])
