"""Framework ops by name: what they take of the host, and the GPU work that each launched itself.

A launch belongs to the innermost op open on its thread, so that the GPU times of all ops, and of what no op launched, sum to the
GPU time of all work; likewise a moment of a thread belongs to the innermost op open then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from launchlens.traces.analyses.open_events import Opened
from launchlens.traces.analyses.question import OPS, Question
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.backward import homes
from launchlens.traces.grouping import Groups
from launchlens.traces.intervals import Ints
from launchlens.traces.tables.rows import Rows, Values
from launchlens.traces.tables.table import Column

#: What torch calls regions that torch.compile made (2.1 on), and what Inductor calls the kernels that it writes.
_COMPILED = re.compile(
    r"Torch-Compiled Region|## Call CompiledFxGraph|CompiledFunction|CompiledFxGraph|triton_\w+_fused_|triton_(?:poi|per|red|for|tem)_"
)
NOT_RECORDED = "not recorded"
NO_SHAPES = "By shape: no shapes of inputs were recorded (torch.profiler records them with record_shapes=True), so ops are told apart by name."
CALLS = (
    Column("calls", "count", "how many calls"),
    Column("host_ns", "time", "time in these calls, in all; calls within calls count in both", title="host time"),
    Column("host_self_ns", "time", "of that, time in which it was the innermost on its thread", title="host self time"),
    Column("launches", "count", "launches made in it while it was the innermost"),
    Column("gpu_ns", "time", "GPU time of what these launched; null where GPU work was not recorded", title="GPU time",
           absent=NOT_RECORDED),
    Column("share", "share", "its share of the GPU time of all work", title="of GPU time", bar=True),
)  # fmt: skip
COLUMNS = (
    Column("name", "name", "the op", title="op"),
    Column("shapes", "name", "shapes of its inputs, with --by-shape where they were recorded; else null"),
    Column(
        "made_by",
        "code",
        "`torch.compile` of a region that it made, or a Triton kernel that it wrote; null of other ops",
        title="made by",
    ),
    *CALLS,
    Column(
        "backward_launches",
        "count",
        "launches made in the backward pass for its sake, by the recorder's links: null where nothing links",
        title="launches in backward",
    ),
    Column(
        "backward_gpu_ns",
        "time",
        "GPU time of what these launched, which counts for the backward ops themselves as well; null likewise",
        title="GPU time in backward",
    ),
)


def _answer(scope: Scope) -> Rows:
    opened, rows = scope.opened("op"), scope.host_rows("op")
    shape, texts = _shapes(scope, rows)
    keys, code = np.unique(np.stack([scope.names.codes[rows], shape]), axis=1, return_inverse=True)
    code = code.ravel().astype(np.int64)
    names = [str(each) for each in scope.names.categories[keys[0]].tolist()]
    return by_gpu_time(
        {
            "name": names,
            "shapes": [None if each < 0 else texts[each] for each in keys[1].tolist()],
            "made_by": ["torch.compile" if is_compiled(each) else None for each in names],
            **of_calls(scope, opened, groups_of(scope, opened, rows, code), keys.shape[1]),
            **_backward(scope, opened, rows, code, keys.shape[1]),
        }
    )


def is_compiled(op: str) -> bool:
    """Whether an op of this name is of torch.compile's making.

    >>> is_compiled("Torch-Compiled Region: 0/0"), is_compiled("triton_poi_fused_add_0"), is_compiled("aten::add")
    (True, True, False)
    """
    return bool(_COMPILED.match(op))


def _backward(scope: Scope, opened: Opened, rows: Ints, codes: Ints, count: int) -> dict[str, pd.arrays.IntegerArray]:
    """What was launched in backward passes for the sake of ops, brought home to the innermost op at the start of each forward op."""
    linked = scope.joined.backward_ops
    unknown = np.full(count, not len(linked))
    launches, gpu = np.zeros(count, np.int64), np.zeros(count, np.int64)
    if len(linked):
        home = homes(scope.events, scope.of, linked)
        group_of = np.full(len(scope.events), -1, np.int64)
        group_of[rows] = codes
        owner = opened.at(home.process, home.thread, home.start_ns)
        groups = Groups(np.where(owner >= 0, group_of[opened.rows[owner]], -1), count)
        launches, gpu = groups.sizes, groups.sum(scope.of.gpu_ns[home.launches])
    unseen = unknown | (not scope.joined.saw_gpu)
    return {
        "backward_launches": pd.arrays.IntegerArray(launches, unknown),
        "backward_gpu_ns": pd.arrays.IntegerArray(gpu, unseen),
    }


def _shapes(scope: Scope, rows: Ints) -> tuple[Ints, list[str]]:
    """The code of the shapes of each op's inputs, -1 where they are not asked for or not recorded, and their texts."""
    told = scope.joined.trace.details.shapes
    if told is None or not scope.by_shape:
        return np.full(len(rows), -1, np.int64), []
    found = np.full(len(scope.events), -1, np.int64)
    found[told["row"].to_numpy()] = told["shapes"].array.codes
    return found[rows], [str(each) for each in told["shapes"].cat.categories]


def _notes(scope: Scope) -> tuple[str, ...]:
    """That ops can't be told apart by shape, where that was asked for."""
    told = scope.joined.trace.details.shapes
    return (NO_SHAPES,) if scope.by_shape and (told is None or not len(told)) else ()


def groups_of(scope: Scope, opened: Opened, rows: Ints, codes: Ints) -> Ints:
    """The group of each event that `opened` holds: the code of its row among `rows` of the event table, -1 of others."""
    at = np.full(len(scope.events), -1, np.int64)
    at[rows] = codes
    return at[opened.rows]


def of_calls(scope: Scope, opened: Opened, group_of: Ints, count: int) -> dict[str, Values]:
    """The columns CALLS of what `opened` holds, by group; `group_of` is -1 for what is not meant."""
    groups = Groups(group_of, count)
    chosen = scope.launches
    owner = opened.at(scope.of.process[chosen], scope.of.thread[chosen], scope.of.start_ns[chosen])
    launched = np.where(owner >= 0, group_of[owner], -1) if len(group_of) else owner
    by_launch = Groups(launched, groups.count)
    gpu = by_launch.sum(scope.of.gpu_ns[chosen])
    whole = int(scope.dur[scope.work].sum())
    unseen = np.full(groups.count, not scope.joined.saw_gpu)
    return {
        "calls": groups.sizes,
        "host_ns": groups.sum(opened.end - opened.start),
        "host_self_ns": groups.sum(opened.self_ns),
        "launches": by_launch.sizes,
        "gpu_ns": pd.arrays.IntegerArray(gpu, unseen),
        "share": gpu / whole if whole else np.full(groups.count, np.nan),
    }


def by_gpu_time(columns: Mapping[str, Values]) -> Rows:
    """Rows in order of GPU time, then of the host's own, then of the name."""
    return Rows(columns).ordered("-gpu_ns", "-host_self_ns", "name")


OPERATORS = Question(
    name="operators",
    title="Operators",
    asks="Which framework ops take the host's time, and which launched the GPU's work?",
    columns=COLUMNS,
    needs=(OPS,),
    answer=_answer,
    nothing="no framework ops",
    order="by GPU time",
    brief=("name", "shapes", "calls", "host_ns", "host_self_ns", "launches", "gpu_ns", "share", "backward_gpu_ns"),
    notes=_notes,
)
