"""The ladder of a Triton launch: the kernel of `triton-per-tensor`, from an empty loop to `kernel[grid](...)`."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import pairwise, repeat
from typing import Any

from launchlens.profiling.probes.apparatus.ctypes_calls import RawCall, launch_kernel
from launchlens.profiling.probes.launch_ladder.copy_ladder import LOOP, LOOP_CONTAINS, Pair
from launchlens.profiling.probes.launch_ladder.hooks import hook_added, hooks
from launchlens.profiling.probes.launch_ladder.ladder import Ladder, Step
from launchlens.profiling.probes.launch_ladder.triton_parts import PARTS, Launch, Parts
from launchlens.profiling.probes.method.bursts import Burst
from launchlens.traces.captures.probe_codes import launch_ladder as codes

WHOLE, AGAIN, HALF = "triton: whole", "triton: whole, again", "triton: whole, half as many"
INDEX, GRID, API, NO_API = "triton: kernel[grid]", "triton: grid(...)", "triton: API", "triton: no API"
BOUND, NO_HOOKS, IDLE_HOOKS = "triton: grid bound before", "triton: no hooks", "triton: hooks do nothing"
WARP = 32
_PREFIX = "triton: up to "

RUNGS = {
    LOOP: "nothing",
    INDEX: "kernel[grid], not called",
    GRID: "grid(bound arguments): the number of blocks worked out in Python",
    **{_PREFIX + part.name: f"the parts up to {part.name}: {part.contains}" for part in PARTS},
    API: "cuLaunchKernelEx of the same compiled kernel through ctypes, same arguments",
    NO_API: "a C function that does nothing, through ctypes, with the arguments of cuLaunchKernelEx",
    WHOLE: "kernel[grid](destination, source, elements, BLOCK=BLOCK) with a grid that is a function",
    AGAIN: "the same, timed once more in every round",
    HALF: "the same, in bursts of half as many calls",
    BOUND: "kernel[(blocks,)] taken before the loop and called in it, as triton-per-tensor does",
    NO_HOOKS: "the whole with both hooks around a launch set to None",
    IDLE_HOOKS: "the whole with a hook added before and after the launch that does nothing",
}


def ladder(parts: Sequence[str], apart: bool) -> Ladder:
    """The steps that `parts`, the first of PARTS by name, allow; what they don't is left in the residual.

    So is the API call where it can't be measured `apart`.
    """
    rungs = [LOOP, *(_PREFIX + name for name in parts)]
    steps = [
        Step(codes.LOOP, LOOP_CONTAINS, {LOOP: 1}),
        Step(codes.INDEXING, "kernel[grid]: an object that remembers the grid", {INDEX: 1, LOOP: -1}),
        Step(codes.GRID, "the grid's function called", {GRID: 1, LOOP: -1}),
    ]
    contains = {_PREFIX + part.name: part for part in PARTS}
    for inner, outer in pairwise(rungs):
        terms, part = {outer: 1, inner: -1}, contains[outer]
        if part is PARTS[-1] and apart:
            terms |= {API: -1, NO_API: 1}
        steps.append(Step(part.name, part.contains, terms))
    if apart:
        steps.append(Step(codes.API_CALL, "cuLaunchKernelEx", {API: 1, NO_API: -1}))
    beside = [
        Step(codes.GRID_BOUND, RUNGS[BOUND], {BOUND: 1}),
        Step(codes.NO_HOOKS, RUNGS[NO_HOOKS], {NO_HOOKS: 1}),
        Step(codes.IDLE_HOOKS, RUNGS[IDLE_HOOKS], {IDLE_HOOKS: 1}),
    ]
    return Ladder(codes.TRITON, WHOLE, AGAIN, HALF, (*rungs, WHOLE), tuple(steps), RUNGS, tuple(beside))


class Launches:
    """One launch of `copy_one` on a pair of tensors that fit one block: its parts, the whole, and the API call alone."""

    def __init__(self, kernel: Any, pair: Pair, block: int) -> None:
        self.kernel, self.pair, self.block = kernel, pair, block
        self.elements = pair.source.numel()
        self.parts = Parts(kernel, (1,), (pair.destination, pair.source, self.elements), {"BLOCK": block})

    def raw(self, stream: int) -> RawCall:
        """The API call that a launch ends in. Raises LookupError where it can't be made from here."""
        compiled = self.parts.compiled
        shape = compiled.metadata
        if shape.num_ctas != 1:
            raise LookupError("the kernel was compiled for clusters of blocks")
        arguments = [
            ctypes.c_uint64(self.pair.destination.data_ptr()),
            ctypes.c_uint64(self.pair.source.data_ptr()),
            ctypes.c_int32(self.elements),
        ]
        threads = WARP * int(shape.num_warps)
        return launch_kernel(int(compiled.function), 1, threads, int(shape.shared), stream, arguments)

    def whole(self) -> None:
        self._of(self.kernel[self.grid])(1)

    def part(self, name: str) -> None:
        self._of(self.parts.launches[name])(1)

    @staticmethod
    def grid(bound: Mapping[str, Any]) -> tuple[int]:
        """What most code gives as a grid: a function of the bound arguments."""
        return ((bound["elements"] + bound["BLOCK"] - 1) // bound["BLOCK"],)

    def _of(self, launch: Launch) -> Callable[[int], None]:
        """A loop of calls of one launch that was taken before it."""
        to, source, elements, block = self.pair.destination, self.pair.source, self.elements, self.block

        def run(times: int) -> None:
            destination, given, count, size = to, source, elements, block
            for _ in repeat(None, times):
                launch(destination, given, count, BLOCK=size)

        return run

    def bursts(self, raw: RawCall | None, times: int) -> list[Burst]:
        """What is timed, `times` calls to a burst."""
        kernel, grid = self.kernel, self.grid
        to, source, elements, block = self.pair.destination, self.pair.source, self.elements, self.block
        bound = {"destination": to, "source": source, "elements": elements, "BLOCK": block}

        def index(times: int) -> None:
            indexed, by = kernel, grid
            for _ in repeat(None, times):
                _ = indexed[by]

        def of_grid(times: int) -> None:
            blocks, arguments = grid, bound
            for _ in repeat(None, times):
                blocks(arguments)

        def whole(times: int) -> None:
            indexed, by, destination, given, count, size = kernel, grid, to, source, elements, block
            for _ in repeat(None, times):
                indexed[by](destination, given, count, BLOCK=size)

        made = [Burst(INDEX, index, times), Burst(GRID, of_grid, times)]
        made += [Burst(_PREFIX + name, self._of(launch), times) for name, launch in self.parts.launches.items()]
        if raw is not None:
            made += [Burst(API, raw.repeat, times), Burst(NO_API, raw.repeat_nothing, times)]
        made += [Burst(WHOLE, whole, times), Burst(AGAIN, whole, times), Burst(HALF, whole, times // 2)]
        made.append(Burst(BOUND, self._of(kernel[(1,)]), times))
        return made + [Burst(name, whole, times, around) for name, around in _hooked().items()]


def _hooked() -> dict[str, Callable[[], AbstractContextManager[None]]]:
    """Hooks to time the whole with; none where Triton keeps them elsewhere (before 3.4)."""
    try:
        from triton import knobs
    except ImportError:
        return {}

    def nothing(metadata: object) -> None:
        pass

    return {
        NO_HOOKS: partial(hooks, knobs.runtime, None, None),
        IDLE_HOOKS: partial(hook_added, knobs.runtime, nothing),
    }
