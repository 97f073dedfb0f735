"""The probe `launch-ladder`: where the host's time goes in one `.copy_()` and in one Triton launch, without a profiler.

The same call is made with more and more of it, and the differences are what the steps cost (`ladder`). All rungs
are timed in turn in one process, as bursts of calls with the waiting outside.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

from launchlens.profiling.probes.apparatus.bystander import Bystander
from launchlens.profiling.probes.apparatus.captured_nodes import nodes
from launchlens.profiling.probes.apparatus.ctypes_calls import RawCall, memcpy_async
from launchlens.profiling.probes.apparatus.raw_kernel import NEEDS, device
from launchlens.profiling.probes.launch_ladder import copy_ladder as of_copy
from launchlens.profiling.probes.launch_ladder import triton_ladder as of_triton
from launchlens.profiling.probes.launch_ladder.copy_ladder import Pair
from launchlens.profiling.probes.launch_ladder.ladder import Ladder
from launchlens.profiling.probes.launch_ladder.triton_parts import PARTS
from launchlens.profiling.probes.launch_ladder.verdict import Checks, Launched, conclude
from launchlens.profiling.probes.method.bench import Bench
from launchlens.profiling.probes.method.bursts import Burst, time_bursts
from launchlens.traces.captures.probe_codes import launch_ladder as codes
from launchlens.traces.captures.probe_codes.launch_ladder import ID
from launchlens.traces.captures.probes import Probe

__all__ = ["ID", "NEEDS", "probe"]

ELEMENTS, SEED = 256, 7
#: Calls in a burst, far fewer than the launches that a queue takes, and rounds of bursts.
BURST, ROUNDS, QUICK_ROUNDS = 100, 200, 30
ROUNDS_A_STEP = 10


def probe(bench: Bench) -> Probe:
    """Time both ladders, some 5 s in all; only `.copy_()` where Triton isn't installed.

    Raises RuntimeError where CUDA refuses what the probe itself needs.
    """
    import torch

    device()  # makes torch's context the one that the driver's calls are for
    source = torch.randint(
        1, 2**30, (ELEMENTS,), generator=torch.Generator().manual_seed(SEED), dtype=torch.int32
    ).cuda()
    made = _Ladders(Pair(torch.zeros_like(source), source))
    made.add_copy()
    if importlib.util.find_spec("triton") is None:
        made.notes.append("Triton is not installed: its ladder was left out.")
    else:
        made.add_triton()
    rounds = QUICK_ROUNDS if bench.quick else ROUNDS
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        if done % ROUNDS_A_STEP == 0:
            bench.advance(1)

    times = time_bursts(made.bursts, rounds, torch.cuda.synchronize, advance=advance)
    notes = [
        (
            f"{rounds} rounds of one burst of {BURST} calls per rung, in turn; tensors of {ELEMENTS} int32. Host time alone: the "
            "device is waited for outside of the clock."
        ),
        (
            "An API call is its time through ctypes less that of a C function that does nothing, called the same way. In the whole "
            "it is called from other code, so what it costs there may differ; the residual holds the difference."
        ),
        (
            "What the residual of copy_ holds was not taken apart: torch's code around its cudaMemcpyAsync (device, stream, whether "
            "a memcpy will do) is in it."
        ),
        *made.notes,
    ]
    return conclude(made.ladders, times, Checks(made.launched, made.right, made.same), notes)


class _Ladders:
    """Both ladders ready to be timed, and what is found out about their calls before."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.bystander = Bystander()
        self.ladders: list[Ladder] = []
        self.bursts: list[Burst] = []
        self.launched: list[Launched] = []
        self.right: dict[str, bool] = {}
        self.same: bool | None = None
        self.notes: list[str] = []

    def add_copy(self) -> None:
        pair, to, source = self.pair, self.pair.destination, self.pair.source
        raw = self._raw(codes.COPY, lambda: memcpy_async(to.data_ptr(), source.data_ptr(), source.nbytes, self.stream))
        self._copies("copy_", lambda: to.copy_(source))
        self._counts("copy_ of no elements", 0, lambda: to[:0].copy_(source[:0]))
        self._counts("copy_", 1, lambda: to.copy_(source))
        self.ladders.append(of_copy.ladder(raw is not None))
        self.bursts += of_copy.bursts(pair, raw, BURST)

    def add_triton(self) -> None:
        from launchlens.kernels.small_copies.triton_per_tensor import BLOCK, copy_one

        launches = of_triton.Launches(copy_one, self.pair, BLOCK)
        parts = launches.parts
        raw = self._raw(codes.TRITON, lambda: launches.raw(self.stream))
        self._copies("triton", launches.whole)
        self._counts("triton", 1, launches.whole)
        last = PARTS[-1].name
        if last in parts.launches:
            self._copies("triton's parts", lambda: launches.part(last))
            self._counts("triton's parts", 1, lambda: launches.part(last))
        self.same = parts.same
        self.notes += [f"No rung of triton for {name} with this Triton: {why}." for name, why in parts.left_out.items()]
        self.ladders.append(of_triton.ladder(list(parts.launches), raw is not None))
        self.bursts += launches.bursts(raw, BURST)

    @property
    def stream(self) -> int:
        import torch

        return int(torch.cuda.current_stream().cuda_stream)

    def _raw(self, name: str, make: Callable[[], RawCall]) -> RawCall | None:
        """The API call by itself, seen to copy; None, with a note, where it can't be made from here."""
        try:
            raw = make()
        except (AttributeError, LookupError, OSError) as error:
            self.notes.append(f"The API call of {name} could not be made by itself: {error}.")
            return None
        self._copies(f"{raw.name} by itself", raw.once)
        return raw

    def _copies(self, name: str, call: Callable[[], object]) -> None:
        import torch

        self.pair.clear()
        torch.cuda.synchronize()
        call()
        torch.cuda.synchronize()
        self.right[name] = self.pair.right()

    def _counts(self, name: str, expected: int, call: Callable[[], object]) -> None:
        def submit() -> None:
            with self.bystander.on_torch():
                call()

        self.launched.append(Launched(name, expected, len(nodes(submit, self.bystander.stream))))
