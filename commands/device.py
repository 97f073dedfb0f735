"""Where a command measures: on the GPU, on the CPU, or not at all."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from launchlens.traces.problems import InputError

#: What this program is called: as such it may start itself again, which somebody else's program must not.
_PROGRAMS = ("cli.py", "launchlens")


def device_or_recorded(device: str) -> str:
    """`cuda` or `cpu` to measure on; `recorded`, after saying so, where `auto` finds no GPU. Raises InputError for what is not here."""
    from launchlens.profiling.environment import has_cuda, version

    if device == "cpu" and version("torch") is None:
        raise InputError("--device cpu", "needs torch, which is not installed", "pip install 'launchlens[gpu]'")
    if device == "cpu":
        return "cpu"
    if has_cuda():
        return "cuda"
    why = "torch is not installed" if version("torch") is None else "torch sees no CUDA GPU"
    if device == "cuda":
        raise InputError("--device cuda", f"there is no CUDA GPU to measure on: {why}", "see `launchlens doctor`")
    typer.echo(f"No CUDA GPU here ({why}): this reports on the recorded capture that ships with launchlens.", err=True)
    return "recorded"


def cuda_for_own(workload: str) -> str:
    """`cuda`, for a workload of the user's: no recorded capture can stand in for it. Raises InputError without a GPU."""
    from launchlens.profiling.environment import has_cuda

    if not has_cuda():
        raise InputError(
            workload, "there is no CUDA GPU here, and no recorded capture of a workload of yours", "pass --device cpu"
        )
    return "cuda"


def with_recorder(device: str) -> None:
    """On a GPU, start this command again with the light recorder's library loaded, where that can be and was not done."""
    if device == "cuda" and Path(sys.argv[0]).name in _PROGRAMS:
        from launchlens.profiling.collectors.light.session import start_again

        start_again(sys.argv)
