"""The ladder of `.copy_()`: from an empty loop to the copy of one small contiguous tensor on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from launchlens.profiling.probes.apparatus.ctypes_calls import RawCall
from launchlens.profiling.probes.launch_ladder.ladder import Ladder, Step
from launchlens.profiling.probes.method.bursts import Burst
from launchlens.traces.captures.probe_codes import launch_ladder as codes

#: The bare loop, which both ladders begin with.
LOOP = "loop"
LOOP_CONTAINS = "one turn of the loop that makes the calls, with nothing in it"

WHOLE, AGAIN, HALF = "copy_: whole", "copy_: whole, again", "copy_: whole, half as many"
METHOD, EMPTY, API, NO_API = "copy_: a method", "copy_: of no elements", "copy_: API", "copy_: no API"

RUNGS = {
    LOOP: "nothing",
    METHOD: "destination.size(0): a method of a tensor with one argument, which goes to no operator",
    EMPTY: "destination.copy_(source) of tensors of no elements: all of torch's way to the copy, and no launch",
    API: "cudaMemcpyAsync through ctypes, same tensors",
    NO_API: "a C function that does nothing, through ctypes, with the arguments of cudaMemcpyAsync",
    WHOLE: "destination.copy_(source)",
    AGAIN: "the same, timed once more in every round",
    HALF: "the same, in bursts of half as many calls",
}


@dataclass(frozen=True)
class Pair:
    """Two contiguous int32 tensors of as many elements, on the device."""

    destination: Any
    source: Any

    def clear(self) -> None:
        self.destination.zero_()

    def right(self) -> bool:
        import torch

        return bool(torch.equal(self.destination, self.source))


def ladder(apart: bool) -> Ladder:
    """The steps. Where the API call can't be measured `apart` from the rest, it is left in the residual."""
    steps = [
        Step(codes.LOOP, LOOP_CONTAINS, {LOOP: 1}),
        Step(codes.CALL, "the method found and called from Python, its arguments parsed", {METHOD: 1, LOOP: -1}),
        Step(
            codes.DISPATCH,
            "torch's way down to the copy: dispatcher, autograd's keys, iterator",
            {EMPTY: 1, METHOD: -1},
        ),
    ]
    if apart:
        steps.append(Step(codes.API_CALL, "cudaMemcpyAsync", {API: 1, NO_API: -1}))
    return Ladder(codes.COPY, WHOLE, AGAIN, HALF, (LOOP, METHOD, EMPTY, WHOLE), tuple(steps), RUNGS)


def bursts(pair: Pair, raw: RawCall | None, times: int) -> Sequence[Burst]:
    """What is timed, `times` calls to a burst; the loops read nothing but local names."""
    to, source = pair.destination, pair.source
    no_to, no_source = to[:0], source[:0]

    def loop(times: int) -> None:
        for _ in repeat(None, times):
            pass

    def method(times: int) -> None:
        destination = to
        for _ in repeat(None, times):
            destination.size(0)

    def copy_of(destination: Any, source: Any, times: int) -> None:
        for _ in repeat(None, times):
            destination.copy_(source)

    def empty(times: int) -> None:
        copy_of(no_to, no_source, times)

    def whole(times: int) -> None:
        copy_of(to, source, times)

    made = [Burst(LOOP, loop, times), Burst(METHOD, method, times), Burst(EMPTY, empty, times)]
    if raw is not None:
        made += [Burst(API, raw.repeat, times), Burst(NO_API, raw.repeat_nothing, times)]
    return [*made, Burst(WHOLE, whole, times), Burst(AGAIN, whole, times), Burst(HALF, whole, times // 2)]
