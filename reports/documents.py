"""The documents that hold words: of a study its sentences, of a probe its question, its answer and what its figures are called."""

from __future__ import annotations

from collections.abc import Sequence

from launchlens.reports.words.probes.answer import says
from launchlens.reports.words.probes.catalogue import asks, figure_name
from launchlens.reports.words.verdict import sentences
from launchlens.traces.captures.probes import Probe
from launchlens.traces.documents.estimate import estimate_row
from launchlens.traces.documents.findings import AnyFinding
from launchlens.traces.documents.probes import ControlRow, FigureRow, ProbeRow
from launchlens.traces.documents.problem import problem_rows
from launchlens.traces.documents.study import NotMeasuredRow, StudyDocument
from launchlens.traces.documents.what_if import what_if_row
from launchlens.traces.studies.document import agreement_rows, comparison_row, side_row
from launchlens.traces.studies.study import Study


def study_document(study: Study, findings: Sequence[AnyFinding], *, recorded: str | None) -> StudyDocument:
    """A study: where it comes from, the verdict as findings and in words, every side, and all against the baseline.

    `recorded` says in words that the numbers were not measured here and now; null when they were. Raises InputError for a
    probes.json that can't be read.
    """
    manifest = study.capture.manifest
    control = {regime: study.control_ratio(regime) for regime in study.regimes}
    return StudyDocument(
        capture=str(study.capture.path),
        measured_here=recorded is None,
        recorded=recorded,
        recorded_at=manifest.recorded_at,
        complete=manifest.complete,
        device=manifest.device,
        workload=dict(manifest.workload),
        environment=dict(manifest.environment),
        timing=dict(manifest.timing),
        verdict=list(findings),
        sentences=[sentence.text for sentence in sentences(findings)],
        sides=[side_row(side, study.explained(side)) for side in study.sides.values()],
        comparisons=[comparison_row(item) for item in study.against_baseline],
        controls={regime: None if ratio is None else estimate_row(ratio) for regime, ratio in control.items()},
        what_if=None if study.what_if is None else what_if_row(study.what_if),
        agreement=agreement_rows(study.agreement),
        probes=[probe_row(probe) for probe in study.probes.values()],
        problems={path: problem_rows(problems) for path, problems in study.problems.items()},
        not_measured=[
            NotMeasuredRow(variant=item.variant, regime=item.regime, status=item.status, why=item.why)
            for item in manifest.variants
            if item.status != "measured"
        ],
    )


def probe_row(probe: Probe) -> ProbeRow:
    """A probe as `probes.json` holds it, without its tables and notes. Its answer counts where `control` is `passed`."""
    return ProbeRow(
        id=probe.id,
        asks=asks(probe),
        verdict=probe.verdict,
        says=says(probe),
        control=probe.checked,
        controls=[ControlRow(control=item.control, passed=item.passed, found=item.found) for item in probe.controls],
        figures=[
            FigureRow(
                figure=figure_name(probe.id, item),
                what=item.what,
                of=item.of,
                part=item.part,
                to=item.to,
                under=item.under,
                value=item.value,
                unit=item.counted,
                out_of=item.out_of,
                interval=item.interval,
            )
            for item in probe.figures
        ],
    )
