"""The words for the probe `launch-floor`."""

from __future__ import annotations

from launchlens.reports.words.probes.words import ProbeWords, ratio, values
from launchlens.traces.captures.probe_codes import launch_floor as codes
from launchlens.traces.captures.probe_codes.verdicts import OR
from launchlens.traces.captures.probes import FigureKey, Probe
from launchlens.traces.units import duration, listed

ASKS = "What does a launch cost the host by each way of launching, and how long is it until the GPU answers?"
#: What is called, and from where.
CALLS = {
    codes.CPP_LAUNCH: ("cudaLaunchKernel", "C++ loop"),
    codes.CPP_ONCE: ("cudaLaunchKernel", "C++ function"),
    codes.CPP_DRIVER: ("cuLaunchKernel", "C++ loop"),
    codes.PYTHON_DRIVER: ("cuLaunchKernel", "cuda.bindings"),
    codes.CPP_GRAPH: ("cudaGraphLaunch", "C++ loop"),
    codes.TORCH_GRAPH: ("torch CUDAGraph.replay", ""),
    codes.CPP_MEMCPY: ("cudaMemcpyAsync", "C++ loop"),
    codes.PYTHON_MEMCPY: ("cudaMemcpyAsync", "cuda.bindings"),
    codes.FILL: ("torch fill_", ""),
    codes.COPY: ("torch copy_", ""),
    codes.NVRTC: ("torch.cuda._compile_kernel", ""),
    codes.TRITON: ("Triton", ""),
    codes.PREPARED: ("seven prepared copies", "C++ function"),
}
#: Ways that a Python program can take to launch one kernel, and those of a loop in C++.
FROM_PYTHON = (codes.CPP_ONCE, codes.PYTHON_DRIVER, codes.TORCH_GRAPH, codes.FILL, codes.NVRTC, codes.TRITON)
FROM_CPP = (codes.CPP_LAUNCH, codes.CPP_DRIVER, codes.CPP_GRAPH, codes.CPP_MEMCPY)
TIMES = {codes.HOST_TIME: "host time per call", codes.CALL_TO_ANSWER: "call to answer"}


def path(code: str) -> str:
    """A way of launching: `cudaLaunchKernel (C++ loop)`."""
    call, where = CALLS.get(code, (code, ""))
    return f"{call} ({where})" if where else call


def _says(probe: Probe) -> str:
    times = values(probe, codes.HOST_TIME)
    named = (probe.verdict or "").split(OR)
    cheapest = [code for code in named if code in times]
    parts = []
    if cheapest:
        first, *tied = cheapest
        parts.append(
            f"Of the ways tried that Python can call, {path(first)} costs the host least to launch one kernel of one block: "
            f"{duration(times[first])} per call."
        )
        if tied:
            parts.append(f"No difference is shown to {listed([path(code) for code in tied])}.")
    beside = sorted((code for code in FROM_PYTHON if code in times and code not in cheapest), key=times.__getitem__)
    if beside:
        parts.append(f"Beside it: {', '.join(f'{path(code)} {duration(times[code])}' for code in beside)}.")
    loops = [f"{CALLS[code][0]} {duration(times[code])}" for code in FROM_CPP if code in times]
    if loops:
        parts.append(f"From a loop in C++: {', '.join(loops)}.")
    prepared = probe.figure(codes.RATIO, of=codes.PREPARED, to=codes.CPP_ONCE)
    if prepared is not None:
        parts.append(
            f"The one launch that makes seven prepared copies takes the host {ratio(prepared)} of a bare launch of an empty "
            "kernel, fired alike."
        )
    answers = values(probe, codes.CALL_TO_ANSWER)
    if answers:
        soonest = min(answers, key=answers.__getitem__)
        parts.append(
            f"From an idle GPU the soonest answer comes {duration(answers[soonest])} after the call, by {path(soonest)}."
        )
    return " ".join(parts) or "Nothing was launched from Python."


def _figure(key: FigureKey) -> str:
    if key.what == codes.RATIO:
        return f"{path(key.of)} ÷ {path(key.to)}"
    return f"{path(key.of)}: {TIMES[key.what]}" if key.what in TIMES else ""


def _verdict(code: str) -> str:
    return OR.join(path(each) for each in code.split(OR))


WORDS = ProbeWords(codes.ID, ASKS, _says, _figure, _verdict)
