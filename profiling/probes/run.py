"""Run probes, each in a process of its own: no profiler has been there, and what one breaks the next does not feel."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from launchlens.kernels.registry import Variant, WorkloadSpec
from launchlens.profiling import child
from launchlens.profiling.checking import Checks
from launchlens.profiling.collectors.error import CollectorError
from launchlens.profiling.environment import NEEDS, missing
from launchlens.profiling.probes.catalogue import Listed
from launchlens.profiling.progress import Steps
from launchlens.profiling.request import RunProbe, asked
from launchlens.traces.captures.capture import read_capture
from launchlens.traces.captures.probe_codes.verdicts import INCONCLUSIVE
from launchlens.traces.captures.probes import Probe, read_probes, write_probes
from launchlens.traces.problems import InputError

#: A probe that takes longer than this hangs, seconds; the first build of the CUDA C++ extension is in it.
LONGEST_S = 300
#: What a manifest says of its workload in words, which may change without the work; and what follows from the parameters.
_WORDS = frozenset({"says", "file", "bytes"})


def run_probes(
    probes: Sequence[Listed],
    workload: WorkloadSpec,
    variants: Iterable[str],
    folder: Path,
    steps: Steps,
    *,
    seed: int = 0,
    quick: bool = False,
) -> list[Probe]:
    """Run `probes` one after the other and write what they found to `folder`/probes.json, after each of them.

    Probes that the file holds from before stay, unless run again. `variants` are those of the workload that were found
    right, for the probes that run them. One that can't be run is written down as inconclusive, with the reason.
    Raises OSError when the file can't be written, and InputError when one that is there can't be read.
    """
    known, made = dict(read_probes(folder)), []
    for listed in probes:
        with steps.step(f"probe {listed.id}", 1) as advance:
            found = _run(listed, workload, list(variants) if listed.of_variants else [], seed, quick)
            advance(1)
        made.append(found)
        known[found.id] = found
        write_probes(folder, list(known.values()))
    return made


def _run(listed: Listed, workload: WorkloadSpec, variants: Sequence[str], seed: int, quick: bool) -> Probe:
    absent = missing(listed.needs, "cuda")
    if absent:
        return _not_run(listed, "it needs " + ", ".join(f"{need} ({NEEDS[need][1]})" for need in absent))
    if listed.of_variants and not variants:
        return _not_run(listed, "no variant of the workload could be run")
    task = RunProbe(listed.id, quick)
    request = asked(workload, variants, task, regime="eager", device="cuda", seed=seed)
    with tempfile.TemporaryDirectory(prefix="launchlens-probe-") as temporary:
        here = Path(temporary)
        try:
            ended = child.run(child.command(request, here), longest_s=LONGEST_S)
            if child.answered(here, "its process") is None:
                raise CollectorError(f"its process {ended}")
            return read_probes(here)[listed.id]
        except CollectorError as error:
            return _not_run(listed, str(error))
        except (InputError, KeyError):
            return _not_run(listed, "what its process wrote down can't be read")


def _not_run(listed: Listed, why: str) -> Probe:
    """A probe that found nothing. It has made no control, so nothing rests on it."""
    return Probe(id=listed.id, verdict=INCONCLUSIVE, why=why)


def right_variants(workload: WorkloadSpec, variants: Sequence[Variant], seed: int, device: str = "cuda") -> list[str]:
    """The names of those variants that run here and are right when called eagerly."""
    checks = Checks(workload, variants, device, seed)
    found = [each for variant in variants for each in checks.check(variant, ("eager",))]
    return [record.variant for record, call in found if call is not None]


def check_goes_into(capture: Path, probes: Sequence[Listed], workload: WorkloadSpec) -> None:
    """Raise InputError unless what `probes` find is of what `capture` is of: claims on it would rest on something else.

    It is of the GPU that is here; and where any of them runs the workload's variants, of `workload` with its parameters.
    """
    import torch

    manifest = read_capture(capture).manifest
    was, now = manifest.environment.get("gpu"), torch.cuda.get_device_name()
    if was != now:
        raise InputError(
            capture, f"is of {was or 'no GPU'}, and here is {now}", "probe on the machine that was measured"
        )
    of_variants = [one.id for one in probes if one.of_variants]
    asked = json.loads(json.dumps(workload.described()))  # a manifest holds lists where this has tuples
    differing = [name for name in asked if name not in _WORDS and manifest.workload.get(name) != asked[name]]
    if of_variants and differing:
        name = differing[0]
        what = f"is of {name} {manifest.workload.get(name)!r}, and {of_variants[0]} would run {asked[name]!r}"
        raise InputError(capture, what, "give the capture's own --workload and --set, or name other probes")
