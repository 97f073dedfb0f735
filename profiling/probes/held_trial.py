"""One trial: SMs are held, work is submitted on another stream, and does it end meanwhile?

hold:  |--------- every block runs ----------|release
work:       |submit ... poll an event ...|judged: finished, or not, and do the SMs still stay held?
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any, Literal

from launchlens.kernels.small_copies.raw_cuda import check
from launchlens.profiling.probes.bare_kernel import BareKernel
from launchlens.profiling.probes.hold import Hold
from launchlens.profiling.probes.raw_kernel import device, make_stream

#: A call that submits work and does not come back within this is one that waits for the SMs: the timer lets go then.
CALL_LIMIT_S = 0.5
STREAMS_TRIED = 24

#: How much of the GPU is held. `half`: half of the SMs wholly, the others not at all.
Share = Literal["nothing", "half", "one block per SM", "all"]


@dataclass(frozen=True)
class Outcome:
    """What became of one piece of work. `finished`: while the SMs were held, `took_ns` after submitting began.

    `held` says that the SMs were held as they should be, from before the submission until it was judged; or, where
    `call_waited`, that the submitting call itself came back only once the timer had let go. `right`: what it wrote, after all.
    """

    finished: bool
    held: bool
    call_waited: bool
    took_ns: int | None
    submit_ns: int
    right: bool


class Occupied:
    """A share of the GPU's SMs, held for one trial after another by one and the same holding kernel.

    It runs on `stream`, a raw handle, where one is given, else on one of the hold's own.
    """

    def __init__(self, share: Share, hold: Hold | None, stream: int | None = None) -> None:
        self.share, self.hold, self.stream = share, hold, stream
        self.sms: dict[int, int] = {}  # SM -> blocks held, in the trial that was begun last

    @classmethod
    def of(cls, share: Share, stream: int | None = None) -> Occupied:
        """Compiled and loaded, ready to begin."""
        if share == "nothing":
            return cls(share, None)
        facts = device()
        per_sm = 1 if share == "one block per SM" else facts.filling_blocks_per_sm
        return cls(share, Hold(blocks=facts.sms * per_sm, threads=facts.filling_block), stream)

    def begin(self, limit_s: float) -> bool:
        """Hold; False where the SMs could not be held as they should be."""
        if self.hold is None:
            return True
        hold, sms = self.hold, self.hold.device.sms
        hold.start(self.stream, limit_s)
        well = hold.wait_until_held()
        held, per_sm = hold.holding(), hold.blocks // sms
        well &= len(held) == sms and set(held.values()) == {per_sm}
        if well and self.share == "half":
            well = hold.vacate(sorted(held)[sms // 2])
            held = hold.holding()
            well &= len(held) == sms // 2 and set(held.values()) == {per_sm}
        self.sms = dict(held)
        return well

    @property
    def held(self) -> bool:
        return self.hold is None or self.hold.held

    def end(self) -> None:
        if self.hold is not None:
            self.hold.finish()

    def close(self) -> None:
        if self.hold is not None:
            self.hold.close()


class Bystander:
    """The stream that the work under trial goes to, and an event on it. A new stream, unless one is given (0: the legacy one)."""

    def __init__(self, stream: int | None = None) -> None:
        from cuda.bindings import driver

        self.stream = make_stream() if stream is None else stream
        (self._event,) = check(driver.cuEventCreate(driver.CUevent_flags.CU_EVENT_DISABLE_TIMING))

    def on_torch(self) -> Any:
        """A context in which torch and Triton work on this stream; none for the legacy default stream."""
        import torch

        return torch.cuda.stream(torch.cuda.ExternalStream(self.stream)) if self.stream else nullcontext()

    def mark(self) -> None:
        """Record the event that `reached` asks for."""
        from cuda.bindings import driver

        check(driver.cuEventRecord(self._event, self.stream))

    def reached(self) -> bool:
        from cuda.bindings import driver

        (answer,) = driver.cuEventQuery(self._event)
        if answer == driver.CUresult.CUDA_ERROR_NOT_READY:
            return False
        check((answer,))
        return True

    def wait(self) -> None:
        from cuda.bindings import driver

        check(driver.cuEventSynchronize(self._event))


def independent(streams: Sequence[int]) -> Bystander:
    """A bystander whose stream runs on while any of `streams` is held: of many streams, some share a hardware queue.

    Raises RuntimeError where none of those made was so.
    """
    import torch

    kernel, room = BareKernel(), torch.zeros(64, dtype=torch.int32, device="cuda")
    torch.cuda.synchronize()

    def work(bystander: Bystander) -> None:
        kernel.launch(room.data_ptr(), room.data_ptr() + 128, 128, bystander.stream)
        bystander.mark()

    with Hold() as hold:
        for _ in range(STREAMS_TRIED):
            bystander = Bystander()
            work(bystander)
            bystander.wait()
            if all(_runs_beside(hold, stream, bystander, work) for stream in streams):
                return bystander
    raise RuntimeError(f"none of {STREAMS_TRIED} streams ran a kernel while one block was held on another stream")


def _runs_beside(hold: Hold, stream: int, bystander: Bystander, work: Callable[[Bystander], None]) -> bool:
    hold.start(stream)
    try:
        if not hold.wait_until_held():
            return False
        began = perf_counter_ns()
        work(bystander)
        while not bystander.reached():
            if perf_counter_ns() - began > 20_000_000:
                return False
        return hold.held
    finally:
        hold.finish()
        bystander.wait()


def trial(
    occupied: Occupied,
    bystander: Bystander,
    submit: Callable[[], object],
    *,
    prepare: Callable[[], object],
    right: Callable[[], bool],
    bound_s: float,
) -> Outcome:
    """Hold, submit, poll for at most `bound_s` seconds, let go, wait, and look at what was written.

    `prepare` runs before anything is held and `right` after all has ended; `submit` must put its work on the bystander's stream.
    """
    import torch

    prepare()
    torch.cuda.synchronize()
    try:
        well = occupied.begin(bound_s + CALL_LIMIT_S)
        began = perf_counter_ns()
        submit()
        bystander.mark()
        submitted = perf_counter_ns() - began
        while True:
            done = bystander.reached()
            took = perf_counter_ns() - began
            if done or took > bound_s * 1e9:
                break
        held = occupied.held
    finally:
        occupied.end()
    bystander.wait()
    waited = well and occupied.hold is not None and occupied.hold.ending == "timer" and submitted > CALL_LIMIT_S * 1e9
    return Outcome(
        finished=done and held and well,
        held=well and (held or waited),
        call_waited=waited,
        took_ns=took if done and held else None,
        submit_ns=submitted,
        right=right(),
    )
