"""The probe `triton-compile`: which launches of a Triton kernel compile, counted by Triton's own hooks.

The kernel is the note's, one launch per tensor over its seven sizes. "Cold" is a kernel object of its own with an empty
cache folder, so that neither the process nor the disk knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter_ns
from typing import Any

from launchlens.kernels.small_copies.triton_per_tensor import BLOCK, copy_one
from launchlens.kernels.small_copies.workload import POISON, SIZES
from launchlens.profiling.checking import synchronize
from launchlens.profiling.environment import quiet_collector
from launchlens.profiling.probes.method.bench import Bench
from launchlens.profiling.probes.triton_compile.compilations import Compilations, cache_folder, in_memory
from launchlens.profiling.probes.triton_compile.verdict import Case, Seen, conclude
from launchlens.traces.captures.probe_codes import triton_compile as codes
from launchlens.traces.captures.probe_codes.triton_compile import ID
from launchlens.traces.captures.probes import Probe

__all__ = ["ID", "NEEDS", "probe"]

NEEDS = ("torch", "cuda", "triton")
#: Launches of the same specialisation, in bursts that each end with a wait, so that no queue fills.
REPEATS, QUICK_REPEATS, BURST = 1000, 200, 100
FIRSTS, QUICK_FIRSTS = 7, 2
#: A burst's first launches are not timed: they wake what slept.
LEAD = 4


def probe(bench: Bench) -> Probe:
    """Launch and count, about 5 s in all. Raises what Triton raises where it can't compile here."""
    seen = observe("cuda", bench.quick, bench.advance)
    return conclude(seen, _notes(bench.quick))


def observe(device: str, quick: bool = False, advance: Callable[[int], object] = lambda done: None) -> Seen:
    """Make every case on `device`, in cache folders that are gone afterwards."""
    launches = _Launches(device)
    firsts, repeats = (QUICK_FIRSTS, QUICK_REPEATS) if quick else (FIRSTS, REPEATS)
    with TemporaryDirectory(prefix="launchlens-triton-") as root, quiet_collector():
        with cache_folder(Path(root) / "before"):
            launches.first(launches.fresh())  # what Triton loads and builds but once a process is not a first launch's
        cold, disk, inside = [], [], []
        for number in range(firsts):
            with cache_folder(Path(root) / str(number)):
                first, compiler_ns = launches.first(launches.fresh())
                cold.append(first)
                inside += compiler_ns
                disk.append(launches.first(launches.fresh())[0])
            advance(1)
        with cache_folder(Path(root) / "after"):
            kernel = launches.fresh()
            launches.first(kernel)
            repeated = launches.repeated(kernel, repeats)
            advance(1)
            new, again = [], []
            for what, copies, block in launches.specialised():
                new.append(launches.of_one(codes.NEW, what, kernel, copies, block))
                again.append(launches.of_one(codes.AGAIN, what, kernel, copies, block))
                advance(1)
    firsts_of = _summed(codes.EMPTY_CACHE, cold), _summed(codes.FULL_CACHE, disk)
    return Seen(*firsts_of, repeated, new, again, inside)


def _summed(under: str, cases: Sequence[Case]) -> Case:
    """Several first launches as one case."""
    counts = ("launches", "compiled", "loaded", "asked", "grown", "right")
    sums = {count: sum(getattr(case, count) for case in cases) for count in counts}
    return Case(codes.FIRST, under, **sums, launch_ns=[ns for case in cases for ns in case.launch_ns])


Copy = tuple[Any, Any]


