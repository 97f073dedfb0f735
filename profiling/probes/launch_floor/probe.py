"""The probe `launch-floor`: the host time of a launch by each way of launching, and the time until the GPU answers.

No profiler runs. All ways launch on one stream, in turn, in one process; every call's launch is counted before.
"""

from __future__ import annotations

from functools import partial

from launchlens.profiling.probes.apparatus.answer_word import AnswerWord
from launchlens.profiling.probes.apparatus.captured_nodes import Node, nodes
from launchlens.profiling.probes.apparatus.raw_kernel import NEEDS
from launchlens.profiling.probes.launch_floor.path import LaunchPath
from launchlens.profiling.probes.launch_floor.paths import THREADS, Paths
from launchlens.profiling.probes.launch_floor.timed_calls import LEAD, answer, look_ns
from launchlens.profiling.probes.launch_floor.verdict import Timed, conclude
from launchlens.profiling.probes.method.bench import Bench
from launchlens.profiling.probes.method.rounds import Entry, in_rounds
from launchlens.traces.captures.probe_codes.launch_floor import ID
from launchlens.traces.captures.probes import Probe

__all__ = ["ID", "NEEDS", "probe"]

#: Calls of a burst. CUDA's launch queue holds a thousand or so; a control sees to it that it did not fill.
BURST = 100
ROUNDS, QUICK_ROUNDS = 40, 8
BURSTS, ANSWERS = 3, 5
AGAIN = "A/A"


def probe(bench: Bench) -> Probe:
    """Time every path that this machine has, a few seconds in all, and some 15 s more where the extension is built first.

    Raises RuntimeError where CUDA refuses what the probe itself needs.
    """
    import torch

    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream), AnswerWord() as word:
        try:
            made = Paths(stream, word)
            paths, notes = _ready(made)
            unasked = answer(lambda: None, word.seen) is not None
            look = look_ns(word.seen)
            launched = {item.path.name: _launched(item, made.raw_stream) for item in paths}
            entries = [
                Entry(name, partial(item.sample, BURST, BURSTS, ANSWERS, torch.cuda.synchronize))
                for name, item in _with_control(paths)
            ]
            samples = in_rounds(entries, QUICK_ROUNDS if bench.quick else ROUNDS, bench.advance)
        finally:
            torch.cuda.synchronize()  # no kernel may still write the word
    timed = [
        Timed(item.path, found["call"], found["half"], found.get("answer", []), launched[item.path.name])
        for item in paths
        for found in (samples[item.path.name],)
    ]
    again = samples[AGAIN]["call"] if AGAIN in samples else []
    return conclude(timed, again, BURST, unasked, [*_notes(look), *made.notes, *notes])


def _with_control(paths: list[LaunchPath]) -> list[tuple[str, LaunchPath]]:
    """The paths by name, the first of them a second time beside itself."""
    return [
        (name, item)
        for place, item in enumerate(paths)
        for name in ((item.path.name, AGAIN) if not place else (item.path.name,))
    ]


def _ready(made: Paths) -> tuple[list[LaunchPath], list[str]]:
    """The paths that work here, all that is loaded late loaded, and a note on each that doesn't."""
    import torch

    paths: list[LaunchPath] = []
    notes: list[str] = []
    for name, make in made.makers():
        try:
            found = make()
            for item in found:
                item.sample(BURST, 1, 1, torch.cuda.synchronize)
        except Exception as error:  # noqa: BLE001  whatever one way of launching raises, the others can still be timed
            torch.cuda.synchronize()  # raises where the failure left no usable device
            why = str(error).partition("\n")[0]
            notes.append(f"Left out: {name}: {why or type(error).__name__}")
        else:
            paths += found
    return paths, notes


def _launched(item: LaunchPath, stream: int) -> list[Node]:
    """What one call launches, by a CUDA graph that it is captured into; nothing for a graph's launch."""
    return [] if item.path.node is None else nodes(item.once, stream)


def _notes(look: float) -> list[str]:
    return [
        (
            f"Host time: {LEAD} calls, then {BURST} in a row are timed, on a GPU that was idle before and is waited for after, "
            f"outside of the timing; {BURSTS} bursts a round, their median. Loops in Python are part of the time of what "
            "Python calls, and nothing looks at what cuda.bindings answers."
        ),
        (
            f"Kernels: one block of {THREADS} threads that does nothing and takes no argument, but torch fill_ launches torch's "
            "own kernel for one int32. Triton's kernel[grid] is made once, as are the arguments for cuda.bindings. Copies: "
            "128 bytes on the device. The seven prepared copies are those of the variant cuda-prepared."
        ),
        (
            "Call to answer: from just before the call until the host sees the word that the kernel writes in pinned host "
            "memory, with the GPU idle before. It holds the call, the way to the GPU, the kernel's start, its write over the "
            "bus, and the host's looking; no clock of the GPU's is read. Loops in C++ look from there; Python looks every "
            f"{look:.0f} ns, so that its answers are seen up to that much late."
        ),
        (
            "A copy on the device leaves nothing that the host sees, so no copy has a call to answer. Streams: one of torch's, "
            "not the default stream."
        ),
    ]
