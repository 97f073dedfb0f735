"""What the rules of advice look at: calls of the host in the replayed steps, by what made them and where."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from launchlens.traces.advice.candidate import Evidence
from launchlens.traces.columns import codes
from launchlens.traces.intervals import Ints
from launchlens.traces.steps.replay import Replay
from launchlens.traces.steps.stepped import Stepped

_FOLDED = re.compile(r"(0x[0-9a-fA-F]+|\d+)")


def folded(name: str) -> str:
    """A name with its numbers taken out, so that what differs by a number alone is one."""
    return _FOLDED.sub("*", name)


@dataclass(frozen=True)
class Region:
    """The replayed steps of a trace, as the rules of advice ask of them."""

    replay: Replay

    @property
    def stepped(self) -> Stepped:
        return self.replay.stepped

    @property
    def steps(self) -> int:
        return self.replay.steps

    def inside(self, rows: Ints) -> Ints:
        """Those of some rows that begin within the steps."""
        return rows[self.replay.holds(self.stepped.start[rows])]

    @cached_property
    def waits(self) -> Ints:
        return self.inside(self.stepped.waits)

    @cached_property
    def launches(self) -> Ints:
        """Positions of the process's launches in the steps, in order of start."""
        of = self.stepped.joined.launches
        mine = (of.process == self.stepped.process) & self.replay.holds(of.start_ns)
        found = np.flatnonzero(mine)
        return found[np.argsort(of.start_ns[found], kind="stable")]

    @cached_property
    def launch_rows(self) -> Ints:
        """The rows of the event table of `launches`."""
        found: Ints = self.stepped.joined.launches.row[self.launches]
        return found

    @cached_property
    def around(self) -> tuple[Ints, Ints]:
        """The innermost and the outermost op of each of `launches`, as rows, -1 for none."""
        return self.stepped.op_around(self.launch_rows)

    @cached_property
    def places(self) -> Ints:
        """The author's range around each of `launches`, as a row, -1 for none."""
        return self.stepped.place(self.stepped.start[self.launch_rows])

    @cached_property
    def work_of(self) -> Ints:
        """The first piece of GPU work of each of `launches`, as a row, -1 for none."""
        of = self.stepped.joined.launches
        first = np.full(len(of), -1, np.int64)
        first[of.owner[::-1]] = of.joined_rows[::-1]
        return first[self.launches]

    def caused(self, launches: npt.NDArray[np.bool_]) -> Ints:
        """The GPU work, as rows, of some of `launches`."""
        return self.stepped.joined.launches.work_of(self.launches[launches])[0]

    @cached_property
    def names(self) -> list[str]:
        """The names of the event table by their code."""
        return [str(name) for name in self.stepped.events["name"].array.categories.tolist()]

    @cached_property
    def code(self) -> Ints:
        """The code of the name of each row, and -1 as the last so that row -1 has none."""
        found: Ints = np.append(codes(self.stepped.events, "name"), -1)
        return found

    def named(self, row: int) -> str:
        return self.names[int(self.code[row])]

    def says(self, test: Sequence[bool], rows: Ints) -> npt.NDArray[np.bool_]:
        """What holds of each name, given by code, for each row; False for row -1."""
        found: npt.NDArray[np.bool_] = np.append(np.asarray(test, bool), False)[self.code[rows]]
        return found

    def where(self, places: Ints, otherwise: str) -> str:
        """The ranges of some places in words, the commonest first; `otherwise` where there are none."""
        known = places[places >= 0]
        if len(known) < len(places) / 2 or not len(known):
            return otherwise
        names, count = np.unique(self.code[known], return_counts=True)
        by_fold: dict[str, int] = {}
        for name, often in zip(names.tolist(), count.tolist(), strict=True):
            plain = self.names[name]
            by_fold[plain if len(names) == 1 else folded(plain)] = by_fold.get(folded(plain), 0) + often
        best = sorted(by_fold, key=lambda name: -by_fold[name])
        worth = [name for name in best if by_fold[name] >= 0.1 * len(places)][:3]
        return f"range{'s' if len(worth) > 1 else ''} " + ", ".join(f"`{name}`" for name in worth or best[:1])

    def evidence(self, rows: Ints, most: int = 3) -> tuple[Evidence, ...]:
        """Some events of the steps as evidence, by name, the most time first."""
        if not len(rows):
            return ()
        codes, which, count = np.unique(self.code[rows], return_inverse=True, return_counts=True)
        took = np.bincount(which, weights=(self.stepped.end - self.stepped.start)[rows])
        first = np.full(len(codes), np.iinfo(np.int64).max)
        np.minimum.at(first, which, self.stepped.start[rows])
        order = np.argsort(-took, kind="stable")[:most]
        return tuple(
            Evidence(self.names[codes[i]], count[i] / self.steps, took[i] / self.steps, int(first[i]), rows[which == i])
            for i in order
        )

    def in_most_steps(self, rows: Ints) -> bool:
        """Whether some host events are made, or some GPU work is launched, in at least half of the steps."""
        steps, of = self.stepped.steps, self.stepped.joined.launches
        assert steps is not None
        moment = self.stepped.start.copy()
        moment[of.joined_rows] = of.start_ns[of.owner]
        held = np.unique(steps.of_launch(moment[rows]))
        return int((held >= 0).sum()) * 2 >= self.steps
