"""`probe`: small experiments on this GPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from launchlens.commands.choices import changed_parameters, chosen_probes, chosen_variants
from launchlens.commands.device import device_or_recorded
from launchlens.commands.exit_codes import ANSWER_IS_NO
from launchlens.commands.options import Force, Format, Json, Output, Seed, Setting, TableName
from launchlens.commands.own_code import stdout_kept_clean

if TYPE_CHECKING:
    from launchlens.profiling.probes.catalogue import Listed
    from launchlens.reports.output import Result
    from launchlens.traces.captures.probes import Probe

Names = Annotated[
    list[str] | None, typer.Argument(metavar="NAME", help="Probes to run, in the catalogue's order; default: all.")
]
Listing = Annotated[bool, typer.Option("--list", help="List the probes and what each needs, and run none.")]
Into = Annotated[
    Path | None,
    typer.Option(
        help="A capture of this GPU (and workload, where its variants run): what is found is written into it, and claims and reports use it."
    ),
]
Workload = Annotated[str, typer.Option(help="Whose variants to run, for the probes that run any: a name, or FILE.py.")]
VariantName = Annotated[list[str] | None, typer.Option(help="Only this variant and the baseline; may be repeated.")]
Every = Annotated[bool, typer.Option("--all", help="Every variant, not only the usual ones.")]
Quick = Annotated[bool, typer.Option(help="Fewer samples: to see that all works, not for a result.")]


def command(
    names: Names = None,
    listing: Listing = False,
    into: Into = None,
    workload: Workload = "small-copies",
    variant: VariantName = None,
    every: Every = False,
    setting: Setting = None,
    seed: Seed = 0,
    quick: Quick = False,
    as_json: Json = False,
    format: Format = None,
    table: TableName = None,
    output: Output = None,
    force: Force = False,
) -> None:
    """Run small experiments on this GPU.

    Each asks one question, and says nothing unless its controls pass. Exits with 1 when a probe is inconclusive.

    Example: launchlens probe launch-floor launch-ladder
    """
    from tempfile import TemporaryDirectory

    from launchlens.commands.printing import wanted
    from launchlens.profiling.probes.run import check_goes_into, right_variants, run_probes
    from launchlens.reports.progress import Steps
    from launchlens.traces.captures.probe_codes.verdicts import INCONCLUSIVE

    asked = wanted(format, as_json, table=table, output=output, force=force)
    probes = chosen_probes(names or ["all"], "NAME")
    if listing:
        asked.write(_listed(probes))
        return
    if quick and into is not None:
        raise typer.BadParameter(
            "is not for a result, and goes into no capture: leave out --into", param_hint="--quick"
        )
    device_or_recorded("cuda")  # refuses where there is none
    spec, made = chosen_variants(workload, variant, every=every)
    spec, _ = changed_parameters(spec, None, None, setting)
    if into is not None:
        check_goes_into(into, probes, spec)
    with TemporaryDirectory(prefix="launchlens-") as temporary, stdout_kept_clean():
        right = right_variants(spec, made, seed) if any(one.of_variants for one in probes) else []
        found = run_probes(probes, spec, right, into or Path(temporary), Steps(), seed=seed, quick=quick)
    asked.write(_found(found))
    if any(probe.verdict == INCONCLUSIVE for probe in found):
        raise typer.Exit(ANSWER_IS_NO)


def _listed(probes: Sequence[Listed]) -> Result:
    """The probes and what each needs."""
    from launchlens.reports.blocks import Shown
    from launchlens.reports.output import Result
    from launchlens.reports.words.probes.catalogue import WORDS
    from launchlens.traces.documents.probe_list import ListedProbe, ProbeListDocument
    from launchlens.traces.tables.listings import probe_list

    listed = [ListedProbe(name=one.id, asks=WORDS[one.id].asks, needs=list(one.needs)) for one in probes]
    table = probe_list(listed)
    return Result(lambda: ProbeListDocument(probes=listed), lambda: [Shown(table, most=len(table))], lambda: [table])


def _found(probes: Sequence[Probe]) -> Result:
    """What probes found."""
    from launchlens.reports.documents import probe_row
    from launchlens.reports.output import Result
    from launchlens.reports.sections.probes import entry
    from launchlens.reports.words.probes.catalogue import figure_name
    from launchlens.traces.documents.probes import ProbesDocument
    from launchlens.traces.tables.evidence import all_figures

    return Result(
        lambda: ProbesDocument(probes=[probe_row(one) for one in probes]),
        lambda: [entry(one) for one in probes],
        lambda: [all_figures(probes, figure_name)],
        full=True,
    )
