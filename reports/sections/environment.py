"""The environment: where it was measured, how to do it again, what was met in the traces, and the raw traces."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from launchlens.reports.blocks import Block, Chapter, Command, Facts, Link, Paragraph, Section, Shown
from launchlens.traces.captures.capture import Manifest, TraceRecord
from launchlens.traces.studies.study import Study
from launchlens.traces.tables.agreements import agreement
from launchlens.traces.tables.problems import problems


def environment(study: Study, links_base: str = "") -> Section:
    """`links_base` goes before the relative paths of the raw traces, so that links work from where a page is put."""
    manifest = study.capture.manifest
    blocks: list[Block] = []
    if manifest.command:
        blocks.append(Chapter("Do it again", (Command(f"python cli.py {shlex.join(manifest.command)}"),)))
    blocks.append(Chapter("Raw traces", tuple(_traces(manifest, links_base))))
    blocks += recorders(study, " The account above is the first one’s.")
    met = problems(study.problems)
    none = Paragraph("None.", "note")
    blocks.append(Chapter("Problems met in the traces", (Shown(met) if len(met) else none,)))
    missing = [record for record in manifest.variants if record.status != "measured"]
    if missing:
        said = tuple(
            Paragraph(f"{each.variant} ({each.regime}), {each.status}: {each.why or 'no reason recorded'}")
            for each in missing
        )
        blocks.append(Chapter("Not measured", said))
    facts = {"workload": manifest.workload, "timing": manifest.timing, "environment": manifest.environment}
    known = tuple(Facts(title, tuple(flat(values))) for title, values in facts.items() if values)
    blocks.append(Chapter("What it ran on", known))
    return Section(
        "environment", "Environment", "Environment: where it was measured, and how to do it again", tuple(blocks)
    )


def recorders(study: Study, more: str = "") -> list[Block]:
    """How far several recorders of one capture agree; nothing of a capture of one. `more` is said where it is true."""
    table = agreement(study)
    if not len(table):
        return []
    amiss = table.cells("verdict").count("amiss")
    must = f"must agree, and {amiss} of them do not" if amiss else "must agree, and do"
    says = (
        f"The same blocks, recorded by each in turn; medians over blocks. Counts and GPU times {must}. What a recorder costs the"
        f" host is its own: there they differ, and this says by how much.{more}"
    )
    return [
        Chapter(
            "How far the recorders agree",
            (Paragraph(says, "error" if amiss else "note"), Shown(table, most=len(table))),
            "agreement",
        )
    ]


def _traces(manifest: Manifest, links_base: str) -> Iterator[Block]:
    recorded = [record for record in manifest.traces if record.path]
    if not recorded:
        yield Paragraph("This capture holds no trace: nothing was recorded under a profiler.", "note")
    for record in recorded:
        # quoted, so that a path can't name a scheme or another host
        address = links_base + quote(record.path.lstrip("/"), safe="/", errors="surrogateescape")
        says = f"{record.recorder}, {record.regime}, {record.rounds} rounds × {record.iterations} iterations"
        says += f": {record.problem}" if record.problem else ""
        yield Link(record.path, says, _how(record), address)
    for record in manifest.traces:
        if not record.path:
            yield Paragraph(f"Not recorded with {record.recorder} ({record.regime}): {record.problem}", "note")


def _how(record: TraceRecord) -> str:
    if record.path.endswith(".sqlite"):
        return "Open its .nsys-rep with nsys-ui"
    if record.path.endswith(".parquet"):
        return f"Perfetto can’t open it as it is: launchlens export {record.path} --perfetto -o {record.regime}.pftrace"
    return f"Open it in ui.perfetto.dev with launchlens open {record.path}"


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested facts in one level, what is unknown left out."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        elif value is not None:
            yield f"{prefix}{key}", ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
