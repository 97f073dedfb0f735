"""The words for the probe `launch-costs`."""

from __future__ import annotations

from launchlens.reports.words.probes.words import ProbeWords, by_code
from launchlens.traces.captures.probe_codes import launch_costs as codes
from launchlens.traces.captures.probes import FigureKey, Probe
from launchlens.traces.units import duration, listed, percent

ASKS = "What does a launch cost by each path, and what does each argument, or each node of a graph, cost more?"
#: What each path is called.
PATHS = {
    codes.COPY: "torch copy_",
    codes.FOREACH: "torch._foreach_copy_",
    codes.CAT: "torch.cat",
    codes.TRITON: "Triton",
    codes.NVRTC: "torch.cuda._compile_kernel",
    codes.CPP_TENSORS: "a C++ function of tensors",
    codes.CPP_PREPARED: "a prepared launch in C++",
    codes.MEMCPY: "cudaMemcpyAsync through cuda.bindings",
    codes.CPP_MEMCPY: "cudaMemcpyAsync in C++",
    codes.MEMCPY_BATCH: "cudaMemcpyBatchAsync through cuda.bindings",
    codes.GRAPH: "torch CUDAGraph.replay",
    codes.CPP_GRAPH: "cudaGraphLaunch in C++",
    codes.OWN_STREAMS: "torch copy_ on streams of their own",
    codes.NEW_STREAMS: "torch copy_ on streams made for them",
    codes.PACKED_TABLE: "Triton with a table packed each time",
}
PARTS = {
    codes.ITERATION: "an iteration",
    codes.LAUNCH: "a launch",
    codes.NODES["kernel"]: "a kernel node",
    codes.NODES["memcpy"]: "a memcpy node",
}
WHOSE = {codes.HOST_COST: "host", codes.DEVICE_COST: "device"}
TIMED = {codes.WITH_VARIANTS: "those in which the variants were timed", codes.APART: "apart from the variants"}
VERDICTS = {
    codes.LINEAR: "all paths are linear",
    codes.NOT_LINEAR: "not all paths are linear",
}


def path(code: str) -> str:
    """What a path is called."""
    return PATHS.get(code, code)


def _part(of: str, part: str) -> str:
    if part == codes.ARGUMENT:
        known = codes.PATHS.get(of)
        return f"each {known.counted if known is not None and known.counted else 'argument'}"
    return PARTS.get(part, part)


def _says(probe: Probe) -> str:
    said = []
    launches = {
        item.of: item.value
        for item in probe.figures
        if (item.what, item.part) == (codes.HOST_COST, codes.LAUNCH) and item.value is not None
    }
    if launches:
        ranked = sorted(launches, key=launches.__getitem__)
        said.append(
            "A launch costs the host "
            + listed([f"{duration(launches[each])} by {path(each)}" for each in ranked])
            + "."
        )
    arguments = [
        f"{duration(item.value)} by {path(item.of)}"
        for item in probe.figures
        if (item.what, item.part) == (codes.HOST_COST, codes.ARGUMENT) and item.value is not None
    ]
    if arguments:
        said.append(f"Each argument costs {listed(arguments)} more.")
    nodes = [
        f"{PARTS[part]} {duration(value)}"
        for part in (codes.LAUNCH, *codes.NODES.values())
        if (value := probe.value(codes.DEVICE_COST, of=codes.GRAPH, part=part)) is not None
    ]
    if nodes:
        said.append(f"Of a replayed graph, the device takes: {listed(nodes)}.")
    off = [
        f"{path(item.of)} by {percent(item.value)}"
        for item in probe.figures
        if item.what == codes.MISFIT and item.value is not None
    ]
    if off and probe.verdict == codes.NOT_LINEAR:
        said.append(f"The points that lie furthest off their line: {listed(off)}.")
    return " ".join(said) or "Nothing was launched."


def _figure(key: FigureKey) -> str:
    if key.what in WHOSE:
        return f"{path(key.of)}: {WHOSE[key.what]} time of {_part(key.of, key.part)}"
    if key.what == codes.MISFIT:
        return f"{path(key.of)}: furthest point off the line of the {WHOSE.get(key.under, key.under)}’s times"
    if key.what == codes.ROUNDS:
        return f"rounds, {TIMED.get(key.under, key.under)}"
    return ""


WORDS = ProbeWords(codes.ID, ASKS, _says, _figure, by_code(VERDICTS))
