"""One trace's analysis as one HTML file: tables and two bars, no script at all, nothing fetched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup
from msgspec import UNSET

from launchlens.reports.figures.drawing import DEVICE_COLOURS, HOST_COLOURS
from launchlens.reports.html.parts import Table
from launchlens.reports.html.report import page_file, page_templates, policy
from launchlens.reports.words.units import duration, percent, size
from launchlens.reports.words.verdict import DEVICE_WORDS, HOST_WORDS
from launchlens.traces.documents.analysis import AccountOfTrace, AnalysisDocument, LaunchCostRow, RangeRow, Totals

#: Rows a table shows at most; the JSON holds all of them, and the caption says how many there are.
MOST_ROWS = 200
_ABSENT = "not recorded"


@dataclass(frozen=True)
class BarPart:
    """One state's part of a bar: `share` of the window in per cent, and the time in words."""

    colour: str
    says: str
    share: float
    text: str


@dataclass(frozen=True)
class Bar:
    """One lane of an account, drawn."""

    title: str
    parts: list[BarPart]


def render(document: AnalysisDocument) -> str:
    """The analysis as a page. Same input, same text."""
    source = document.source
    tables = [
        ("GPU work and launches", _totals(document.totals)),
        ("Ranges", _ranges(document.ranges)),
        ("Launch costs", _costs(document.launch_cost)),
    ]
    template = page_templates().get_template("analysis.html")
    text: str = template.render(
        source=source,
        name=Path(source.path).name,
        size=size(source.bytes),
        devices=Counter(source.devices.values()),
        problems=document.problems,
        account=document.account,
        bars=_bars(document.account),
        tables=[(title, table) for title, table in tables if table.rows],
        account_table=_account(document.account),
        policy=policy(),
        style=Markup(page_file("style.css")),
    )
    return text + "\n"


def _totals(totals: Totals) -> Table:
    rows: list[list[str]] = []
    if totals.kernels is None:
        rows.append(["GPU work", _ABSENT, "", ""])
    else:
        rows.append(["kernels", str(totals.kernels.count), duration(totals.kernels.total_ns), ""])
        for name, copies in totals.copies():
            moved = "unknown" if copies.bytes is None else size(copies.bytes)
            rows.append([name, str(copies.count), duration(copies.total_ns), moved])
        if totals.graph is not UNSET:
            rows.append(["graphs, recorded whole", str(totals.graph.count), duration(totals.graph.total_ns), ""])
        rows += [[f"device {name} busy", "", duration(busy), ""] for name, busy in (totals.gpu_busy_ns or {}).items()]
    for kind, row in totals.launches.items():
        if row.calls:
            rows.append([f"{kind} launches", str(row.calls), "", ""])
            if row.without_gpu_activity:
                rows.append([f"{kind} launches without GPU activity", str(row.without_gpu_activity), "", ""])
    return Table(
        "Everything the recorder saw on the GPU, and the calls that submitted it",
        ("what", "count", "time", "bytes"),
        rows,
    )


def _ranges(ranges: list[RangeRow]) -> Table:
    def cell(value: int | None, as_time: bool) -> str:
        return _ABSENT if value is None else duration(value) if as_time else str(value)

    rows = [
        [
            row.name,
            str(row.instances),
            duration(row.host_ns),
            cell(row.gpu_projection_ns, True),
            cell(row.gpu_ns, True),
            str(row.launches),
            cell(row.kernels, False),
            cell(row.memcpys, False),
        ]
        for row in ranges[:MOST_ROWS]
    ]
    columns = ("range", "instances", "host time", "GPU projection", "GPU time", "launches", "kernels", "memcpys")
    return Table(f"{len(rows)} of {len(ranges)}, by host time", columns, rows)


def _costs(costs: list[LaunchCostRow]) -> Table:
    rows = [
        [
            row.api,
            row.activity or "nothing recorded",
            str(row.count),
            duration(row.api_total_ns),
            duration(row.api_ns.median),
            "" if row.queue_ns.median is None else f"{duration(row.queue_ns.median)} ({row.queue_ns.count} ×)",
            "" if row.gpu_ns is None else duration(row.gpu_ns.median),
        ]
        for row in costs[:MOST_ROWS]
    ]
    columns = ("API call", "caused", "count", "in all", "in the call", "queued", "on the GPU")
    return Table(f"{len(rows)} of {len(costs)} kinds of call, by time in the call; medians", columns, rows, names=2)


def _account(account: AccountOfTrace | None) -> Table | None:
    if account is None:
        return None
    rows = [
        [
            HOST_WORDS[cell.host],
            _ABSENT if cell.device is None else DEVICE_WORDS[cell.device],
            f"{cell.ns:,}",
            percent(cell.ns / account.window_ns),
        ]
        for cell in account.cells
    ]
    rows.append(["sum", "all", f"{account.window_ns:,}", ""])
    return Table("Every nanosecond of the window", ("host", "device", "ns", "share"), rows, names=2, total=True)


def _bars(account: AccountOfTrace | None) -> list[Bar]:
    """The host's and the device's share of the window, as bars of coloured parts."""
    if account is None or not account.window_ns:
        return []
    host: Counter[str] = Counter()
    device: Counter[str] = Counter()
    for cell in account.cells:
        host[cell.host] += cell.ns
        if cell.device is not None:
            device[cell.device] += cell.ns
    bars = [Bar("Host", _bar_parts(host, HOST_COLOURS, HOST_WORDS, account.window_ns))]
    if account.device is not None:
        bars.append(Bar("GPU", _bar_parts(device, DEVICE_COLOURS, DEVICE_WORDS, account.window_ns)))
    return bars


def _bar_parts(
    ns: Mapping[str, int], colours: Mapping[str, str], words: Mapping[str, str], window_ns: int
) -> list[BarPart]:
    """The states that hold time, in the order of `colours`."""
    return [
        BarPart(
            colour,
            words[state],
            100 * ns[state] / window_ns,
            f"{duration(ns[state])}, {percent(ns[state] / window_ns)}",
        )
        for state, colour in colours.items()
        if ns.get(state)
    ]
