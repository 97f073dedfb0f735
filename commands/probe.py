"""`probe`: small experiments on this GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from launchlens.commands.choices import changed_parameters, chosen_probes, chosen_variants
from launchlens.commands.device import device_or_recorded
from launchlens.commands.exit_codes import ANSWER_IS_NO
from launchlens.commands.options import Force, Format, Json, Output, Seed, Setting, TableName
from launchlens.commands.own_code import stdout_kept_clean


def command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Probes to run, in the catalogue's order; default: all.")
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="List the probes and what each needs, and run none.")] = False,
    into: Annotated[
        Path | None,
        typer.Option(
            help="A capture of this GPU (and workload, where its variants run): what is found is written into it, and claims and reports use it."
        ),
    ] = None,
    workload: Annotated[
        str, typer.Option(help="Whose variants to run, for the probes that run any: a name, or FILE.py.")
    ] = "small-copies",
    variant: Annotated[
        list[str] | None, typer.Option(help="Only this variant and the baseline; may be repeated.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every variant, not only the usual ones.")] = False,
    setting: Setting = None,
    seed: Seed = 0,
    quick: Annotated[bool, typer.Option(help="Fewer samples: to see that all works, not for a result.")] = False,
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
    from launchlens.reports.blocks import Shown
    from launchlens.reports.output import Result
    from launchlens.reports.progress import Steps
    from launchlens.reports.sections.probes import entry
    from launchlens.reports.words.probes.catalogue import WORDS, figure_name
    from launchlens.traces.captures.probe_codes.verdicts import INCONCLUSIVE
    from launchlens.traces.tables import evidence, listings

    asked = wanted(format, as_json, table=table, output=output, force=force)
    probes = chosen_probes(names or ["all"], "NAME")
    if listing:
        from launchlens.traces.documents.probe_list import ListedProbe, ProbeListDocument

        listed = [ListedProbe(name=one.id, asks=WORDS[one.id].asks, needs=list(one.needs)) for one in probes]
        of_list = listings.probe_list(listed)
        asked.write(
            Result(
                lambda: ProbeListDocument(probes=listed), lambda: [Shown(of_list, most=len(of_list))], lambda: [of_list]
            )
        )
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
    from launchlens.reports.documents import probe_row
    from launchlens.traces.documents.probes import ProbesDocument

    asked.write(
        Result(
            lambda: ProbesDocument(probes=[probe_row(one) for one in found]),
            lambda: [entry(one) for one in found],
            lambda: [evidence.all_figures(found, figure_name)],
            full=True,
        )
    )
    if any(probe.verdict == INCONCLUSIVE for probe in found):
        raise typer.Exit(ANSWER_IS_NO)
