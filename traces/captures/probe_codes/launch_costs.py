"""Codes of the probe `launch-costs`. Figures are of a launch path; `part` says what of an iteration costs so much.

A path's parts are the terms of a line: an iteration costs its `iteration` once, its `launch` as often as it launches, and its
`argument` as often as launches are given one. Not every path has all: where an iteration is one launch, the two are not told apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

ID: Final = "launch-costs"

#: Host time, and device time of graphs replayed back to back, of one `part` of a path.
HOST_COST, DEVICE_COST = "host-cost", "device-cost"
#: How far the point that lies furthest off a path's line is from it, as a share of its time.
MISFIT: Final = "misfit"
#: How many rounds the costs are of, `under` how they were timed: in the rounds of a capture's variants, or apart from them.
ROUNDS: Final = "rounds"
WITH_VARIANTS, APART = "with-variants", "apart"
FIGURES: Final = frozenset({HOST_COST, DEVICE_COST, MISFIT, ROUNDS})

#: Parts of an iteration: what each of them costs is a figure.
ITERATION, LAUNCH, ARGUMENT = "iteration", "launch", "argument"
#: Parts of a replayed graph, beside its launch; by the kind of node.
NODES: Final[Mapping[str, str]] = {"kernel": "kernel-node", "memcpy": "memcpy-node"}

#: Verdicts: whether every path's times lie on a line, or some don't.
LINEAR, NOT_LINEAR = "linear", "not-linear"

Counted = Literal["", "tensor", "argument", "copy"]


@dataclass(frozen=True)
class LaunchPath:
    """What of a path's arguments is counted (nothing, where their number is fixed), and how many one copy takes.

    `takes_all`: whether one launch can be given all of several copies; those that can't take them as one copy of a flat buffer.
    """

    counted: Counted = ""
    of_a_copy: int = 0
    takes_all: bool = False


COPY, FOREACH, CAT = "torch-copy_", "torch-foreach-copy_", "torch-cat"
TRITON, NVRTC = "triton", "torch-compile-kernel"
CPP_TENSORS, CPP_PREPARED = "cpp-function-of-tensors", "cpp-prepared-launch"
MEMCPY, CPP_MEMCPY, MEMCPY_BATCH = (
    "cudaMemcpyAsync-cuda-bindings",
    "cudaMemcpyAsync-cpp",
    "cudaMemcpyBatchAsync-cuda-bindings",
)
GRAPH, CPP_GRAPH = "torch-graph-replay", "cpp-graph-launch"

#: The paths that are measured.
PATHS: Final[Mapping[str, LaunchPath]] = {
    COPY: LaunchPath(of_a_copy=2),
    FOREACH: LaunchPath("tensor", 2, takes_all=True),
    CAT: LaunchPath("tensor", 1),
    TRITON: LaunchPath("argument", 3, takes_all=True),
    NVRTC: LaunchPath("argument", 3, takes_all=True),
    CPP_TENSORS: LaunchPath("tensor", 2, takes_all=True),
    CPP_PREPARED: LaunchPath("copy", 1, takes_all=True),
    MEMCPY: LaunchPath(of_a_copy=3),
    CPP_MEMCPY: LaunchPath(of_a_copy=3),
    MEMCPY_BATCH: LaunchPath("copy", 1, takes_all=True),
    GRAPH: LaunchPath(),
    CPP_GRAPH: LaunchPath(),
}
#: Those that launch a graph: what it holds runs with the graph's costs of the device.
GRAPHS: Final = frozenset({GRAPH, CPP_GRAPH})

#: Paths that variants declare and no cost is measured of.
OWN_STREAMS, NEW_STREAMS, PACKED_TABLE = "torch-copy_-own-streams", "torch-copy_-new-streams", "triton-packed-table"
UNPRICED: Final = frozenset({OWN_STREAMS, NEW_STREAMS, PACKED_TABLE})
