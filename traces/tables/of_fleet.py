"""The tables of a fleet's document."""

from __future__ import annotations

from itertools import product
from typing import Any

from launchlens.traces.account import DEVICE_STATES, HOST_STATES
from launchlens.traces.documents.fleet import FleetDocument
from launchlens.traces.tables.table import Column, Pivot, Table, of_structures, table


def tables(document: FleetDocument) -> list[Table]:
    """Every table of a fleet, those without rows left out but for that of the ranks."""
    made = (ranks, stragglers, imbalance, collectives, waits, idle_causes, parts, account, skipped)
    found = [make(document) for make in made]
    return [each for each in found if len(each) or each.name == "ranks"]


def ranks(document: FleetDocument) -> Table:
    """A row a rank: what its steps are made of."""
    columns = (
        Column("rank", "count", "its number in the job"),
        Column("steps", "count", "how many steps were recorded"),
        Column("step_ns", "time", "a step, the mean without the first of three or more", title="step"),
        Column("gpu_ns", "time", "of it: its GPU ran anything but collectives", title="GPU works"),
        Column("transfer_exposed_ns", "time", "it ran collectives alone, and all ranks had come", title="transfers"),
        Column("waiting_exposed_ns", "time", "it ran collectives alone, and the last rank had not come", title="waits for ranks"),
        Column("idle_ns", "time", "it had nothing to do", title="idle"),
        Column("idle_cause", "code", "what it was idle for most", title="idle for"),
        Column("launches", "count", "launches of a step"),
        Column("launch_ns", "time", "its host in calls that launch", title="launching"),
        Column("comes_last", "count", "in how many collectives it came last", title="last in"),
        Column("costs_others_ns", "time", "how long each other rank waits in collectives until it has come, a step", title="others wait"),
        Column("lengthens_steps_ns", "time", "what its lateness costs each other rank, a step", title="costs others"),
        Column("gpu_busy_ns", "time", "its GPU ran anything", title="GPU busy"),
        Column("waiting_ns", "time", "its collectives until the last rank had come, beside other work or not", title="in waits"),
        Column("collectives", "count", "collectives in common with others"),
        Column("clock_offset_ns", "time", "how far its clock was ahead of the first rank's", title="clock ahead", signed=True),
        Column("clock_apart_ns", "time", "how far from the others its collectives end all the same, the median", title="ends apart"),
        Column("device", "name", "its GPU"),
        Column("rank_from", "code", "how its number is known"),
        Column("file", "name", "its first file"),
        Column("files", "count", "how many it has"),
    )  # fmt: skip
    rows = [
        [
            each.rank, each.steps, each.step_ns, each.gpu_ns, each.transfer_exposed_ns, each.waiting_exposed_ns, each.idle_ns,
            max(each.idle_causes, key=lambda cause: (each.idle_causes or {})[cause]) if each.idle_causes else None,
            each.launches, each.launch_ns, each.comes_last, each.costs_others_ns, each.lengthens_steps_ns, each.gpu_busy_ns, each.waiting_ns, each.collectives,
            each.clock_offset_ns, each.clock_apart_ns, each.device, each.rank_from, each.files[0], len(each.files),
        ]
        for each in document.ranks
    ]  # fmt: skip
    return table("ranks", "Ranks, a step of each", columns, rows, order="by rank")


#: The columns of ranks that a terminal has room for.
RANKS_ON_A_SCREEN = (
    "rank", "steps", "step_ns", "gpu_ns", "transfer_exposed_ns", "waiting_exposed_ns", "idle_ns", "idle_cause", "launch_ns", "comes_last",
    "lengthens_steps_ns",
)  # fmt: skip


def stragglers(document: FleetDocument) -> Table:
    """A row a straggler, the dearest first."""
    columns = (
        Column("rank", "count", "the rank"),
        Column("cause", "code", "what of its step takes longer", absent="not told"),
        Column("where", "name", "the range in which its host spends more than others'", absent="–"),
        Column("longer_ns", "time", "how much longer its cause takes than others', a step", title="longer by"),
        Column("lengthens_steps_ns", "time", "what its lateness costs each other rank, a step", title="costs others"),
        Column("costs_others_ns", "time", "how long each other rank waits for it, a step", title="others wait"),
        Column(
            "others_wait_exposed_ns",
            "time",
            "how long each waits for it with nothing else to run, a step",
            title="others wait idly",
        ),
        Column(
            "others_wait_overlapped_ns",
            "time",
            "how long each waits for it beside other work, a step",
            title="beside work",
        ),
        Column("share_of_step", "share", "what it costs as a share of their steps", title="of a step"),
        Column("steps", "count", "in how many steps it is a tenth or more", title="in steps"),
        Column("of_steps", "count", "of how many", title="of"),
    )
    rows = [
        [
            each.rank, each.cause, each.where, each.longer_ns_per_step, each.lengthens_steps_ns_per_step, each.costs_others_ns_per_step, each.others_wait_exposed_ns_per_step,
            each.others_wait_overlapped_ns_per_step, each.share_of_step, each.steps, each.of_steps,
        ]
        for each in document.stragglers or ()
    ]  # fmt: skip
    return table("stragglers", "Stragglers", columns, rows, order="by what they cost")


