"""The ways of launching that the probe `launch-floor` times, each on one stream, with an empty kernel of one block of a warp."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from launchlens.kernels.cuda_extension import NEEDS as CPP_NEEDS
from launchlens.kernels.small_copies.cuda_prepared import cuda_prepared
from launchlens.kernels.small_copies.raw_cuda import check
from launchlens.kernels.small_copies.workload import make
from launchlens.profiling.environment import NEEDS as HOW
from launchlens.profiling.environment import missing
from launchlens.profiling.probes.apparatus.answer_word import AnswerWord
from launchlens.profiling.probes.apparatus.launch_calls import launch_calls
from launchlens.profiling.probes.apparatus.raw_kernel import RawKernel
from launchlens.profiling.probes.launch_floor.path import LaunchPath, from_python
from launchlens.profiling.probes.launch_floor.timed_calls import LEAD
from launchlens.profiling.probes.launch_floor.verdict import Path, Work
from launchlens.traces.captures.probe_codes import launch_floor as codes

SOURCE = r"""
extern "C" __global__ void launchlens_empty() {}
extern "C" __global__ void launchlens_stamp(volatile unsigned* word) { if (threadIdx.x == 0) *word = 1; }
"""
THREADS = 32
#: The copies: 32 int32, the smallest of the note's.
ELEMENTS = 32
ANSWER_LIMIT_NS = 50_000_000

#: What makes some paths, or says why it can't; the name is of all of them together.
Maker = tuple[str, Callable[[], list[LaunchPath]]]


class Paths:
    """Makes the paths. They share a stream, buffers to copy between, the word, and a tensor that is the word (None: see `notes`)."""

    def __init__(self, stream: Any, word: AnswerWord) -> None:
        import torch

        self.stream, self.raw_stream, self.word = stream, int(stream.cuda_stream), word
        self.source = torch.arange(1, ELEMENTS + 1, dtype=torch.int32, device="cuda")
        self.target = torch.zeros_like(self.source)
        self.notes: list[str] = []
        self.word_tensor: Any = None
        try:
            self.word_tensor = word.tensor()
        except RuntimeError as error:
            why = str(error).partition("\n")[0]
            self.notes.append(f"No call to answer of torch's and Triton's launches: {why}.")

    def makers(self) -> Iterator[Maker]:
        """Every path, the cheapest loop first: it is the one that is timed twice."""
        yield "paths from C++", self._from_cpp
        yield "paths through cuda.bindings", self._through_bindings
        yield "torch fill_ and copy_", self._torch
        yield "torch.cuda._compile_kernel", self._compiled
        yield "Triton", self._triton
        yield "torch CUDAGraph.replay", self._graph
        yield codes.PREPARED, self._prepared

    def _from_cpp(self) -> list[LaunchPath]:
        _insist_on_a_compiler()
        module = launch_calls()
        calls = module.Calls(
            stream=self.raw_stream,
            to=self.target.data_ptr(),
            source=self.source.data_ptr(),
            bytes=self.source.nbytes,
            on_host=self.word.on_host,
            on_device=self.word.on_device,
        )

        def answered(way: Any) -> float | None:
            took = calls.answer(way, ANSWER_LIMIT_NS)
            return None if took < 0 else float(took)

        def loop(name: str, work: Work, way: Any) -> LaunchPath:
            return LaunchPath(
                Path(name, "C++", work),
                burst=lambda count: float(calls.burst(way, count, LEAD)),
                once=partial(calls.once, way),
                answer=None if work == "memcpy" else partial(answered, way),
            )

        return [
            loop(codes.CPP_LAUNCH, "empty kernel", module.Way.LAUNCH),
            loop(codes.CPP_DRIVER, "empty kernel", module.Way.DRIVER),
            loop(codes.CPP_GRAPH, "graph of an empty kernel", module.Way.GRAPH),
            loop(codes.CPP_MEMCPY, "memcpy", module.Way.MEMCPY),
            from_python(
                codes.CPP_ONCE, "empty kernel", calls.function(False), self.word.seen, stamp=calls.function(True)
            ),
        ]

    def _through_bindings(self) -> list[LaunchPath]:
        from cuda.bindings import driver, runtime

        empty, stamp = RawKernel(SOURCE, "launchlens_empty"), RawKernel(SOURCE, "launchlens_stamp")
        stream = driver.CUstream(self.raw_stream)
        pointer = ctypes.c_uint64(self.word.on_device)
        pointers = (ctypes.c_void_p * 1)(ctypes.addressof(pointer))

        def launching(kernel: RawKernel, arguments: int) -> Callable[[], Any]:
            shape = (1, 1, 1, THREADS, 1, 1, 0)
            return partial(driver.cuLaunchKernel, kernel.function, *shape, stream, arguments, 0)

        memcpy = partial(
            runtime.cudaMemcpyAsync,
            *(self.target.data_ptr(), self.source.data_ptr(), self.source.nbytes),
            *(runtime.cudaMemcpyKind.cudaMemcpyDeviceToDevice, self.raw_stream),
        )
        launch, answering = launching(empty, 0), launching(stamp, ctypes.addressof(pointers))
        for call in (launch, answering, memcpy):
            check(call())  # in a burst nobody looks at what they answer
        seen, held = self.word.seen, (pointer, pointers, empty, stamp)
        return [
            from_python(codes.PYTHON_DRIVER, "empty kernel", launch, seen, stamp=answering, holds=held),
            from_python(codes.PYTHON_MEMCPY, "memcpy", memcpy, seen),
        ]

    def _torch(self) -> list[LaunchPath]:
        import torch

        # of torch's operators fill_ reads nothing and allocates nothing; zero_ would call it
        one = torch.zeros(1, dtype=torch.int32, device="cuda")
        stamp = None if self.word_tensor is None else partial(self.word_tensor.fill_, 1)
        return [
            from_python(codes.FILL, "torch's own kernel", partial(one.fill_, 1), self.word.seen, stamp=stamp),
            from_python(codes.COPY, "memcpy", partial(self.target.copy_, self.source), self.word.seen),
        ]

    def _compiled(self) -> list[LaunchPath]:
        import torch

        compile_kernel = getattr(torch.cuda, "_compile_kernel", None)
        if compile_kernel is None:
            raise LookupError("this torch has no torch.cuda._compile_kernel")
        empty, stamp = (compile_kernel(SOURCE, f"launchlens_{name}") for name in ("empty", "stamp"))
        grid, block = (1, 1, 1), (THREADS, 1, 1)
        stamping = None if self.word_tensor is None else partial(stamp, grid, block, [self.word_tensor])
        return [
            from_python(codes.NVRTC, "empty kernel", partial(empty, grid, block, []), self.word.seen, stamp=stamping)
        ]

    def _triton(self) -> list[LaunchPath]:
        if missing(("triton",), "cuda"):
            raise LookupError("Triton is not installed")
        from launchlens.profiling.probes.launch_floor.triton_kernels import empty, stamp

        kernels: Any = (empty, stamp)
        launch, stamping = (partial(kernel[(1,)], num_warps=1) for kernel in kernels)
        answering = None if self.word_tensor is None else partial(stamping, self.word_tensor)
        return [from_python(codes.TRITON, "empty kernel", launch, self.word.seen, stamp=answering)]

    def _graph(self) -> list[LaunchPath]:
        import torch

        graphs = []
        for name, arguments in (("empty", []), ("stamp", [ctypes.c_uint64(self.word.on_device)])):
            kernel, graph = RawKernel(SOURCE, f"launchlens_{name}"), torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                kernel.launch(1, THREADS, int(torch.cuda.current_stream().cuda_stream), arguments)
            graphs.append(graph)
        replay, answering = (graph.replay for graph in graphs)
        work: Work = "graph of an empty kernel"
        return [from_python(codes.TORCH_GRAPH, work, replay, self.word.seen, stamp=answering, holds=graphs)]

    def _prepared(self) -> list[LaunchPath]:
        _insist_on_a_compiler()
        copies = make(device="cuda", seed=0)
        return [from_python(codes.PREPARED, "seven copies", cuda_prepared(copies), self.word.seen, holds=copies)]


def _insist_on_a_compiler() -> None:
    """Raise LookupError, naming what is missing and how to get it, where no extension can be built."""
    lacking = missing(CPP_NEEDS, "cuda")
    if lacking:
        raise LookupError("; ".join(f"needs {need}: {HOW[need][1]}" for need in lacking))
