"""One trace's analysis as one HTML file: tables and two bars, no script at all, nothing fetched."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from markupsafe import Markup

from launchlens.reports.figures.drawing import DEVICE_COLOURS, HOST_COLOURS
from launchlens.reports.html.parts import Table
from launchlens.reports.html.report import page_file, page_templates, policy
from launchlens.reports.words.units import duration, percent, size
from launchlens.reports.words.verdict import DEVICE_WORDS, HOST_WORDS

#: Rows a table shows at most; the JSON holds all of them, and the caption says how many there are.
MOST_ROWS = 200
_ABSENT = "not recorded"


def render(document: dict[str, Any]) -> str:
    """The analysis (the JSON document of `launchlens.traces.analysis.to_json`) as a page. Same input, same text."""
    source = document["source"]
    tables = [
        ("GPU work and launches", _totals(document["totals"])),
        ("Ranges", _ranges(document["ranges"])),
        ("Launch costs", _costs(document["launch_cost"])),
    ]
    template = page_templates().get_template("analysis.html")
    text: str = template.render(
        source=source,
        name=Path(source["path"]).name,
        size=size(source["bytes"]),
        devices=Counter(source["devices"].values()),
        problems=document["problems"],
        account=document["account"],
        bars=_bars(document["account"]),
        tables=[(title, table) for title, table in tables if table.rows],
        account_table=_account(document["account"]),
        policy=policy(),
        style=Markup(page_file("style.css")),
    )
    return text + "\n"


def _totals(totals: dict[str, Any]) -> Table:
    rows: list[list[str]] = []
    if totals["kernels"] is None:
        rows.append(["GPU work", _ABSENT, "", ""])
    else:
        rows.append(["kernels", str(totals["kernels"]["count"]), duration(totals["kernels"]["total_ns"]), ""])
        works = [(f"memcpy {kind}", row) for kind, row in totals["memcpy"].items()] + [("memset", totals["memset"])]
        for name, row in works:
            if row["count"]:
                moved = "unknown" if row["bytes"] is None else size(row["bytes"])
                rows.append([name, str(row["count"]), duration(row["total_ns"]), moved])
        if "graph" in totals:
            rows.append(
                ["graphs, recorded whole", str(totals["graph"]["count"]), duration(totals["graph"]["total_ns"]), ""]
            )
        rows += [[f"device {name} busy", "", duration(busy), ""] for name, busy in totals["gpu_busy_ns"].items()]
    for kind, row in totals["launches"].items():
        if row["calls"]:
            lost = row["without_gpu_activity"]
            rows.append([f"{kind} launches", str(row["calls"]), "", ""])
            if lost:
                rows.append([f"{kind} launches without GPU activity", str(lost), "", ""])
    return Table(
        "Everything the recorder saw on the GPU, and the calls that submitted it",
        ("what", "count", "time", "bytes"),
        rows,
    )


def _ranges(ranges: list[dict[str, Any]]) -> Table:
    def cell(value: int | None, as_time: bool) -> str:
        return _ABSENT if value is None else duration(value) if as_time else str(value)

    rows = [
        [
            row["name"],
            str(row["instances"]),
            duration(row["host_ns"]),
            cell(row["gpu_projection_ns"], True),
            cell(row["gpu_ns"], True),
            str(row["launches"]),
            cell(row["kernels"], False),
            cell(row["memcpys"], False),
        ]
        for row in ranges[:MOST_ROWS]
    ]
    columns = ("range", "instances", "host time", "GPU projection", "GPU time", "launches", "kernels", "memcpys")
    return Table(f"{len(rows)} of {len(ranges)}, by host time", columns, rows)


def _costs(costs: list[dict[str, Any]]) -> Table:
    rows = [
        [
            row["api"],
            row["activity"] or "nothing recorded",
            str(row["count"]),
            duration(row["api_total_ns"]),
            duration(row["api_ns"]["median"]),
            f"{duration(row['queue_ns']['median'])} ({row['queue_ns']['count']} ×)" if row["queue_ns"]["count"] else "",
            "" if row["gpu_ns"] is None else duration(row["gpu_ns"]["median"]),
        ]
        for row in costs[:MOST_ROWS]
    ]
    columns = ("API call", "caused", "count", "in all", "in the call", "queued", "on the GPU")
    return Table(f"{len(rows)} of {len(costs)} kinds of call, by time in the call; medians", columns, rows, names=2)


def _account(account: dict[str, Any] | None) -> Table | None:
    if account is None:
        return None
    rows = [
        [
            HOST_WORDS[cell["host"]],
            DEVICE_WORDS.get(cell["device"], "not recorded"),
            f"{cell['ns']:,}",
            percent(cell["ns"] / account["window_ns"]),
        ]
        for cell in account["cells"]
    ]
    rows.append(["sum", "all", f"{account['window_ns']:,}", ""])
    return Table("Every nanosecond of the window", ("host", "device", "ns", "share"), rows, names=2, total=True)


def _bars(account: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The host's and the device's share of the window, as bars of coloured parts."""
    if account is None or not account["window_ns"]:
        return []
    sides = (("host", "Host", HOST_COLOURS, HOST_WORDS), ("device", "GPU", DEVICE_COLOURS, DEVICE_WORDS))
    bars = []
    for key, title, colours, words in sides:
        if key == "device" and account["device"] is None:
            continue
        sums = {state: sum(cell["ns"] for cell in account["cells"] if cell[key] == state) for state in colours}
        parts = [
            {
                "colour": colours[state],
                "says": words[state],
                "share": 100 * ns / account["window_ns"],
                "text": f"{duration(ns)}, {percent(ns / account['window_ns'])}",
            }
            for state, ns in sums.items()
            if ns
        ]
        bars.append({"title": title, "parts": parts})
    return bars
