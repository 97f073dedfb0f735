"""What a call launches, read from a CUDA graph into which it is captured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from launchlens.kernels.small_copies.raw_cuda import check


@dataclass(frozen=True)
class Node:
    """One node of the graph that a call was captured into: `kernel`, which has blocks and threads of each, `memcpy` …"""

    kind: str
    blocks: int = 0
    threads: int = 0


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
    return Node(
        kind=name,
        blocks=asked.gridDimX * asked.gridDimY * asked.gridDimZ,
        threads=asked.blockDimX * asked.blockDimY * asked.blockDimZ,
    )
