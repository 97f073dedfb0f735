"""The points that the probe `launch-costs` times: every launch path at several counts of launches, arguments or nodes.

What is launched are small copies, by the code of the variants that copy so. No point has as many copies as a workload has by
default: what is said of those is worked out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from launchlens.kernels.cuda_extension import NEEDS as CPP_NEEDS
from launchlens.kernels.registry import Iteration
from launchlens.kernels.small_copies.copy_ import copy_
from launchlens.kernels.small_copies.cuda_batched import cuda_batched
from launchlens.kernels.small_copies.cuda_graph_refire import cuda_graph_refire
from launchlens.kernels.small_copies.cuda_prepared import cuda_prepared
from launchlens.kernels.small_copies.foreach import foreach
from launchlens.kernels.small_copies.memcpy_async import memcpy_async
from launchlens.kernels.small_copies.memcpy_async_cpp import memcpy_async_cpp
from launchlens.kernels.small_copies.memcpy_batch import memcpy_batch
from launchlens.kernels.small_copies.nvrtc import nvrtc
from launchlens.kernels.small_copies.triton_batched import triton_batched
from launchlens.kernels.small_copies.triton_per_tensor import triton_per_tensor
from launchlens.kernels.small_copies.workload import SmallCopies, make
from launchlens.profiling.environment import NEEDS as HOW
from launchlens.profiling.environment import missing
from launchlens.profiling.probes.launch_costs.point import Maker, Point
from launchlens.profiling.regimes import graph
from launchlens.traces.captures.probe_codes import launch_costs as codes
from launchlens.traces.captures.probe_codes.launch_costs import ARGUMENT, ITERATION, LAUNCH, NODES

#: Launches of an iteration; copies that one launch is given; nodes of a graph.
LAUNCHES = (1, 2, 4, 12)
COPIES = (2, 4, 12, 24)
NODE_COUNTS = (1, 3, 5, 10, 20)

Build = Callable[[SmallCopies], Iteration]


def makers() -> Iterator[Maker]:
    """Every path, the one first whose first point is timed twice."""
    yield codes.COPY, lambda: _one_by_one(codes.COPY, copy_, "memcpy")
    yield codes.FOREACH, lambda: _all_at_once(codes.FOREACH, foreach, "kernel")
    yield codes.CAT, _packing
    yield codes.TRITON, _triton
    yield codes.NVRTC, lambda: _all_at_once(codes.NVRTC, nvrtc, "kernel")
    yield codes.MEMCPY, lambda: _one_by_one(codes.MEMCPY, memcpy_async, "memcpy")
    yield codes.MEMCPY_BATCH, lambda: _all_at_once(codes.MEMCPY_BATCH, memcpy_batch, None)
    yield codes.CPP_TENSORS, lambda: _compiled(_all_at_once, codes.CPP_TENSORS, cuda_batched, "kernel")
    yield codes.CPP_PREPARED, lambda: _compiled(_all_at_once, codes.CPP_PREPARED, cuda_prepared, "kernel")
    yield codes.CPP_MEMCPY, lambda: _compiled(_one_by_one, codes.CPP_MEMCPY, memcpy_async_cpp, "memcpy")
    yield codes.CPP_GRAPH, lambda: _compiled(_graph_of_one, codes.CPP_GRAPH, cuda_graph_refire, None)
    yield f"{codes.GRAPH} of memcpys", lambda: _graphs("memcpy", copy_)
    yield f"{codes.GRAPH} of kernels", _graphs_of_kernels


def _inputs(copies: int) -> SmallCopies:
    made: SmallCopies = make(device="cuda", seed=0, count=copies)
    return made


def _point(path: str, parts: Mapping[str, int], build: Build, copies: int, nodes: Mapping[str, int] | None) -> Point:
    inputs = _inputs(copies)
    return Point(path, parts, build(inputs), nodes, holds=inputs)


def _one_by_one(path: str, build: Build, node: str | None) -> list[Point]:
    """A launch a copy: what an iteration costs, and a launch."""
    return [
        _point(path, {ITERATION: 1, LAUNCH: count}, build, count, {node: count} if node else None) for count in LAUNCHES
    ]


def _all_at_once(path: str, build: Build, node: str | None) -> list[Point]:
    """One launch for all copies: what a launch costs (the iteration with it), and an argument."""
    a_copy = codes.PATHS[path].of_a_copy
    return [
        _point(path, {LAUNCH: 1, ARGUMENT: a_copy * count}, build, count, {node: 1} if node else None)
        for count in COPIES
    ]


def _triton() -> list[Point]:
    """Launches of three arguments each, and single launches of all: what an iteration, a launch and an argument cost."""
    _insist(("triton",))
    several = [
        _point(
            codes.TRITON,
            {ITERATION: 1, LAUNCH: count, ARGUMENT: 3 * count},
            triton_per_tensor,
            count,
            {"kernel": count},
        )
        for count in (1, 4, 12)
    ]
    single = [
        _point(codes.TRITON, {ITERATION: 1, LAUNCH: 1, ARGUMENT: 3 * count}, triton_batched, count, {"kernel": 1})
        for count in COPIES
    ]
    return [*several, *single]


def _packing() -> list[Point]:
    """torch.cat into a buffer that is there: an operator that launches one kernel, and reads a list of tensors."""
    import torch

    def build(inputs: SmallCopies) -> Iteration:
        sources = inputs.sources
        staging = torch.empty(sum(source.numel() for source in sources), dtype=sources[0].dtype, device="cuda")

        def iteration() -> None:
            torch.cat(sources, out=staging)

        return iteration

    return [_point(codes.CAT, {LAUNCH: 1, ARGUMENT: count}, build, count, {"kernel": 1}) for count in COPIES]


def _graph_of_one(path: str, build: Build, node: str | None) -> list[Point]:
    return [_point(path, {LAUNCH: 1}, build, COPIES[1], None)]


def _graphs(kind: str, build: Build) -> list[Point]:
    """Replays by torch of graphs with more and more nodes of one kind."""
    points = []
    for count in NODE_COUNTS:
        inputs = _inputs(count)
        replay = graph(build(inputs))
        points.append(Point(codes.GRAPH, {LAUNCH: 1, NODES[kind]: count}, replay, None, holds=inputs))
    return points


def _graphs_of_kernels() -> list[Point]:
    _insist(("triton",))
    return _graphs("kernel", triton_per_tensor)


def _compiled(
    make_points: Callable[[str, Build, Any], list[Point]], path: str, build: Build, node: str | None
) -> list[Point]:
    _insist(CPP_NEEDS)
    return make_points(path, build, node)


def _insist(needs: tuple[str, ...]) -> None:
    """Raise LookupError, naming what is missing and how to get it."""
    lacking = missing(needs, "cuda")
    if lacking:
        raise LookupError("; ".join(f"needs {need}: {HOW[need][1]}" for need in lacking))
