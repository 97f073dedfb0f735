"""The report's ledger and environment sections as plain data: what was launched, where, and how to do it again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from launchlens.reports.html.parts import Chapter, Part, Table, timed_only
from launchlens.reports.words.units import count, duration
from launchlens.traces.studies.agreement import table as agreement_table
from launchlens.traces.studies.side import Side
from launchlens.traces.studies.study import Study

WORK_COLUMNS = ("variant", "kind", "name", "per iteration", "GPU time of one")
#: Kinds of work shown per variant, those that take longest; the JSON holds all.
MOST_WORK = 12


def ledger_chapters(study: Study) -> list[Chapter]:
    """Launches by kind: how many times what each costs."""
    chapters = []
    columns = [
        "variant", "API call", "causes", "launches per iteration", "× API time per launch", "= API time per iteration",
        "of which queued", "queue time, median", "GPU time per launch",
    ]  # fmt: skip
    for index, regime in enumerate(study.regimes):
        rows = [row for side in study.in_regime(regime) for row in _ledger_rows(side)]
        notes = timed_only(study, regime)
        if not rows:
            notes.append(
                "There is no GPU in this capture, so nothing is launched."
                if study.capture.manifest.device == "cpu"
                else "No launch was recorded."
            )
        table = Table("Launches of one recorded iteration", columns, rows, names=3) if rows else None
        work = [row for side in study.in_regime(regime) for row in _work_rows(side)]
        tables = [table, Table("What ran on the GPU, as the recorder names it", WORK_COLUMNS, work, names=3)]
        parts = [Part("", (), (), each) for each in tables if each is not None and each.rows]
        chapters.append(Chapter(f"ledger-{index}", regime, parts, notes))
    return chapters


def _work_rows(side: Side) -> list[list[str]]:
    if side.recording is None:
        return []
    return [
        [side.variant, row.kind, row.name, count(row.per_iteration), duration(row.gpu_ns)]
        for row in side.recording.work[:MOST_WORK]
    ]


def _ledger_rows(side: Side) -> list[list[str]]:
    if side.recording is None:
        return []
    return [
        [
            side.variant,
            row.api,
            _caused(row.activity, row.channel),
            count(row.per_iteration),
            duration(row.api_ns),
            duration(row.per_iteration * row.api_ns),
            count(row.queued),
            "–" if row.queue_ns is None else duration(row.queue_ns),
            "–" if row.gpu_ns is None else duration(row.gpu_ns),
        ]
        for row in side.recording.ledger
    ]


def _caused(activity: str | None, channel: str | None) -> str:
    """What a launch caused; of a copy also which kind of hardware channel took it, where the recorder tells."""
    if activity is None:
        return "not recorded"
    return f"{activity} ({channel} channel)" if channel is not None and activity.startswith("memcpy") else activity


def environment(study: Study, links_base: str) -> dict[str, Any]:
    """Where it was measured, how to do it again, what was met in the traces, what was left out, and the raw traces."""
    manifest = study.capture.manifest
    compared = study.agreement
    columns, rows = agreement_table(compared)
    facts = {"workload": manifest.workload, "timing": manifest.timing, "environment": manifest.environment}
    return {
        "facts": {title: list(_flat(values)) for title, values in facts.items()},
        "command": f"python cli.py {shlex.join(manifest.command)}" if manifest.command else "",
        "agreement": Table("Recorders compared", columns, rows, names=3) if compared else None,
        "amiss": sum(row.amiss for row in compared),
        "problems": [(path, problem) for path, met in study.problems.items() for problem in met],
        "missing": [record for record in manifest.variants if record.status != "measured"],
        # quoted, so that a path can't name a scheme or another host
        "traces": [
            (record, links_base + quote(record.path.lstrip("/"), safe="/")) for record in manifest.traces if record.path
        ],
        "unrecorded": [record for record in manifest.traces if not record.path],
        "launchlens": manifest.launchlens,
    }


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested facts in one level, what is unknown left out."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif value is not None:
            yield f"{prefix}{key}", ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
