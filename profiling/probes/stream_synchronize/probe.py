"""The probe `stream-synchronize`: what seven streams cost to create, and to wait for, as the note wrote it.

The note's code creates seven streams, submits one small copy to each, and then has the host wait for each of them. All of its
parts are timed on the host, beside one wait for the whole device, and beside the same waits with nothing to wait for.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter_ns

from launchlens.kernels.small_copies.raw_cuda import NEEDS, check
from launchlens.kernels.small_copies.workload import SmallCopies, make
from launchlens.profiling.probes.method.bench import Bench
from launchlens.profiling.probes.method.rounds import Entry, in_rounds
from launchlens.profiling.probes.stream_synchronize import verdict as named
from launchlens.profiling.probes.stream_synchronize.verdict import Checked, conclude
from launchlens.traces.captures.probe_codes.stream_synchronize import ID
from launchlens.traces.captures.probes import Probe

__all__ = ["ID", "NEEDS", "probe"]

ROUNDS, QUICK_ROUNDS = 40, 8
TRIALS = 5
#: More streams than torch's pool holds, so that the pool is there before anything is timed.
ASKED_FOR = 64
LARGE_BYTES = 64 << 20
#: Entries beside the times: the A/A control, whether the copies are right, and how many streams still work.
AGAIN, RIGHT, WORKING = "A/A", "right", "working"

Trial = Callable[[], dict[named.Timed, float]]


def probe(bench: Bench) -> Probe:
    """Time it, about 2 s in all. Raises RuntimeError where CUDA refuses what the probe itself needs."""
    import torch

    given = [torch.cuda.Stream() for _ in range(ASKED_FOR)]
    trials = _Trials(make(device="cuda", seed=bench.seed))
    timed: tuple[Trial, ...] = (trials.creating, trials.creating_raw, trials.in_flight, trials.ended, trials.idle)
    timed += (trials.whole_device, trials.one_idle, trials.one_large)
    entries = [Entry(trial.__name__, _of_several(trial, TRIALS)) for trial in timed]
    entries += [Entry(AGAIN, _of_several(trials.idle, TRIALS))]
    entries += [Entry(RIGHT, _of_several(trials.right, 1)), Entry(WORKING, _of_several(trials.working, 1))]
    for entry in entries:  # what is loaded late
        entry.measure()
    found = in_rounds(entries, QUICK_ROUNDS if bench.quick else ROUNDS, bench.advance)
    samples = {figure: values for trial in timed for figure, values in found[trial.__name__].items()}
    right = found[RIGHT][RIGHT, ""]
    checked = Checked(
        copied=len(right),
        right=round(sum(right)),
        working=found[WORKING][WORKING, ""],
        given=len(given),
        distinct=len({stream.cuda_stream for stream in given}),
    )
    return conclude(samples, found[AGAIN][named.IDLE], checked, _notes())


def _of_several(trial: Trial, count: int) -> Trial:
    """The median of each figure over `count` trials, each begun with an idle GPU."""
    import torch

    def measure() -> dict[named.Timed, float]:
        found: dict[named.Timed, list[float]] = {}
        for _ in range(count):
            torch.cuda.synchronize()
            for figure, value in trial().items():
                found.setdefault(figure, []).append(value)
        torch.cuda.synchronize()
        return {figure: median(values) for figure, values in found.items()}

    return measure


class _Trials:
    """Seven streams and what is done with them, a method each; the GPU is idle when one begins."""

    def __init__(self, copies: SmallCopies) -> None:
        import torch

        self.copies = copies
        self.streams = [torch.cuda.Stream() for _ in copies.sources]
        self.ends = [torch.cuda.Event() for _ in copies.sources]
        self.lanes = list(zip(self.streams, copies.destinations, copies.sources, strict=True))
        self.large = torch.zeros(LARGE_BYTES // 4, dtype=torch.int32, device="cuda")
        self.large_to = torch.empty_like(self.large)
        self.made: list[torch.cuda.Stream] = []

    def _submit(self) -> None:
        import torch

        for stream, destination, source in self.lanes:
            with torch.cuda.stream(stream):
                destination.copy_(source)

    def _synchronize(self) -> int:
        """Wait for each stream; ns that it took."""
        began = perf_counter_ns()
        for stream in self.streams:
            stream.synchronize()
        return perf_counter_ns() - began

    def creating(self) -> dict[named.Timed, float]:
        import torch

        began = perf_counter_ns()
        made = [torch.cuda.Stream() for _ in range(7)]
        took = perf_counter_ns() - began
        self.made = made  # so that the last ones end here, untimed
        return {named.CREATED: took}

    def creating_raw(self) -> dict[named.Timed, float]:
        from cuda.bindings import runtime

        create, destroy, flags = (
            runtime.cudaStreamCreateWithFlags,
            runtime.cudaStreamDestroy,
            runtime.cudaStreamNonBlocking,  # as torch's are
        )
        began = perf_counter_ns()
        made = [create(flags) for _ in range(7)]
        created = perf_counter_ns()
        streams = [check(answer)[0] for answer in made]
        destroying = perf_counter_ns()
        ended = [destroy(stream) for stream in streams]
        destroyed = perf_counter_ns()
        for answer in ended:
            check(answer)
        return {named.CREATED_RAW: created - began, named.DESTROYED_RAW: destroyed - destroying}

    def in_flight(self) -> dict[named.Timed, float]:
        began = perf_counter_ns()
        self._submit()
        submitted = perf_counter_ns() - began
        return {named.SUBMITTED: submitted, named.IN_FLIGHT: self._synchronize()}

    def ended(self) -> dict[named.Timed, float]:
        self._submit()
        for stream, end in zip(self.streams, self.ends, strict=True):
            end.record(stream)
        while not all(end.query() for end in self.ends):  # asked, not waited for: no synchronize before those timed
            pass
        return {named.ENDED: self._synchronize()}

    def idle(self) -> dict[named.Timed, float]:
        return {named.IDLE: self._synchronize()}

    def whole_device(self) -> dict[named.Timed, float]:
        import torch

        self._submit()
        began = perf_counter_ns()
        torch.cuda.synchronize()
        return {named.WHOLE_DEVICE: perf_counter_ns() - began}

    def one_idle(self) -> dict[named.Timed, float]:
        began = perf_counter_ns()
        self.streams[0].synchronize()
        return {named.ONE_IDLE: perf_counter_ns() - began}

    def one_large(self) -> dict[named.Timed, float]:
        import torch

        with torch.cuda.stream(self.streams[0]):
            self.large_to.copy_(self.large)
        began = perf_counter_ns()
        self.streams[0].synchronize()
        return {named.ONE_LARGE: perf_counter_ns() - began}

    def right(self) -> dict[named.Timed, float]:
        """Whether the copies are there after the loop; torch's own stream, which reads them, waits for no other."""
        import torch

        self.copies.poison()
        torch.cuda.synchronize()
        self._submit()
        self._synchronize()
        return {(RIGHT, ""): float(self.copies.wrong() is None)}

    def working(self) -> dict[named.Timed, float]:
        """How many streams still work right after submitting; asked from the last, so that few end meanwhile."""
        self._submit()
        return {(WORKING, ""): float(sum(not stream.query() for stream in reversed(self.streams)))}


def _notes() -> list[str]:
    return [
        (
            f"Host time without a profiler, the GPU idle before; {TRIALS} trials a round, their median. The copies are the seven "
            "of the workload small-copies, 128 bytes to 8 KiB. In all of it is Python's own time, its loop over seven included."
        ),
        (
            f"torch keeps streams and hands them out in turn; {ASKED_FOR} had been asked for before anything was timed. The "
            "very first stream of a process costs more, once, as torch makes its pool then: not measured here."
        ),
        "A stream that CUDA itself makes is destroyed unused here; its first work may cost more than a later one.",
        "Which streams still copy when a loop would begin is asked in trials of their own, since asking takes time itself.",
        f"The large copy is of {LARGE_BYTES >> 20} MiB on the device.",
    ]
