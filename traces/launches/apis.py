"""What an API call does, told by its name: submit work, wait, or neither. CUDA, HIP, MUSA, Level Zero and Unified Runtime.

Versioned and per-thread-stream spellings (`cudaLaunchKernelExC_v11060`, `cuLaunchKernel_ptsz`) count as the call
they spell. Names decide only what a call *would* submit; whether it did is told by its correlation id.
"""

from __future__ import annotations

import re
from typing import Literal

Submits = Literal["kernel", "memcpy", "memset", "graph"]

_SUFFIX = re.compile(r"(_v\d+|_ptsz|_ptds|_spt)+$")
#: Runtime and driver of CUDA, HIP and MUSA (Moore Threads), whose calls are named alike.
_LIKE_CUDA = r"(?:cuda|cu|hip|musa|mu)"
#: What PyTorch's XPU backend calls: Unified Runtime, before it the plugin interface (`pi`), or Level Zero itself.
_LIKE_SYCL = r"(?:ur|pi|ze)"
_GRAPH = re.compile(rf"^({_LIKE_CUDA}GraphLaunch|(ur|pi)(Enqueue|ext)CommandBuffer(Exp)?)$")
_KERNEL = re.compile(
    r"^((cuda|musa)(LaunchKernel(ExC)?|LaunchCooperativeKernel(MultiDevice)?|Launch)"
    r"|(cu|mu)Launch(Kernel(Ex)?|CooperativeKernel(MultiDevice)?|Grid(Async)?)?"
    r"|hip(LaunchKernel(ExC)?|LaunchByPtr|LaunchCooperativeKernel(MultiDevice)?|ModuleLaunch\w*Kernel\w*"
    r"|ExtLaunch\w*Kernel\w*|ExtModuleLaunchKernel|DrvLaunchKernelEx)"
    r"|(ur|pi)Enqueue\w*KernelLaunch\w*|zeCommandListAppendLaunch\w*Kernel\w*)$"
)
_MEMCPY = re.compile(
    rf"^({_LIKE_CUDA}Memcpy(?!.*(GetAttribute|Node))"
    r"|(ur|pi|piext)Enqueue(USMMemcpy|(Mem)?(Buffer|Image)(Copy|Read|Write))|zeCommandList(Append|Immediate)\w*MemoryCopy)"
)
_MEMSET = re.compile(
    rf"^({_LIKE_CUDA}Memset(?!.*Node)|(ur|pi|piext)Enqueue(USM|(Mem)?Buffer)(Fill|Memset)|zeCommandListAppendMemoryFill)"
)
_SYNC = re.compile(
    rf"^({_LIKE_CUDA}(Device|Stream|Event|Ctx|Thread|Context)\w*Synchronize"
    r"|(ur|pi)(QueueFinish|EventWait|EventsWait)|ze(Event|Fence|CommandQueue|CommandList)(Host)?Synchronize)$"
)
#: Calls of a runtime whose launches `submits` knows: where none of them is a launch, none was recorded.
_KNOWN = re.compile(rf"^({_LIKE_CUDA}|{_LIKE_SYCL}|piext)[A-Z]")

_WHOLE_DEVICE = re.compile(rf"^{_LIKE_CUDA}(Device|Ctx|Thread|Context)\w*Synchronize$")
_OF_EVENT = re.compile(rf"^({_LIKE_CUDA}Event\w*Synchronize|(ur|pi)Events?Wait|zeEventHostSynchronize)$")
_MEMORY = re.compile(
    r"^(cuda|hip|musa)(Malloc(?!.*Async)\w*|Free(?!Async)\w*|HostAlloc|HostMalloc|HostFree|HostRegister|HostUnregister|ExtMalloc\w*)$"
    r"|^(cu|mu)Mem(Alloc|Free)(?!Async)\w*$|^(cu|mu)Mem(Create|Release|Map|Unmap|AddressReserve|AddressFree)$"
)
_RECORDS_EVENT = re.compile(rf"^{_LIKE_CUDA}EventRecord(WithFlags)?$")
_BEGINS_CAPTURE = re.compile(rf"^{_LIKE_CUDA}StreamBeginCapture(ToGraph)?$")
_ENDS_CAPTURE = re.compile(rf"^{_LIKE_CUDA}StreamEndCapture$")
#: How the names of all these begin; most names are of kernels, and of those that need no further look.
_BEGIN = frozenset(("cu", "hi", "mu", "ur", "pi", "ze"))


def launches_are_known(name: str) -> bool:
    """Whether the API call `name` is of a runtime whose launches are told by their names: CUDA's, not an accelerator's that nobody describes."""
    return bool(_KNOWN.match(name))


def _plain(name: str) -> str:
    """The call that `name` spells; the empty text for what is none of these calls."""
    return _SUFFIX.sub("", name) if name[:2] in _BEGIN else ""


def submits(name: str) -> Submits | None:
    """The kind of work that the API call `name` submits, or None for a call that submits none."""
    name = _plain(name)
    if _GRAPH.match(name):
        return "graph"
    if _KERNEL.match(name):
        return "kernel"
    if _MEMCPY.match(name):
        return "memcpy"
    if _MEMSET.match(name):
        return "memset"
    return None


def waits(name: str) -> bool:
    """Whether the API call `name` blocks its thread until work on the device is done.

    `cudaStreamWaitEvent` makes a stream wait, not the host, and so does not count; nor does a `cudaMemcpy` of pageable
    memory, which waits only in part: it counts as the launch that it also is.
    """
    return bool(_SYNC.match(_plain(name)))


def waits_for_whole_device(name: str) -> bool:
    """Whether the API call `name` blocks its thread until all work on a device is done, on whichever stream."""
    return bool(_WHOLE_DEVICE.match(_plain(name)))


def waits_for_event(name: str) -> bool:
    """Whether the API call `name` blocks its thread until what was submitted before a recorded event is done."""
    return bool(_OF_EVENT.match(_plain(name)))


def records_event(name: str) -> bool:
    """Whether the API call `name` records an event, which waits can then be for."""
    return bool(_RECORDS_EVENT.match(_plain(name)))


def begins_capture(name: str) -> bool:
    """Whether the API call `name` begins to capture a stream into a graph: what is launched there from now on does not run."""
    return bool(_BEGINS_CAPTURE.match(_plain(name)))


def ends_capture(name: str) -> bool:
    """Whether the API call `name` ends such a capture."""
    return bool(_ENDS_CAPTURE.match(_plain(name)))


def allocates(name: str) -> bool:
    """Whether the API call `name` gets or gives back memory: most of these wait for the device as well."""
    return bool(_MEMORY.match(_plain(name)))


def copies_and_waits(name: str) -> bool:
    """Whether the API call `name` copies and returns only when that is done: a `cudaMemcpy` without Async."""
    name = _plain(name)
    return bool(_MEMCPY.match(name)) and "Async" not in name