def imbalance(document: FleetDocument) -> Table:
    """How figures of a step differ between ranks."""
    columns = (
        Column(
            "figure", "code", "which: `own_ns` is a step less its exposed waits, the others are columns of the ranks"
        ),
        Column("least_ns", "time", "of the rank with least", title="least"),
        Column("median_ns", "time", "the median over ranks", title="median"),
        Column("most_ns", "time", "of the rank with most", title="most"),
        Column("rank_of_most", "count", "which rank that is", title="on rank"),
        Column(
            "share_of_step",
            "share",
            "most less median, as a share of the median step",
            title="above the median, of a step",
        ),
    )
    return of_structures("imbalance", "How ranks differ", columns, document.imbalance)


def collectives(document: FleetDocument) -> Table:
    """A row a group and operation."""
    columns = (
        Column("group", "name", "the process group"),
        Column("operation", "name", "what they do", title="collective"),
        Column("ranks", "count", "ranks of which they were recorded"),
        Column("count", "count", "how many", title="times"),
        Column("total_ns", "time", "their time on all ranks", title="in all"),
        Column("waiting_ns", "time", "of that, before the last rank had come", title="waiting"),
        Column("transfer_ns", "time", "the rest", title="transfer"),
        Column("skew_median_ns", "time", "from the first rank's start to the last one's, median", title="skew"),
        Column("skew_most_ns", "time", "the longest", title="at most"),
        Column("last_rank", "count", "which rank came last most often", title="last rank"),
        Column("last_share", "share", "in which share of them", title="in"),
        Column("matched_by", "code", "how it is known which are the same"),
    )
    return of_structures("collectives", "Collectives", columns, document.collectives, order="by waiting")


def waits(document: FleetDocument) -> Table:
    """Who waited for whom."""
    columns = (
        Column("rank", "count", "the rank that waited"),
        Column("for_rank", "count", "for which one"),
        Column("ns", "time", "for how long, in all its steps", title="waited"),
        Column("exposed_ns", "time", "of that, nothing else ran on its GPU", title="exposed"),
    )
    return of_structures("waits", "Who waited for whom in collectives", columns, document.waits, order="by time")


def idle_causes(document: FleetDocument) -> Table:
    """What each rank's GPU was idle for, a step."""
    rows = [[str(each.rank), cause, ns] for each in document.ranks for cause, ns in (each.idle_causes or {}).items()]
    cause, ns = (
        Column("cause", "code", "what its GPU waited for"),
        Column("ns", "time", "for how long, a step", title="a step"),
    )
    return _crosswise("rank_idle", "What GPUs were idle for, a step", cause, ns, rows)


def parts(document: FleetDocument) -> Table:
    """Where the time of each rank's steps went."""
    rows = [[str(each.rank), each.part, each.ns] for each in document.account.parts]
    part = Column("part", "code", "what its GPU did, or was idle for")
    return _crosswise(
        "rank_time",
        "Where the time of all ranks went",
        part,
        Column("ns", "time", "in all its steps", title="time"),
        rows,
    )


def _crosswise(name: str, title: str, kind: Column, ns: Column, rows: list[list[Any]]) -> Table:
    """Times of each rank by kind, to be read a rank a row and a kind a column."""
    columns = Column("rank", "name", "the rank"), kind, ns
    return table(name, title, columns, rows, order="by rank", pivot=Pivot("rank", kind.name, ns.name))


def account(document: FleetDocument) -> Table:
    """The accounts of all ranks, added."""
    columns = (
        Column("host", "code", "what the hosts did"),
        Column("device", "code", "what their devices did meanwhile", absent="not recorded"),
        Column("ns", "time", "time in this cell", title="time"),
    )
    order = {states: at for at, states in enumerate(product(HOST_STATES, DEVICE_STATES))}
    cells = sorted(document.account.cells, key=lambda cell: order.get((cell.host, cell.device or ""), len(order)))
    return of_structures("fleet_account", "The accounts of all ranks, added", columns, cells)


def skipped(document: FleetDocument) -> Table:
    """Files that were left out."""
    columns = (Column("file", "name", "the file"), Column("reason", "text", "why it was left out"))
    return of_structures("skipped", "Files left out", columns, document.skipped)
