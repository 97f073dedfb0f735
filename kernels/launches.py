"""What a variant launches in one iteration, as it declares it: by which path, how often, with how many arguments.

A declaration is no measurement. It is held against what was recorded, and from it, with what the probe `launch-costs` found
of each path, reports work out what an iteration should take, and what it would take were its launches one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

NodeKind = Literal["kernel", "memcpy"]


@dataclass(frozen=True)
class Launches:
    """Launches of one kind in an iteration.

    `path` is the way of launching: a code of `traces/captures/probe_codes/launch_costs.py`, which also says what of its arguments
    are counted. `arguments` are those of one launch, `items` the pieces of work that one does (copies, say), and `node` is what
    it becomes in a CUDA graph.
    """

    path: str
    per_iteration: int = 1
    arguments: int = 0
    items: int = 1
    node: NodeKind = "kernel"


#: What a variant launches, by the inputs that it is built for.
Declared = Callable[[Any], Sequence[Launches]]