class _Launches:
    """Launches of the note's kernel on `device`, counted; a copy is a pair of tensors, where to and where from."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.copies = [self._copy(size) for size in SIZES]

    def _copy(self, size: int, dtype: str = "int32", skip: int = 0) -> Copy:
        """Two tensors of `size` elements; with `skip`, that many elements into the memory that they have."""
        import torch

        kind = getattr(torch, dtype)
        source = torch.arange(1, size + skip + 1, device=self.device).to(kind)[skip:]
        return torch.zeros(size + skip, dtype=kind, device=self.device)[skip:], source

    @staticmethod
    def fresh() -> Any:
        """The kernel as an object that no launch has seen."""
        import triton

        kernel: Any = copy_one
        return triton.jit(kernel.fn)

    def specialised(self) -> Iterator[tuple[str, Copy, int]]:
        """Launches that differ in one thing from those before: what is new, the tensors, and the block."""
        yield codes.LENGTH_ONE, self._copy(1), BLOCK
        yield codes.ODD_LENGTH, self._copy(33), BLOCK
        yield codes.DTYPE, self._copy(64, "int64"), BLOCK
        yield codes.ODD_ADDRESS, self._copy(64, skip=1), BLOCK
        yield codes.BLOCK, self._copy(64), BLOCK // 2

    def first(self, kernel: Any) -> tuple[Case, list[float]]:
        """One launch, and the ns that Triton spent in its compiler, for each compilation."""
        counter = Compilations()
        with counter:
            case = self._counted(
                codes.FIRST, "", kernel, counter, lambda: self._timed_once(kernel, self.copies[0], BLOCK)
            )
        return case, [1e3 * us for us in counter.compiler_us]

    def of_one(self, kind: str, under: str, kernel: Any, copy: Copy, block: int) -> Case:
        with Compilations() as counter:
            return self._counted(kind, under, kernel, counter, lambda: self._timed_once(kernel, copy, block))

    def repeated(self, kernel: Any, launches: int) -> Case:
        """Launches of the seven tensors in turn, in bursts, after one that was made before."""
        with Compilations() as counter:
            return self._counted(codes.REPEATED, "", kernel, counter, lambda: self._timed_bursts(kernel, launches))

    def _counted(
        self,
        kind: str,
        under: str,
        kernel: Any,
        counter: Compilations,
        make: Callable[[], tuple[int, int, list[float]]],
    ) -> Case:
        """What `make` launched, how many of it were right, and its times, with what was counted meanwhile."""
        before = in_memory(kernel)
        launches, right, times = make()
        return Case(
            kind,
            under,
            launches=launches,
            compiled=counter.compiled,
            loaded=counter.loaded,
            asked=counter.asked,
            grown=in_memory(kernel) - before,
            right=right,
            launch_ns=times,
        )

    def _timed_once(self, kernel: Any, copy: Copy, block: int) -> tuple[int, int, list[float]]:
        destination, source = copy
        destination.fill_(POISON)
        synchronize(self.device)
        began = perf_counter_ns()
        kernel[(-(-source.numel() // block),)](destination, source, source.numel(), BLOCK=block)
        took = float(perf_counter_ns() - began)
        return 1, int(self._right(copy)), [took]

    def _timed_bursts(self, kernel: Any, launches: int) -> tuple[int, int, list[float]]:
        """`launches` timed launches, or up to a burst more, and those that lead in; right by burst, as all are waited for."""
        calls = [
            (kernel[(-(-source.numel() // BLOCK),)], destination, source, source.numel())
            for destination, source in self.copies
        ]
        made, right = 0, 0
        times = []
        while made < launches:
            for destination, _ in self.copies:
                destination.fill_(POISON)
            synchronize(self.device)
            burst = [calls[number % len(calls)] for number in range(LEAD + BURST)]
            for launch, destination, source, elements in burst[:LEAD]:
                launch(destination, source, elements, BLOCK=BLOCK)
            began = perf_counter_ns()
            for launch, destination, source, elements in burst[LEAD:]:
                launch(destination, source, elements, BLOCK=BLOCK)
            times.append((perf_counter_ns() - began) / BURST)
            made += len(burst)
            right += len(burst) * all(self._right(copy) for copy in self.copies)
        return made, right, times

    def _right(self, copy: Copy) -> bool:
        """Whether the copy was made; waits for it."""
        import torch

        return bool(torch.equal(*copy))


def _notes(quick: bool) -> list[str]:
    firsts, repeats = (QUICK_FIRSTS, QUICK_REPEATS) if quick else (FIRSTS, REPEATS)
    return [
        (
            f"Each of {firsts} first launches is of a kernel object of its own with a cache folder of its own, after one that was "
            "not counted, so that what Triton sets up once a process is in none of them. Its time is that of the call: "
            "compilation, the launcher in C where this Triton builds one for each signature, loading the code, and the launch."
        ),
        (
            f"At least {repeats:,} repeated launches, over the note's seven sizes in turn, in bursts of {BURST} (after {LEAD} that "
            "are counted and not timed), each on an idle GPU: host time alone, with Python's loop."
        ),
        (
            "Counted by triton.knobs: compilation.listener says for each form of the kernel whether it was compiled or found on "
            "disk, runtime.jit_post_compile_hook that a launch asked for one."
        ),
    ]
