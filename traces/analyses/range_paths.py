"""Ranges by their path: each under the ranges that it was opened in, as `ProfilerStep#* > forward`, with what was launched in it."""

from __future__ import annotations

import numpy as np

from launchlens.traces.analyses.operators import CALLS, by_gpu_time, groups_of, of_calls
from launchlens.traces.analyses.question import RANGES, Question
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.intervals import Ints
from launchlens.traces.ranges import folded_names
from launchlens.traces.tables.rows import Rows
from launchlens.traces.tables.table import Column

BETWEEN = " > "
#: Ranges nested deeper than this count for the last one of the path.
DEEPEST = 32

COLUMNS = (
    Column("name", "name", f"the range, after those that it was opened in on its thread, with `{BETWEEN.strip()}` between", title="range"),
    Column("depth", "count", "how many ranges it lies in"),
    *CALLS,
)  # fmt: skip


def _answer(scope: Scope) -> Rows:
    opened, rows = scope.opened("range"), scope.host_rows("range")
    names = folded_names(scope.names[opened.rows])
    path_of, paths, depths = _paths(opened.parent, names.codes.astype(np.int64))
    position = np.full(len(scope.events), -1, np.int64)
    position[opened.rows] = np.arange(len(opened.rows))
    used, code = np.unique(path_of[position[rows]], return_inverse=True)
    texts = names.categories.tolist()
    return by_gpu_time(
        {
            "name": [BETWEEN.join(texts[name] for name in paths[at]) for at in used.tolist()],
            "depth": [depths[at] for at in used.tolist()],
            **of_calls(scope, opened, groups_of(scope, opened, rows, code.astype(np.int64)), len(used)),
        }
    )


def _paths(parent: Ints, name: Ints) -> tuple[Ints, list[tuple[int, ...]], list[int]]:
    """The number of each range's path, and of each path the codes of its names and its depth, level by level."""
    path_of = np.full(len(parent), -1, np.int64)
    paths: list[tuple[int, ...]] = []
    depths: list[int] = []
    names = int(name.max(initial=0)) + 1
    level = np.flatnonzero(parent < 0)
    children = np.argsort(parent, kind="stable")
    first = np.searchsorted(parent[children], np.arange(len(parent) + 1))
    while len(level):
        above = np.where(parent[level] >= 0, path_of[parent[level]], -1)
        if depths and depths[-1] >= DEEPEST:
            path_of[level] = above
        else:
            # one number for both: a sort of pairs takes several times as long
            keys, code = np.unique((above + 1) * names + name[level], return_inverse=True)
            path_of[level] = len(paths) + code
            ups, owns = (keys // names - 1).tolist(), (keys % names).tolist()
            paths += [(*(paths[up] if up >= 0 else ()), own) for up, own in zip(ups, owns, strict=True)]
            depths += [depths[up] + 1 if up >= 0 else 0 for up in ups]
        count = first[level + 1] - first[level]
        ends = np.cumsum(count)
        level = children[np.repeat(first[level] - ends + count, count) + np.arange(int(count.sum()))]
    return path_of, paths, depths


RANGE_PATHS = Question(
    name="range_paths",
    title="Ranges by path",
    asks="Which ranges, within which others, take the host's time, and which launched the GPU's work?",
    columns=COLUMNS,
    needs=(RANGES,),
    answer=_answer,
    nothing="no ranges",
    order="by GPU time",
)
