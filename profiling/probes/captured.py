"""What a call launches, read from a CUDA graph into which it is captured: its nodes hold the functions, which the driver knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from launchlens.kernels.small_copies.raw_cuda import check
from launchlens.profiling.probes.raw_kernel import Attributes, attributes_of


@dataclass(frozen=True)
class Node:
    """One node of the graph that a call was captured into. A kernel has `asks`, with its grid and what a block has of it."""

    kind: str
    asks: Attributes | None = None
    blocks: int = 0
    threads: int = 0
    dynamic_shared: int = 0
    blocks_per_sm: int | None = None
    handle: int = 0


def nodes(submit: Callable[[], object], stream: int) -> list[Node]:
    """What a call that submits to `stream` (a raw handle, not the legacy default stream) launches; it is not run.

    Raises RuntimeError where it can't be captured.
    """
    from cuda.bindings import driver

    check(driver.cuStreamBeginCapture(stream, driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED))
    try:
        submit()
    finally:
        ended = driver.cuStreamEndCapture(stream)
    (graph,) = check(ended)
    try:
        _, count = check(driver.cuGraphGetNodes(graph))
        found, _ = check(driver.cuGraphGetNodes(graph, count))
        return [_node(item) for item in found[:count]]
    finally:
        check(driver.cuGraphDestroy(graph))


def _node(node: Any) -> Node:
    from cuda.bindings import driver

    (kind,) = check(driver.cuGraphNodeGetType(node))
    name = kind.name.removeprefix("CU_GRAPH_NODE_TYPE_").lower()
    if kind != driver.CUgraphNodeType.CU_GRAPH_NODE_TYPE_KERNEL:
        return Node(name)
    (asked,) = check(driver.cuGraphKernelNodeGetParams(node))
    function = asked.func
    if not int(function):
        (function,) = check(driver.cuKernelGetFunction(asked.kern))
    threads = asked.blockDimX * asked.blockDimY * asked.blockDimZ
    (fit,) = check(driver.cuOccupancyMaxActiveBlocksPerMultiprocessor(function, threads, asked.sharedMemBytes))
    return Node(
        kind=name,
        asks=attributes_of(function),
        blocks=asked.gridDimX * asked.gridDimY * asked.gridDimZ,
        threads=threads,
        dynamic_shared=asked.sharedMemBytes,
        blocks_per_sm=int(fit),
        handle=int(function),
    )
