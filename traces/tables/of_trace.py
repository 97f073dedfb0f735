"""Tables of one trace: `totals`, `ranges`, `launch_cost`, `advice` and what that rests on. The figures are those of `analyze --json`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from launchlens.traces.documents.analysis import AnalysisDocument, Totals
from launchlens.traces.tables.table import Column, Table, of_structures, table

#: What a verdict rests on.
BOUNDS = (
    Column("bound_by", "code", "what the time is put down to: host, sync, communication, copies, gpu or unknown", title="by"),
    Column("share", "share", "its share of the time; they sum to 1"),
    Column("limits", "flag", "whether it is what limits the program"),
)  # fmt: skip


def totals(document: AnalysisDocument) -> Table:
    """Everything the recorder saw on the GPU, and the calls that submitted it."""
    columns = (
        Column("what", "text", "GPU work by kind, device, or launches by what they submit"),
        Column("count", "count", "how many"),
        Column("total_ns", "time", "time in all", title="time"),
        Column("share", "share", "of a device: the share of the trace in which it was busy", title="of the trace"),
        Column("bytes", "size", "bytes moved or set; null where the recorder does not tell"),
        Column(
            "without_gpu_activity",
            "count",
            "launches of which no GPU activity was recorded",
            title="not seen on the GPU",
        ),
    )
    return table("totals", "GPU work and launches", columns, _totals(document.totals))


def _totals(found: Totals) -> Iterator[list[Any]]:
    if found.kernels is None:
        yield ["GPU work: not recorded", None, None, None, None, None]
    else:
        yield ["kernels", found.kernels.count, found.kernels.total_ns, None, None, None]
        for name, row in found.copies():
            yield [name, row.count, row.total_ns, None, row.bytes, None]
        if found.graph is not msgspec.UNSET:
            yield ["graphs, recorded whole", found.graph.count, found.graph.total_ns, None, None, None]
        for device, busy in (found.gpu_busy_ns or {}).items():
            yield [f"device {device} busy", None, busy, busy / found.span_ns if found.span_ns else None, None, None]
    for kind, launches in found.launches.items():
        if launches.calls:
            yield [f"{kind} launches", launches.calls, None, None, None, launches.without_gpu_activity or None]


#: The columns of `ranges` that a terminal has room for.
RANGES_ON_A_SCREEN = (
    *("name", "instances", "host_ns", "launches", "gpu_ns"),
    *("launches_all_threads", "gpu_ns_all_threads", "launches_linked", "gpu_ns_linked"),
)


def ranges(document: AnalysisDocument) -> Table:
    """A row per folded range name, with the work launched inside it by its own thread, by all threads, and for it by links."""
    absent = "not recorded"
    columns = (
        Column("name", "name", "the range", title="range"),
        Column("names", "count", "how many distinct names that is"),
        Column("instances", "count", "how many there are"),
        Column("host_ns", "time", "time in it on its thread, in all", title="host time"),
        Column(
            "gpu_projection_ns",
            "time",
            "first GPU start to last GPU end of its work, in all",
            title="GPU projection",
            absent=absent,
        ),
        Column("gpu_ns", "time", "GPU time of its work, in all", title="GPU time", absent=absent),
        Column("launches", "count", "launches made in it"),
        Column("kernels", "count", "kernels among its work", absent=absent),
        Column("memcpys", "count", "memcpys among its work", absent=absent),
        Column("memsets", "count", "memsets among its work", absent=absent),
        Column("launches_all_threads", "count", "launches of any thread of its process in its time", title="launches, all threads"),
        Column("kernels_all_threads", "count", "kernels among the work of these", title="kernels, all threads", absent=absent),
        Column("gpu_ns_all_threads", "time", "GPU time of their work, in all", title="GPU time, all threads", absent=absent),
        Column("launches_linked", "count", "launches made for it, by links: of the backward pass of what it holds", title="launches, linked"),
        Column("kernels_linked", "count", "kernels among the work of these", title="kernels, linked"),
        Column("gpu_ns_linked", "time", "GPU time of their work, in all", title="GPU time, linked"),
    )  # fmt: skip
    return of_structures("ranges", "ranges", columns, document.ranges, order="by host time")


def launch_cost(document: AnalysisDocument) -> Table:
    """A row per API call and what it caused: what a launch costs in the call, in the queue and on the GPU."""
    columns = (
        Column("api", "name", "the API call", title="API call"),
        Column("activity", "name", "what it caused", title="caused", absent="nothing recorded"),
        Column("count", "count", "how many calls"),
        Column("api_total_ns", "time", "time in the calls, in all", title="in all"),
        Column("api_ns", "time", "time in the call, median", title="in the call"),
        Column(
            "queue_ns",
            "time",
            "from the end of the call to the start of its work, median of those that queued",
            title="queued",
        ),
        Column("queued", "count", "calls whose work started at or after their end", title="times queued"),
        Column("gpu_ns", "time", "GPU time of its work, median", title="on the GPU"),
    )
    rows = [
        [row.api, row.activity, row.count, row.api_total_ns, row.api_ns.median, row.queue_ns.median,
         row.queue_ns.count or None, None if row.gpu_ns is None else row.gpu_ns.median]
        for row in document.launch_cost
    ]  # fmt: skip
    return table("launch_cost", "launch costs, medians", columns, rows, order="by time in the call")


def advice(document: AnalysisDocument) -> Table:
    """A row per change that would save time, what saves most first."""
    columns = (
        Column("code", "code", "which change", title="change"),
        Column("where", "name", "the range, op or call that it is about"),
        Column("saves_ns", "interval", "what it would save of a step, unprofiled: at least, at most", title="saves a step", of="time"),
        Column("share_of_step", "interval", "the same as a share of the unprofiled step", title="of the step", of="share"),
        Column("how", "text", "how the change is made"),
    )  # fmt: skip
    rows = [[row.code, row.where, row.saves_ns_per_step, row.share_of_step, row.how] for row in document.advice]
    return table("advice", "What changes would save", columns, rows, order="by what they save")


def advice_rows(document: AnalysisDocument) -> Table:
    """The events that each piece of advice rests on, by name."""
    columns = (
        Column("code", "code", "the change", title="change"),
        Column("name", "name", "events that it rests on, by name", title="rests on"),
        Column("per_step", "count", "how many of them a step", title="a step", whole=False),
        Column("ns_per_step", "time", "their time a step, as recorded", title="recorded a step", whole=False),
        Column(
            "first_ns", "time", "when the first of them began, on the recorder's clock", hint="title", shown_in="ns"
        ),
        Column("first_at_ns", "time", "the same, from the first event of the trace on", title="first at"),
    )
    zero = document.totals.first_ns or 0
    rows = [
        [row.code, each.name, each.per_step, each.ns_per_step, each.first_ns, each.first_ns - zero]
        for row in document.advice for each in row.rows
    ]  # fmt: skip
    return table("advice_rows", "What the advice rests on", columns, rows)
