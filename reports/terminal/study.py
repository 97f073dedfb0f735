"""What a terminal shows: the verdict and the tables behind it. Colour only where the console is a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from msgspec import UNSET
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from launchlens.reports.terminal.parts import short, table_of
from launchlens.reports.terminal.probes import print_probe
from launchlens.reports.words.units import count, duration, interval, percent, signed_duration, size, times
from launchlens.reports.words.verdict import HOST_WORDS, Sentence
from launchlens.traces.documents.analysis import AccountOfTrace, AnalysisDocument, LaunchCostRow, RangeRow, Totals
from launchlens.traces.studies.agreement import brief
from launchlens.traces.studies.compare import REASONS, Comparison
from launchlens.traces.studies.side import Side
from launchlens.traces.studies.study import Study

LONGEST_SENTENCE = 2000


def print_study(console: Console, study: Study, said: Sequence[Sentence], recorded: str | None) -> None:
    """The verdict in sentences, a table per regime, and what each probe says.

    Raises InputError for a probes.json that can't be read.
    """
    if recorded:
        console.print(f"[bold yellow]{escape(recorded)}[/]", highlight=False)
    for weight, style in (("headline", "bold"), ("plain", ""), ("caveat", "dim")):
        chosen = [sentence.text for sentence in said if sentence.weight == weight]
        if chosen:
            console.print()
        for text in chosen:
            lines = textwrap.wrap(
                short(text, LONGEST_SENTENCE),
                max(console.width - 2, 40),
                subsequent_indent="  ",
                break_long_words=False,
            )
            console.print(escape("\n".join(lines)), style=style or None, highlight=False)
    for path, problems in study.problems.items():
        for problem in problems:
            if problem.severity != "info":
                console.print(
                    escape(f"{problem.severity} in {short(path)}: {problem.count} × {problem.code}: {problem.meaning}"),
                    style="yellow",
                    highlight=False,
                )
    ratios = {(item.b.variant, item.b.regime): item for item in study.against_baseline}
    for regime in study.regimes:
        console.print()
        console.print(_timing_table(study, regime, ratios))
    rows = study.agreement
    if rows:
        console.print()
        names = " | ".join(dict.fromkeys(name for row in rows for name in row.values))
        console.print(f"[bold]recorders compared: {escape(names)}, and how far apart[/]", highlight=False)
        print_rows(console, *brief(rows))
        amiss = sum(row.amiss for row in rows)
        if amiss:
            console.print(f"! {amiss} figures differ that must agree", style="bold red", highlight=False)
    for probe in study.probes.values():
        console.print()
        print_probe(console, probe, full=False)


def _timing_table(study: Study, regime: str, ratios: dict[tuple[str, str], Comparison]) -> Table:
    rounds = max(len(side.blocks) for side in study.in_regime(regime))
    table = table_of(f"{short(regime)}: unprofiled, {rounds} interleaved rounds")
    baseline = study.capture.manifest.baseline
    for name in (
        "variant",
        "µs per iteration",
        "95 % interval",
        escape(f"× {short(baseline, 32)}"),
        "95 % interval",
        "verdict",
        "bound by",
        "launches",
    ):
        table.add_column(name, justify="left" if name in ("variant", "verdict", "bound by") else "right", no_wrap=True)
    for side in study.in_regime(regime):
        item = ratios.get((side.variant, regime))
        table.add_row(
            escape(short(side.variant, 32)),
            f"{side.wall.value / 1000:.2f}",
            interval(side.wall.interval, 1000),
            _ratio(side, baseline, item),
            "" if item is None else interval(item.ratio.interval),
            _verdict(side, baseline, item),
            side.bound.removesuffix("-bound"),
            count(side.recording.counts["launches"]) if side.recording else "",
        )
    return table


def _ratio(side: Side, baseline: str, item: Comparison | None) -> str:
    return times(item.ratio.value).removesuffix(" ×") if item else "1" if side.variant == baseline else ""


def _verdict(side: Side, baseline: str, item: Comparison | None) -> str:
    """What the table says of a side; where the baseline was not timed in its regime, there is nothing to say."""
    if side.part_of is not None and item is None:
        return escape(f"part of {short(side.part_of, 32)}")
    return item.verdict.replace("-", " ") if item else "baseline" if side.variant == baseline else "no baseline here"


def print_comparisons(console: Console, comparisons: Sequence[Comparison]) -> None:
    """Each comparison: its verdict, the reasons, and the parts of the difference."""
    for item in comparisons:
        console.print()
        title = f"{short(item.b.variant)} against {short(item.a.variant)}, {short(item.a.regime)}"
        console.print(f"[bold]{escape(title)}: {item.verdict.replace('-', ' ')}[/]", highlight=False)
        console.print(
            f"  ratio {times(item.ratio.value)}, 95 % interval {interval(item.ratio.interval)}", highlight=False
        )
        console.print(f"  {_side_line(item.a)}\n  {_side_line(item.b)}", highlight=False)
        for code in item.reasons:
            console.print(f"  {REASONS[code]}", highlight=False, style="dim")
        if item.difference_ns is None:
            continue
        table = table_of(f"profiled difference per iteration: {signed_duration(item.difference_ns)}")
        table.add_column("host")
        table.add_column("device")
        table.add_column("difference", justify="right")
        table.add_column("95 % interval", justify="right")
        for part in item.cells:
            ends = "" if part.interval is None else " – ".join(signed_duration(end) for end in part.interval)
            device = part.device if item.b.recording and item.b.recording.device is not None else "not recorded"
            table.add_row(HOST_WORDS[part.host], device, signed_duration(part.ns), ends)
        console.print(table)


def _side_line(side: Side) -> str:
    return escape(
        f"{short(side.variant, 32)}: {duration(side.wall.value)} per iteration"
        f" (95 % interval {interval(side.wall.interval, 1000)} µs), {side.bound}"
    )


def print_analysis(console: Console, document: AnalysisDocument, *, top: int = 15) -> None:
    """A trace's analysis as tables: problems, totals, ranges, launch costs, account."""
    source = document.source
    known = f"{source.recorded_by}{' ' + source.recorded_by_version if source.recorded_by_version else ''}"
    console.print(
        f"[bold]{escape(short(source.path, 120))}[/], {size(source.bytes)}, recorded by {escape(short(known))}",
        highlight=False,
    )
    for problem in document.problems:
        style = {"info": "dim", "warning": "yellow", "error": "bold red"}[problem.severity]
        console.print(
            f"{problem.severity}: {problem.count} × {problem.code}: {escape(problem.meaning)}",
            style=style,
            highlight=False,
        )
    console.print(_totals_table(document.totals))
    if document.ranges:
        console.print(_ranges_table(document.ranges, top))
    if document.launch_cost:
        console.print(_cost_table(document.launch_cost, top))
    if document.account:
        console.print(_account_table(document.account))
    else:
        console.print("No time account: no thread launches anything, and no --range was given.", style="dim")


