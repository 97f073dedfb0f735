"""What a variant launches in one iteration, as it declares it: by which path, how often, with how many arguments.

A declaration is no measurement. It is held against what was recorded, and from it, with what the probe `launch-costs` found
of each path, reports work out what an iteration should take, and what it would take were its launches one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

NodeKind = Literal["kernel", "memcpy"]
MOST_NAME, TOO_MANY = 200, 10**9


@dataclass(frozen=True)
class Launches:
    """Launches of one kind in an iteration.

    `path` is the way of launching: a code of `traces/captures/probe_codes/launch_costs.py`, which also says what of its arguments
    are counted. `arguments` are those of one launch, `items` the pieces of work that one does (copies, say), and `node` is what
    it becomes in a CUDA graph. Raises ValueError for what can't be so.
    """

    path: str
    per_iteration: int = 1
    arguments: int = 0
    items: int = 1
    node: NodeKind = "kernel"

    def __post_init__(self) -> None:
        if not (self.path and self.path.isprintable() and len(self.path) <= MOST_NAME):
            raise ValueError(f"a launch path is called by 1 to {MOST_NAME} visible characters, not {self.path[:40]!r}")
        for name in ("per_iteration", "arguments", "items"):
            value = getattr(self, name)
            if not isinstance(value, int) or not 0 <= value < TOO_MANY:
                raise ValueError(f"launches by {self.path}: {name} must be a whole number from 0, not {value!r}")
        if self.node not in get_args(NodeKind):
            raise ValueError(
                f"launches by {self.path}: a node is one of {', '.join(get_args(NodeKind))}, not {self.node!r}"
            )


#: What a variant launches, by the inputs that it is built for.
Declared = Callable[[Any], Sequence[Launches]]
