"""What an iteration launches, counted: by a CUDA graph that it is captured into, and by the light recorder where that is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from launchlens.kernels.registry import Iteration, Variant
from launchlens.profiling.collectors.error import CollectorError
from launchlens.profiling.collectors.light.recorder import Events, LightRecorder
from launchlens.profiling.environment import missing
from launchlens.traces.launches.apis import submits

if TYPE_CHECKING:
    from launchlens.profiling.probes.apparatus.captured_nodes import Node

#: Kinds of nodes that one launch makes one of.
_OF_ONE_LAUNCH = frozenset({"kernel", "memcpy", "memset"})


@dataclass(frozen=True)
class Counted:
    """Of one iteration: calls that submit work, called eagerly, nodes as a CUDA graph, and the arguments of their kernels.

    None is what nothing counted.
    """

    launches: int | None = None
    nodes: int | None = None
    arguments: int | None = None


NOTHING = Counted()


class LaunchCounter:
    """Counts on a GPU. An iteration is called once by each way of counting; on the CPU nothing is counted, and nothing called."""

    def __init__(self, device: str) -> None:
        self._stream: Any = None
        self._light: LightRecorder | None = None
        if device != "cuda":
            return
        if not missing(("cuda-bindings",), device):
            import torch

            self._stream = torch.cuda.Stream()
        self._light = _light(device)

    def of(self, call: Iteration, variant: Variant) -> Counted:
        """What one iteration, called eagerly, launches."""
        try:
            launches = None if self._light is None else _calls(self._light, call)
        except Exception:  # noqa: BLE001  anybody's code, which fails again where it is timed
            return NOTHING
        nodes = self._captured(call) if "graph" in variant.regimes else None
        if nodes is None:
            return Counted(launches)
        if launches is None and _OF_ONE_LAUNCH.issuperset(node.kind for node in nodes):
            launches = len(nodes)
        return Counted(launches, len(nodes), _arguments(nodes))

    def _captured(self, call: Iteration) -> list[Node] | None:
        """The nodes that an iteration becomes; None where it can't be captured here."""
        if self._stream is None:
            return None
        import torch

        from launchlens.profiling.probes.apparatus.captured_nodes import nodes

        torch.cuda.synchronize()
        try:
            with torch.cuda.stream(self._stream):
                return nodes(call, int(self._stream.cuda_stream))
        except Exception:  # noqa: BLE001  anybody's code
            torch.cuda.synchronize()  # raises where the failure left no usable device
            return None


def _arguments(nodes: Sequence[Node]) -> int | None:
    """What the kernels among them are given; None where the driver doesn't tell it of one."""
    of_kernels = [node.arguments for node in nodes if node.kind == "kernel"]
    return None if None in of_kernels else sum(count for count in of_kernels if count is not None)


def _light(device: str) -> LightRecorder | None:
    """The light recorder, where this process was started with its library."""
    from launchlens.profiling.collectors.light import session
    from launchlens.profiling.collectors.light.build import built

    try:
        session.check(device)
        made = LightRecorder(built(), ops=False)
    except CollectorError:
        return None
    return made if made.sees_calls else None


def _calls(light: LightRecorder, call: Iteration) -> int | None:
    """Calls of one iteration that submit work, on any thread; None where some may not have been seen."""
    light.take()
    light.on()
    try:
        call()
    finally:
        light.off()
        events = light.take()
    if events.dropped or light.not_wrapped():
        return None
    return submitting(events, light.names)


def submitting(events: Events, names: list[str]) -> int:
    """How many events submit work. One inside another, as a driver's call in the runtime's, is the same launch."""
    submit = np.array([submits(name) is not None for name in names] or [False])
    count = 0
    for thread in np.unique(events.thread):
        mine = (events.thread == thread) & submit[events.what]
        start, end = events.start[mine], events.end[mine]
        order = np.lexsort((-end.astype(np.int64), start))
        before = np.maximum.accumulate(end[order])[:-1]
        count += len(order) - int((end[order][1:] <= before).sum())
    return count
