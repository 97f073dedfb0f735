"""What a call launches, read from a CUDA graph into which it is captured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from launchlens.kernels.small_copies.raw_cuda import check


@dataclass(frozen=True)
class Node:
    """One node of the graph that a call was captured into: `kernel`, which has blocks and threads of each, `memcpy` …

    `arguments` are a kernel's by its signature; None where the driver doesn't tell.
    """

    kind: str
    blocks: int = 0
    threads: int = 0
    arguments: int | None = field(default=None, compare=False)


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
        arguments=_arguments(asked),
    )


#: No kernel has more parameters: all of them have room in 32,764 bytes.
_MOST_ARGUMENTS = 32_764


def _arguments(asked: Any) -> int | None:
    """How many parameters a kernel's signature has, counted until the driver knows no further one."""
    from cuda.bindings import driver

    # of a kernel that belongs to a library and not to a module, the function is null
    by_function = bool(int(asked.func))
    ask = getattr(driver, "cuFuncGetParamInfo" if by_function else "cuKernelGetParamInfo", None)
    if ask is None:
        return None
    of = asked.func if by_function else asked.kern
    for count in range(_MOST_ARGUMENTS):
        result = ask(of, count)[0]
        if result == driver.CUresult.CUDA_ERROR_INVALID_VALUE:
            return count
        if result != driver.CUresult.CUDA_SUCCESS:
            return None
    return None
