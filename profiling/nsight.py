"""Records a command under Nsight Systems."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from launchlens.traces.readers.nsys.nsys_cli import Nsys, said_by


def profile(nsys: Nsys, command: Sequence[str], output: Path, *, whole: bool = False) -> str:
    """Run `command` under nsys into `output` + `.nsys-rep`; return what both printed.

    Recorded are CUDA calls, GPU work (graphs node by node) and NVTX ranges, and of these only what lies between
    cudaProfilerStart and cudaProfilerStop, unless `whole`. CPU sampling is off: it slows what is measured and made
    gigabytes of a second. Raises NsysError when nsys can't be run; whether there is a report is for the caller to see.
    """
    limits = [] if whole else ["--capture-range=cudaProfilerApi", "--capture-range-end=stop"]
    options = ["--sample=none", "--cpuctxsw=none", "--trace=cuda,nvtx", "--cuda-graph-trace=node", "--stats=false"]
    return said_by(nsys, ["profile", *options, *limits, "--force-overwrite=true", f"--output={output}", *command])[1]
