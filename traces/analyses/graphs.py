"""Graphs: what a replay runs, how often it was made, and what it costs to launch, for each of its nodes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from launchlens.traces.analyses.kernel_names import short_name
from launchlens.traces.analyses.kernels import masked
from launchlens.traces.analyses.question import Need, Question
from launchlens.traces.analyses.scope import Scope
from launchlens.traces.columns import codes, numbers
from launchlens.traces.grouping import Groups
from launchlens.traces.intervals import Ints
from launchlens.traces.launches.table import SUBMITS
from launchlens.traces.tables.rows import Rows
from launchlens.traces.tables.table import Column

COLUMNS = (
    Column("graph", "name", "the graph's id; null where the recorder gives none: replays that run the same are then one row"),
    Column("replays", "count", "how often it was launched"),
    Column("nodes", "count", "GPU activities of one replay; null where it was recorded whole or not at all"),
    Column("kernels", "count", "kernels among them"),
    Column("memcpys", "count", "memcpys among them"),
    Column("memsets", "count", "memsets among them"),
    Column("launch_ns", "time", "time of the host in the launch call, median", title="launch call"),
    Column("launch_per_node_ns", "time", "the same over the nodes", title="per node", whole=False),
    Column("queue_ns", "time", "from the end of the call to the first start of its work, median of those that queue", title="queued"),
    Column("gpu_ns", "time", "GPU time of one replay's work, median", title="GPU time"),
    Column("span_ns", "time", "from the first start of its work to the last end, median", title="from start to end"),
    Column("mostly", "name", "the kernel that takes most of its GPU time"),
)  # fmt: skip


def graph_launches(scope: Scope) -> Ints:
    """The launches of the scope that replay a graph."""
    submits = scope.of.columns["submits"].codes[scope.launches]
    found: Ints = scope.launches[submits == SUBMITS.index("graph")]
    return found


def _answer(scope: Scope) -> Rows:
    of, events = scope.of, scope.events
    chosen = graph_launches(scope)
    rows, owner = of.work_of(chosen)
    total = len(of)
    kind, name = (codes(events, each)[rows] for each in ("kind", "name"))
    # replays that run the same have the same sum of numbers drawn for kinds and names
    drawn = np.random.default_rng(0).integers(-(1 << 62), 1 << 62, len(scope.names.categories) * 16 + 16)
    signature = np.zeros(total, np.int64)
    np.add.at(signature, owner, drawn[name * 16 + kind])
    ids = np.full(total, -1, np.int64)
    ids[owner[::-1]] = numbers(events, "graph", absent=-1)[rows[::-1]]
    seen = of.columns["activities"]
    keys, code = np.unique(np.stack([ids[chosen], seen[chosen], signature[chosen]]), axis=1, return_inverse=True)
    groups = Groups(code.ravel().astype(np.int64), keys.shape[1])
    first = chosen[groups.first(np.arange(len(chosen)))]
    whole = np.zeros(total, bool)
    kinds = events["kind"].array.categories
    whole[owner[kind == (kinds.get_loc("graph") if "graph" in kinds else -1)]] = True
    unknown = whole[first] | (seen[first] == 0)
    call = groups.median(of.end_ns[chosen] - of.start_ns[chosen])
    worked, queued = groups.only(of.caused_work[chosen]), groups.only(of.queued[chosen])
    nodes = seen[first]
    found = Rows(
        {
            "graph": [None if each < 0 else str(each) for each in keys[0].tolist()],
            "replays": groups.sizes,
            "nodes": pd.arrays.IntegerArray(nodes, unknown),
            **{
                each: pd.arrays.IntegerArray(of.columns[each][first], unknown.copy())
                for each in ("kernels", "memcpys", "memsets")
            },
            "launch_ns": call,
            "launch_per_node_ns": np.divide(call, nodes, out=np.full(len(call), np.nan), where=~unknown),
            "queue_ns": masked(queued.median(of.queue_ns[chosen]), queued),
            "gpu_ns": masked(worked.median(of.gpu_ns[chosen]), worked),
            "span_ns": masked(worked.median(of.gpu_end_ns[chosen] - of.gpu_start_ns[chosen]), worked),
            "mostly": _mostly(scope, rows, owner, first),
        }
    )
    return found.taken(np.lexsort((of.start_ns[first], -groups.sizes * call)))


def _mostly(scope: Scope, rows: Ints, owner: Ints, first: Ints) -> list[str | None]:
    """The kernel with most GPU time of each of some launches, by its short name; of equals the first by name."""
    kernel = np.isin(rows, scope.work_of("kernel"))
    position = np.full(len(scope.of), -1, np.int64)
    position[first] = np.arange(len(first))
    mine = kernel & (position[owner] >= 0)
    spent = pd.DataFrame(
        {
            "of": position[owner[mine]],
            "name": scope.names.codes[rows[mine]],
            "ns": scope.dur[rows[mine]],
        }
    )
    names = scope.names.categories
    longest = spent.groupby(["of", "name"], as_index=False)["ns"].sum()
    longest["text"] = [str(names[each]) for each in longest["name"]]
    longest = longest.sort_values(["of", "ns", "text"], ascending=[True, False, True]).drop_duplicates("of")
    found: list[str | None] = [None] * len(first)
    for at, text in zip(longest["of"].tolist(), longest["text"].tolist(), strict=True):
        found[at] = short_name(text)
    return found


GRAPHS = Question(
    name="graphs",
    title="Graphs",
    asks="Which graphs are replayed, what do they run, and what does a node of them cost to launch?",
    columns=COLUMNS,
    needs=(Need(lambda scope: len(graph_launches(scope)) > 0, "no graph launches"),),
    answer=_answer,
    nothing="no graph launches",
    order="by time in the launch calls",
)
