"""`predict`: what each variant should take where nothing was measured, by the cost model of a sweep."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from launchlens.commands.options import Force, Format, Json, Output, TableName, Tables

if TYPE_CHECKING:
    from launchlens.reports.blocks import Block
    from launchlens.traces.sweeps.model import Choice, Prediction
    from launchlens.traces.sweeps.sweep import SweepRecord
    from launchlens.traces.tables.table import Table


def command(
    sweep: Annotated[
        Path | None, typer.Argument(help="A folder that `profile --sweep` wrote; by default the one that ships.")
    ] = None,
    workload: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Without a folder: the workload whose sweep is meant. [default: small-copies]"
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A value of an axis; K, M and G are 1024 each. One for each axis."
        ),
    ] = None,
    as_json: Json = False,
    format: Format = None,
    table: TableName = None,
    tables: Tables = None,
    output: Output = None,
    force: Force = False,
) -> None:
    """Say what each variant should take by a sweep, without measuring.

    It says which is best as well, and how far off that may be.

    Example: launchlens predict --workload small-copies --set count=12 --set bytes=4096
    """
    # before numpy is loaded: systems this small are solved at once, unless a thread for each core waits for the others
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from launchlens.commands.printing import wanted
    from launchlens.reports.output import Result
    from launchlens.traces.captures.recorded import recorded_sweep
    from launchlens.traces.documents.prediction import PredictionDocument, prediction_row
    from launchlens.traces.problems import InputError
    from launchlens.traces.sweeps.model import choice, predict
    from launchlens.traces.sweeps.predicting import model_of, settings_of
    from launchlens.traces.sweeps.sweep import read_record

    asked = wanted(format, as_json, table=table, tables=tables, output=output, force=force, source=sweep)
    if sweep is None:
        sweep = recorded_sweep(workload or "small-copies")
    record = read_record(sweep)
    name = str(record.workload.get("name"))
    if workload is not None and name != workload:
        raise InputError(sweep, f"is of workload {name}, not {workload}", "leave out --workload, or give another sweep")
    settings = settings_of(sweep, record, setting or [])
    model = model_of(sweep)
    found = predict(model, settings)
    choices = {regime: choice(model, found, regime) for regime in dict.fromkeys(each.regime for each in found)}
    document = PredictionDocument(
        sweep=str(sweep),
        workload=name,
        machine=_machine(record),
        settings=dict(settings),
        best={regime: each.best for regime, each in choices.items()},
        may_be_best={regime: list(each.may_be_best) for regime, each in choices.items()},
        predictions=[prediction_row(each) for each in found],
    )
    said = f"Predicted by a sweep of {name} on {_machine(record)}, {record.recorded_at[:10]}, at the host's usual pace; nothing was measured for it."
    asked.write(
        Result(lambda: document, lambda: _blocks(said, found, choices), lambda: [_table(found, choices)]),
    )


def _blocks(said: str, found: Sequence[Prediction], choices: Mapping[str, Choice]) -> list[Block]:
    from launchlens.reports.blocks import Paragraph, Shown

    made = _table(found, choices)
    return [Paragraph(said, "note"), Shown(made, most=len(made))]


def _table(found: Sequence[Prediction], choices: Mapping[str, Choice]) -> Table:
    from launchlens.traces.tables.sweeps import predictions

    return predictions(found, choices)


def _machine(record: SweepRecord) -> str:
    return str(record.environment.get("gpu") or record.environment.get("cpu") or "an unknown machine")
