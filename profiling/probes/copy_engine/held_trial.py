"""One trial: SMs are held, work is submitted on another stream, and does it end meanwhile?

hold:  |--------- every block runs ----------|release
work:       |submit ... poll an event ...|judged: finished, or not, and do the SMs still stay held?
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Literal

from launchlens.profiling.probes.apparatus.bystander import Bystander
from launchlens.profiling.probes.apparatus.hold import Hold
from launchlens.profiling.probes.apparatus.raw_kernel import device

#: A call that submits work and does not come back within this is one that waits for the SMs: the timer lets go then.
CALL_LIMIT_S = 0.5

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
    """A share of the GPU's SMs, held for one trial after another by one and the same holding kernel."""

    def __init__(self, share: Share, hold: Hold | None) -> None:
        self.share, self.hold = share, hold
        self.sms: dict[int, int] = {}  # SM -> blocks held, in the trial that was begun last

    @classmethod
    def of(cls, share: Share) -> Occupied:
        """Compiled and loaded, ready to begin."""
        if share == "nothing":
            return cls(share, None)
        facts = device()
        per_sm = 1 if share == "one block per SM" else facts.filling_blocks_per_sm
        return cls(share, Hold(blocks=facts.sms * per_sm, threads=facts.filling_block))

    def begin(self, limit_s: float) -> bool:
        """Hold; False where the SMs could not be held as they should be."""
        if self.hold is None:
            return True
        hold, sms = self.hold, self.hold.device.sms
        hold.start(limit_s=limit_s)
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
