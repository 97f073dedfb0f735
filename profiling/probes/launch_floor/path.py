"""One way of launching, ready to be timed: bursts of its calls, single calls, and the time until the host sees an answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median

from launchlens.profiling.probes.launch_floor.timed_calls import Call, Seen, answer, burst
from launchlens.profiling.probes.launch_floor.verdict import Path, Work


@dataclass(frozen=True)
class LaunchPath:
    """`burst(calls)` gives ns of so many calls, `once()` makes one, and `answer()` gives ns from a call until its word is seen.

    `answer` is None where the path has no kernel that could write a word; it gives None where none came in time. `holds` is
    what only addresses point to, and must live as long.
    """

    path: Path
    burst: Callable[[int], float]
    once: Call
    answer: Callable[[], float | None] | None = None
    holds: object = None

    def sample(self, calls: int, bursts: int, answers: int, wait: Callable[[], object]) -> dict[str, float]:
        """One round's figures, ns: `call` and `half` per call in bursts of `calls` and half as many, and `answer`.

        Each is the median of as many as are asked for; `wait` waits for the GPU, before and after each, untimed. Raises
        RuntimeError where an answer does not come.
        """
        found: dict[str, list[float]] = {"call": [], "half": [], "answer": []}
        wait()
        for _ in range(bursts):
            for figure, count in (("call", calls), ("half", calls // 2)):
                found[figure].append(self.burst(count) / count)
                wait()
        for _ in range(answers if self.answer is not None else 0):
            assert self.answer is not None
            took = self.answer()
            wait()
            if took is None:
                raise RuntimeError(f"{self.path.name}: the host saw no answer")
            found["answer"].append(took)
        return {figure: median(samples) for figure, samples in found.items() if samples}


def from_python(
    name: str, work: Work, call: Call, word: Seen, stamp: Call | None = None, holds: object = None
) -> LaunchPath:
    """A path whose loop runs in Python: `call` launches what is counted, `stamp` what writes the word."""
    return LaunchPath(
        Path(name, "Python", work),
        burst=partial(burst, call),
        once=call,
        answer=None if stamp is None else partial(answer, stamp, word),
        holds=(call, stamp, holds),
    )
