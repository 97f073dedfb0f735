"""`launchlens.profile`: measure the variants of a workload, as the command does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import typer

from launchlens.commands.choices import changed_parameters, chosen_collectors, chosen_probes, chosen_variants
from launchlens.commands.device import cuda_for_own, device_or_recorded
from launchlens.commands.library.capture import Capture
from launchlens.commands.measured import measured
from launchlens.traces.problems import InputError


def profile(
    workload: str | Path = "small-copies",
    *,
    variants: Sequence[str] | None = None,
    regimes: Sequence[Literal["eager", "graph"]] | None = None,
    device: Literal["auto", "cuda", "cpu"] = "auto",
    rounds: int | None = None,
    iterations: int | None = None,
    seed: int = 0,
    parameters: Mapping[str, object] | None = None,
    collectors: Sequence[str] | None = None,
    probes: Sequence[str] = (),
    output: str | Path | None = None,
) -> Capture:
    """Measure the variants of a workload without a profiler, record them under one, and return the capture.

    `workload` is a name (`launchlens variants` lists them), or the path of a `.py` file that declares one. `variants` are those to measure
    beside the baseline, the usual ones without; `regimes` are `eager` and `graph`, both without. `rounds` of interleaved blocks, 40
    without, of `iterations` each, chosen by a trial run without. `parameters` are the workload's own, `collectors` what records (`torch`
    without) and `probes` experiments to run beside. The capture is written to the folder `output`, a new one below `captures/` without.

    With `device="auto"` and no CUDA GPU it is the recorded capture that ships, as stderr says, for workloads of ours. What failed or was wrong is in
    `capture.manifest.variants`. On a GPU the light recorder, whose library the command loads before anything else, is left out; the manifest says so. Raises
    InputError, with one line, for names that are none, where there is nothing to measure on, and where nothing could be measured.
    """
    from launchlens.kernels.registry import REGIMES

    name = str(workload)
    with _of_python():
        spec, chosen = chosen_variants(name, list(variants) if variants is not None else None, every=False)
        spec, changed = changed_parameters(
            spec, None, None, [f"{key}={value}" for key, value in (parameters or {}).items()]
        )
        recorders, asked = chosen_collectors(list(collectors) if collectors else None), chosen_probes(list(probes))
    unknown = [each for each in regimes or () if each not in REGIMES]
    if unknown or device not in ("auto", "cuda", "cpu"):
        what = (
            f"regime {unknown[0]!r} is none of {', '.join(REGIMES)}"
            if unknown
            else f"device {device!r} is none of auto, cuda, cpu"
        )
        raise InputError(name, what)
    where = device_or_recorded(cuda_for_own(name) if spec.file and device == "auto" else device)
    if where == "recorded":
        return _recorded(name, changed)
    if where != "cuda" and asked:
        raise InputError(name, "probes are of a GPU, and this measures on the CPU", "leave them out")
    from launchlens.profiling.new_capture import new_folder
    from launchlens.profiling.run import ROUNDS, Plan

    kept = tuple(regimes or REGIMES)
    plan = Plan(
        spec, chosen, where, kept, seed, rounds or ROUNDS, iterations, collectors=recorders, probes=asked,
        command=["launchlens.profile"],
    )  # fmt: skip
    folder = new_folder(None if output is None else Path(output), spec.name)
    measured(plan, folder, name)
    return Capture.open(folder)


@contextmanager
def _of_python() -> Iterator[None]:
    """What is said of an option of the command line, said of an argument."""
    try:
        yield
    except typer.BadParameter as error:
        raise InputError("launchlens.profile", error.message) from None


def _recorded(workload: str, changed: Sequence[str]) -> Capture:
    from launchlens.traces.captures.recorded import recorded_captures

    if changed:
        raise InputError(
            workload, "the recorded capture was made without such parameters", 'measure here with device="cpu"'
        )
    found = recorded_captures(workload)
    if not found:
        raise InputError(
            workload, "no recorded capture of it ships with this version", 'measure here with device="cpu"'
        )
    return Capture.open(found[0])
