"""Codes of the probe `launch-floor`. Figures are of a way of launching; the verdict names the cheapest, or several."""

from __future__ import annotations

from typing import Final

ID: Final = "launch-floor"

#: Host time per call in a burst, and time from before a call until the host sees what its kernel wrote.
HOST_TIME: Final = "host-time"
CALL_TO_ANSWER: Final = "call-to-answer"
#: Host time of one way over that of another, round by round.
RATIO: Final = "ratio"
FIGURES: Final = frozenset({HOST_TIME, CALL_TO_ANSWER, RATIO})

#: Ways of launching: what is called, and from where.
CPP_LAUNCH, CPP_ONCE = "cudaLaunchKernel-cpp-loop", "cudaLaunchKernel-cpp-function"
CPP_DRIVER, PYTHON_DRIVER = "cuLaunchKernel-cpp-loop", "cuLaunchKernel-cuda-bindings"
CPP_GRAPH, TORCH_GRAPH = "cudaGraphLaunch-cpp-loop", "torch-graph-replay"
CPP_MEMCPY, PYTHON_MEMCPY = "cudaMemcpyAsync-cpp-loop", "cudaMemcpyAsync-cuda-bindings"
FILL, COPY, NVRTC, TRITON = "torch-fill_", "torch-copy_", "torch-compile-kernel", "triton"
#: No floor, but held against one: the launch of `cuda-prepared`, which makes seven copies and is fired from Python as CPP_ONCE is.
PREPARED: Final = "seven-copies-cpp-function"

#: The verdict where no way could be timed.
NOTHING: Final = "nothing-measured"