def print_rows(console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A plain table of text."""
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    console.print(table)


def _totals_table(totals: Totals) -> Table:
    table = table_of("GPU work")
    for name in ("what", "count", "time", "bytes"):
        table.add_column(name, justify="left" if name == "what" else "right")
    kernels = totals.kernels
    if kernels is None:
        table.add_row("not recorded", "", "", "")
    else:
        table.add_row("kernels", str(kernels.count), duration(kernels.total_ns), "")
        for name, copies in totals.copies():
            moved = "unknown" if copies.bytes is None else size(copies.bytes)
            table.add_row(escape(short(name)), str(copies.count), duration(copies.total_ns), moved)
        if totals.graph is not UNSET:
            table.add_row("graphs, recorded whole", str(totals.graph.count), duration(totals.graph.total_ns), "")
        for device, busy in (totals.gpu_busy_ns or {}).items():
            share = f" ({percent(busy / totals.span_ns)} of the trace)" if totals.span_ns else ""
            table.add_row(f"device {device} busy", "", duration(busy) + share, "")
    for kind, row in totals.launches.items():
        if row.calls:
            lost = f", {row.without_gpu_activity} without GPU activity" if row.without_gpu_activity else ""
            table.add_row(f"{kind} launches{lost}", str(row.calls), "", "")
    return table


def _ranges_table(ranges: list[RangeRow], top: int) -> Table:
    table = table_of(f"ranges ({min(top, len(ranges))} of {len(ranges)}, by host time)")
    names = ("range", "instances", "host time", "GPU projection", "GPU time", "launches", "kernels", "memcpys")
    for name in names:
        table.add_column(name, justify="left" if name == "range" else "right")

    def optional(value: int | None, write: Any) -> str:
        return "not recorded" if value is None else str(write(value))

    for row in ranges[:top]:
        table.add_row(
            escape(short(row.name)),
            str(row.instances),
            duration(row.host_ns),
            optional(row.gpu_projection_ns, duration),
            optional(row.gpu_ns, duration),
            str(row.launches),
            optional(row.kernels, str),
            optional(row.memcpys, str),
        )
    return table


def _cost_table(costs: list[LaunchCostRow], top: int) -> Table:
    table = table_of(
        f"launch costs ({min(top, len(costs))} of {len(costs)} kinds of call, by time in the call; medians)"
    )
    for name in ("API call", "caused", "count", "in the call", "queued", "on the GPU"):
        table.add_column(name, justify="left" if name in ("API call", "caused") else "right")
    for row in costs[:top]:
        queue = row.queue_ns
        table.add_row(
            escape(short(row.api)),
            escape(row.activity or "nothing recorded"),
            str(row.count),
            duration(row.api_ns.median),
            "" if queue.median is None else f"{duration(queue.median)} ({queue.count} ×)",
            "" if row.gpu_ns is None else duration(row.gpu_ns.median),
        )
    return table


def _account_table(account: AccountOfTrace) -> Table:
    window = account.window_ns
    devices = list(dict.fromkeys(cell.device for cell in account.cells))
    table = table_of(
        f"time account of {short(account.window)}: {duration(window)}, thread {short(account.thread)}, "
        f"device {account.device if account.device is not None else 'none recorded'}"
    )
    table.add_column("host")
    for device in devices:
        table.add_column(device or "device not recorded", justify="right")
    table.add_column("sum", justify="right")
    table.add_column("share", justify="right")
    hosts = list(dict.fromkeys(cell.host for cell in account.cells))
    cells = {(cell.host, cell.device): cell.ns for cell in account.cells}
    for host in hosts:
        row = [cells.get((host, device), 0) for device in devices]
        table.add_row(
            HOST_WORDS[host],
            *(duration(ns) if ns else "" for ns in row),
            duration(sum(row)),
            percent(sum(row) / window),
        )
    sums = [sum(cells.get((host, device), 0) for host in hosts) for device in devices]
    table.add_row("sum", *(duration(ns) for ns in sums), duration(sum(sums)), "", style="bold")
    return table
