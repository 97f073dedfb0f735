"""What an analysis declares: the question that it answers, the columns of its answer, and what it needs of a trace.

An analysis is one module of this folder that declares one, and a line in `launchlens.traces.analyses.catalogue`. Its answer is a
function from a scope (`launchlens.traces.analyses.scope`) to rows, without a loop over events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from launchlens.traces.analyses.scope import Scope
from launchlens.traces.tables.rows import Rows
from launchlens.traces.tables.table import Column, Pivot, Table, of_rows


@dataclass(frozen=True)
class Need:
    """Something that a trace may hold or not. `says` is what a trace without it lacks, as in `it holds no GPU work`."""

    holds: Callable[[Scope], bool]
    says: str


GPU_WORK = Need(lambda scope: len(scope.work) > 0, "no GPU work")
KERNELS = Need(lambda scope: len(scope.work_of("kernel")) > 0, "no kernels")
LAUNCHES = Need(lambda scope: len(scope.launches) > 0, "no launches")
OPS = Need(lambda scope: len(scope.host_rows("op")) > 0, "no framework ops")
RANGES = Need(lambda scope: len(scope.host_rows("range")) > 0, "no ranges")


def _nothing_to_note(_: Scope) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class Question:
    """One analysis as the catalogue lists it.

    `name` is that of its table, for scripts, and `title` stands above it for people. `answer` finds the parts of
    `columns`; that it finds no rows says that there is nothing of the kind in the trace, as a missing `needs` does: then there is
    no table, and `nothing` (`no collectives`, say) is the reason. `order` says how the rows are sorted, as `Table.order`, and `brief` which columns
    the first screen has room for (all where it names none); `pivot` is how people read it crosswise. `of_several` is a column that
    people need to see only where it has several values. `notes` are sentences below the table, on what was asked and isn't there.
    """

    name: str
    title: str
    asks: str
    columns: tuple[Column, ...]
    needs: tuple[Need, ...]
    answer: Callable[[Scope], Rows]
    nothing: str
    order: str = ""
    brief: tuple[str, ...] = ()
    pivot: Pivot | None = None
    of_several: str = ""
    notes: Callable[[Scope], tuple[str, ...]] = _nothing_to_note

    def lacks(self, scope: Scope) -> str | None:
        """What the trace lacks that is needed, None where it has it all."""
        return next((need.says for need in self.needs if not need.holds(scope)), None)

    def table(self, scope: Scope) -> Table | None:
        """The answer as a table, None where it has no rows; only where nothing is lacking."""
        found = self.answer(scope)
        if not len(found):
            return None
        made = of_rows(self.name, self.title, self.columns, found, order=self.order)
        pivot = self.pivot
        if pivot is not None and pivot.group and len(set(made.cells(pivot.group))) == 1:
            pivot = replace(pivot, group="")
        return made.changed(pivot=pivot, notes=self.notes(scope))
