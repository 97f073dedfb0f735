"""The document of a sweep worked out."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from launchlens.traces.documents.estimate import estimate_row
from launchlens.traces.documents.prediction import prediction_row
from launchlens.traces.documents.sweep_report import (
    CellRow,
    CheckedRow,
    ChoiceRow,
    ConstantRow,
    CrossingRow,
    LineRow,
    NotSweptRow,
    PointRow,
    SweepReportDocument,
    TimeRow,
    ValidationRow,
    WithinRow,
)
from launchlens.traces.sweeps.crossings import Line
from launchlens.traces.sweeps.study import SweepStudy, share
from launchlens.traces.tables.sweeps import constants


def sweep_document(study: SweepStudy, sentences: Sequence[str]) -> SweepReportDocument:
    """A sweep as `report --json` prints it; `sentences` are the answer in words."""
    record = study.sweep.record
    timed = {int(index) for index in study.samples.points}
    return SweepReportDocument(
        sweep=str(study.sweep.path),
        recorded_at=record.recorded_at,
        complete=record.complete,
        device=record.device,
        workload=dict(record.workload),
        environment=dict(record.environment),
        timing=dict(record.timing),
        minutes=record.minutes,
        used_minutes=record.used_minutes,
        axes=list(record.axes),
        baseline=record.baseline,
        sentences=list(sentences),
        choices=[
            ChoiceRow(
                regime=rule.regime,
                where=[WithinRow(axis=each.axis, low=each.low, high=each.high) for each in rule.where],
                choice=rule.choice,
                points=rule.points,
                mean_loss=rule.mean_loss,
                worst_loss=rule.worst_loss,
            )
            for rule in study.rules
        ],
        points=[
            PointRow(index=point.index, settings=dict(point.settings), held_out=point.held_out, stage=point.stage)
            for point in record.points
            if point.index in timed
        ],
        winners=[
            CellRow(
                regime=cell.regime,
                point=cell.point,
                leader=cell.leader,
                decided=cell.decided,
                may_be_best=list(cell.may_be_best),
                wall_ns=estimate_row(cell.time),
                runner_up=cell.runner_up,
                ratio=None if cell.ratio is None else estimate_row(cell.ratio),
            )
            for cell in study.cells
        ],
        lines=[_line(line) for line in study.all_lines],
        times=[
            TimeRow(point=int(point), variant=variant, regime=regime, wall_ns=estimate_row(found))
            for point in study.samples.points
            for variant, regime in study.samples.sides
            if (found := study.time(int(point), variant, regime)) is not None
        ],
        constants=[
            ConstantRow(
                variant=variant, launch_path=path, regime=regime, lane=lane, part=part, ns=ns, interval_ns=ends,
                limit_ns=limit_ns, limit=limit,
            )
            for variant, path, regime, lane, part, ns, ends, limit_ns, limit in constants(study).rows()
        ],
        validation=_validation(study),
        not_measured=[
            NotSweptRow(variant=variant, regime=regime, status=status, why=why or None, points=count)
            for (variant, regime, status, why), count in study.not_measured.items()
        ],
    )  # fmt: skip


def _line(line: Line) -> LineRow:
    return LineRow(
        regime=line.regime,
        variant=line.variant,
        against=line.against,
        axis=line.axis.name,
        fixed=dict(line.fixed),
        course=line.course,
        points=list(line.points),
        values=list(line.values),
        ratios=[estimate_row(line.ratios.as_ratio(row)) for row in line.rows],
        crossings=[
            CrossingRow(faster_beyond=each.to, at=each.at, interval=(each.low, each.high), between=each.between)
            for each in line.crossings
        ],
    )


def _validation(study: SweepStudy) -> ValidationRow:
    found = study.validation
    return ValidationRow(
        sides=len(found.checked),
        predicted=found.predicted,
        median_error=found.median_error,
        worst_error=found.worst_error,
        median_error_as_measured=median(found.errors_as_measured) if found.predicted else None,
        worst_error_as_measured=found.errors_as_measured[-1] if found.predicted else None,
        coverage=found.coverage,
        choices=len(found.choices),
        open_choices=found.open_choices,
        open_right=found.open_right,
        winner_right=found.winner_right,
        winner_not_shown_wrong=found.winner_not_shown_wrong,
        checked=[
            CheckedRow(
                point=each.point,
                measured_ns=each.measured_ns,
                usual_ns=each.usual_ns,
                pace=share(each.pace),
                prediction=prediction_row(each.prediction),
                off=each.off,
                off_as_measured=each.off_as_measured,
                covered=each.covered,
            )
            for each in found.checked
        ],
    )
