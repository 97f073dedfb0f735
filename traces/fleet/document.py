"""The document of a fleet: its numbers as rows, and the sentences that say what matters."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from launchlens.traces.account import Account, apportion
from launchlens.traces.documents.account import AccountCell
from launchlens.traces.documents.fleet import (
    CollectiveRow,
    FleetAccount,
    FleetDocument,
    FleetPart,
    ImbalanceRow,
    RankRow,
    SkippedFile,
    StragglerRow,
    WaitRow,
)
from launchlens.traces.documents.problem import problem_rows
from launchlens.traces.fleet.stragglers import Straggler, usual_steps
from launchlens.traces.fleet.words import answer, straggler_says
from launchlens.traces.grouping import by_keys
from launchlens.traces.intervals import Ints
from launchlens.traces.steps.gaps import CAUSES

if TYPE_CHECKING:
    from launchlens.traces.fleet.fleet import Fleet

#: Figures of a rank whose spread over ranks is told; the first is worked out of two.
_SPREAD = ("own_ns", "gpu_ns", "idle_ns", "waiting_ns", "launch_ns")


def document(fleet: Fleet) -> FleetDocument:
    """The document of a fleet."""
    ranks = _ranks(fleet)
    late = None if fleet.stragglers is None else [_straggler(fleet, each) for each in fleet.stragglers]
    return FleetDocument(
        sentence=answer(ranks, late, _comes_last(fleet)),
        ranks=ranks,
        ranks_in_job=fleet.ranks_in_job,
        stragglers=late,
        imbalance=_imbalance(ranks) if len(ranks) > 1 else [],
        collectives=_collectives(fleet),
        waits=_waits(fleet),
        account=_account(fleet),
        problems=problem_rows(fleet.problems),
        skipped=[SkippedFile(file=str(each.path), reason=each.why) for each in fleet.skipped],
    )


def _ranks(fleet: Fleet) -> list[RankRow]:
    matched, clocks, waits = fleet.matched, fleet.clocks, fleet.waits
    first = matched.first
    last_of = Counter(waits.last[first].tolist())
    number = Counter(matched.member.tolist())
    clusters = Counter(clocks.cluster.tolist())
    rows = []
    for at, member in enumerate(fleet.members):
        steps, chosen = member.steps, usual_steps(member)
        known, shares = member.summary.saw_gpu, number[at] > 0
        count = len(steps.wall_ns[chosen])
        exposed, waited = steps.exposed_ns[chosen], fleet.exposed_waits[at][chosen]
        idle = steps.idle_ns[chosen].sum(axis=0)
        whole = np.array(
            [steps.gpu_ns[chosen].sum(), waited.sum(), (exposed - waited).sum(), *idle, steps.unknown_ns[chosen].sum()]
        )
        # rounded so that they sum to the step
        gpu, waiting, transfer, *causes, unknown = apportion(whole / count).tolist()
        mine = matched.member == at
        in_waits = np.zeros(len(steps), np.int64)
        np.add.at(in_waits, matched.step[mine], waits.wait_ns[mine])
        others = [each for each in np.flatnonzero(clocks.cluster == clocks.cluster[at]).tolist() if each != at]

        def mean(values: Ints, count: int = count) -> int:
            return round(int(values.sum()) / count)

        aligned = clocks.by[at] > 0 and clusters[int(clocks.cluster[at])] > 1
        rows.append(
            RankRow(
                rank=member.rank,
                rank_from=member.rank_from,
                files=[str(each) for each in member.files],
                recorded_by=member.summary.recorded_by,
                device=member.summary.device,
                steps=len(steps),
                steps_found_by=member.summary.steps_found_by,
                step_ns=mean(steps.wall_ns[chosen]),
                median_step_ns=round(float(np.median(steps.wall_ns[chosen]))),
                gpu_busy_ns=gpu + waiting + transfer if known else None,
                gpu_ns=gpu if known else None,
                exposed_communication_ns=waiting + transfer if known else None,
                waiting_exposed_ns=waiting if known else None,
                transfer_exposed_ns=transfer if known else None,
                idle_ns=sum(causes) if known else None,
                idle_causes={cause: ns for cause, ns in zip(CAUSES, causes, strict=True) if ns} if known else None,
                unknown_ns=unknown if known else None,
                launches=mean(steps.launches[chosen]),
                launch_ns=mean(steps.launch_ns[chosen]),
                collectives=number[at],
                waiting_ns=mean(in_waits[chosen]) if shares else None,
                comes_last=last_of[at],
                costs_others_ns=round(fleet.costs.waited(at, others)) if shares and others else None,
                lengthens_steps_ns=round(fleet.costs.of(at, others)) if shares and others else None,
                clock_offset_ns=round(float(clocks.offset_ns[at])) if aligned else None,
                clock_drift=float(clocks.drift[at]) if aligned else None,
                clock_apart_ns=round(float(clocks.apart_ns[at])) if aligned else None,
            )
        )
    return rows


def _straggler(fleet: Fleet, found: Straggler) -> StragglerRow:
    rank = fleet.members[found.member].rank
    return StragglerRow(
        rank=rank,
        cause=found.cause,
        where=found.where,
        longer_ns_per_step=found.longer_ns,
        costs_others_ns_per_step=found.exposed_ns + found.overlapped_ns,
        lengthens_steps_ns_per_step=found.costs_ns,
        others_wait_exposed_ns_per_step=found.exposed_ns,
        others_wait_overlapped_ns_per_step=found.overlapped_ns,
        share_of_step=found.share,
        steps=found.steps,
        of_steps=found.of_steps,
        sentence=straggler_says(rank, found),
    )


def _comes_last(fleet: Fleet) -> tuple[int, int, int] | None:
    """Which rank comes last most often, in how many collectives, of how many; None without any."""
    last = fleet.waits.last[fleet.matched.first]
    if not len(last):
        return None
    count = np.bincount(last)
    return fleet.members[int(count.argmax())].rank, int(count.max()), len(last)


def _imbalance(ranks: list[RankRow]) -> list[ImbalanceRow]:
    step = float(np.median([each.step_ns for each in ranks]))
    rows = []
    for figure in _SPREAD:
        values = {each.rank: _figure(each, figure) for each in ranks}
        known = {rank: value for rank, value in values.items() if value is not None}
        if not known:
            continue
        median = float(np.median(list(known.values())))
        of_most = max(known, key=lambda rank: known[rank])
        rows.append(
            ImbalanceRow(
                figure=figure,
                least_ns=min(known.values()),
                median_ns=round(median),
                most_ns=known[of_most],
                rank_of_most=of_most,
                share_of_step=(known[of_most] - median) / step if step else 0.0,
            )
        )
    return rows


def _figure(row: RankRow, figure: str) -> int | None:
    if figure == "own_ns":
        return None if row.waiting_exposed_ns is None else row.step_ns - row.waiting_exposed_ns
    found: int | None = getattr(row, figure)
    return found


def _collectives(fleet: Fleet) -> list[CollectiveRow]:
    matched, waits = fleet.matched, fleet.waits
    operations, operation_of = np.unique(matched.operation, return_inverse=True)
    # the rows of an instance have one group and operation, and lie next to each other
    leads = np.diff(matched.instance, prepend=-1) != 0
    rows = []
    for (group, operation), mine in by_keys(np.arange(len(matched)), matched.group, operation_of).items():
        once = mine[leads[mine]]
        last, skew = np.bincount(waits.last[once]), waits.skew_ns[once]
        total = int((matched.end_ns - matched.start_ns)[mine].sum())
        wait = int(waits.wait_ns[mine].sum())
        rows.append(
            CollectiveRow(
                group=matched.groups[group],
                matched_by=matched.matched_by[group],
                operation=str(operations[operation]),
                ranks=len(np.unique(matched.member[mine])),
                count=len(once),
                total_ns=total,
                waiting_ns=wait,
                transfer_ns=total - wait,
                skew_median_ns=round(float(np.median(skew))),
                skew_most_ns=int(skew.max()),
                last_rank=fleet.members[int(last.argmax())].rank,
                last_share=float(last.max() / len(once)),
            )
        )
    return sorted(rows, key=lambda row: (-row.waiting_ns, row.group, row.operation))


def _waits(fleet: Fleet) -> list[WaitRow]:
    booked = fleet.waits.booked
    member, behind, ns, exposed = (booked[name].to_numpy() for name in ("member", "behind", "ns", "exposed_ns"))
    rows = [
        WaitRow(
            rank=fleet.members[waiting].rank,
            for_rank=fleet.members[late].rank,
            ns=int(ns[mine].sum()),
            exposed_ns=int(exposed[mine].sum()),
        )
        for (waiting, late), mine in by_keys(np.arange(len(booked)), member, behind).items()
    ]
    return sorted(rows, key=lambda row: (-row.ns, row.rank, row.for_rank))


def _account(fleet: Fleet) -> FleetAccount:
    cells: Counter[tuple[str, str | None]] = Counter()
    parts: list[FleetPart] = []
    for at, member in enumerate(fleet.members):
        summary, steps = member.summary, member.steps
        for cell in Account(summary.cells[np.newaxis], summary.saw_gpu).rows():
            cells[cell.host, cell.device] += cell.ns
        if not summary.saw_gpu:
            parts.append(FleetPart(rank=member.rank, part="not-recorded", ns=int(steps.wall_ns.sum())))
            continue
        waited = fleet.exposed_waits[at]
        own = {
            "gpu": steps.gpu_ns,
            "waiting": waited,
            "transfer": steps.exposed_ns - waited,
            **{cause: steps.idle_ns[:, number] for number, cause in enumerate(CAUSES)},
        }
        # a cause of idle time is called `unknown` as well: nobody knows either
        sums = Counter({part: int(values.sum()) for part, values in own.items()})
        sums["unknown"] += int(steps.unknown_ns.sum())
        parts += [FleetPart(rank=member.rank, part=part, ns=ns) for part, ns in sums.items() if ns]
    return FleetAccount(
        window_ns=sum(int(member.steps.wall_ns.sum()) for member in fleet.members),
        cells=[
            AccountCell(host=host, device=device, ns=ns) for (host, device), ns in sorted(cells.items(), key=_by_cell)
        ],
        parts=parts,
    )


def _by_cell(cell: tuple[tuple[str, str | None], int]) -> tuple[str, str]:
    return cell[0][0], cell[0][1] or ""
