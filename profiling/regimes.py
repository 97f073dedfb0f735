"""Regimes: the same iteration called eagerly, or captured into a CUDA graph once and replayed."""

from __future__ import annotations

from collections.abc import Callable

from launchlens.kernels.registry import Iteration

#: Calls before a capture, so that lazy initialisation and compilation are done by then (torch's graph docs ask for it).
CAPTURE_WARM_UP = 3


class CannotCaptureError(Exception):
    """The iteration can't be captured into a CUDA graph; the text is torch's reason, one line."""


def eager(iteration: Iteration) -> Iteration:
    """The iteration as it is."""
    return iteration


def graph(iteration: Iteration) -> Iteration:
    """The replay of a CUDA graph that holds one iteration.

    Raises CannotCaptureError when CUDA refuses to capture it.
    """
    import torch

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(CAPTURE_WARM_UP):
            iteration()
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
    captured = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(captured):
            iteration()
    except RuntimeError as error:
        torch.cuda.synchronize()
        raise CannotCaptureError(str(error).splitlines()[0]) from error
    # a graph holds addresses, not tensors: what it reads and writes lives as long as the iteration does
    captured.holds = iteration
    replay: Callable[[], object] = captured.replay
    return replay


ENTER: dict[str, Callable[[Iteration], Iteration]] = {"eager": eager, "graph": graph}
