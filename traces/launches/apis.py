"""What an API call does, told by its name: submit work, wait, or neither. CUDA runtime and driver, and HIP.

Versioned and per-thread-stream spellings (`cudaLaunchKernelExC_v11060`, `cuLaunchKernel_ptsz`) count as the call
they spell. Names decide only what a call *would* submit; whether it did is told by its correlation id.
"""

from __future__ import annotations

import re
from typing import Literal

Submits = Literal["kernel", "memcpy", "memset", "graph"]

_SUFFIX = re.compile(r"(_v\d+|_ptsz|_ptds|_spt)+$")
_GRAPH = re.compile(r"^(cuda|cu|hip)GraphLaunch$")
_KERNEL = re.compile(
    r"^(cuda(LaunchKernel(ExC)?|LaunchCooperativeKernel(MultiDevice)?|Launch)"
    r"|cuLaunch(Kernel(Ex)?|CooperativeKernel(MultiDevice)?|Grid(Async)?)?"
    r"|hip(LaunchKernel(ExC)?|LaunchByPtr|LaunchCooperativeKernel(MultiDevice)?|ModuleLaunch\w*Kernel\w*"
    r"|ExtLaunch\w*Kernel\w*|ExtModuleLaunchKernel|DrvLaunchKernelEx))$"
)
_MEMCPY = re.compile(r"^(cuda|cu|hip)Memcpy(?!.*(GetAttribute|Node))")
_MEMSET = re.compile(r"^(cuda|cu|hip)Memset(?!.*Node)")
_SYNC = re.compile(r"^(cuda|cu|hip)(Device|Stream|Event|Ctx|Thread|Context)\w*Synchronize$")

_WHOLE_DEVICE = re.compile(r"^(cuda|cu|hip)(Device|Ctx|Thread|Context)\w*Synchronize$")
_OF_EVENT = re.compile(r"^(cuda|cu|hip)Event\w*Synchronize$")
_RECORDS_EVENT = re.compile(r"^(cuda|cu|hip)EventRecord(WithFlags)?$")


def submits(name: str) -> Submits | None:
    """The kind of work that the API call `name` submits, or None for a call that submits none."""
    name = _SUFFIX.sub("", name)
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
    return bool(_SYNC.match(_SUFFIX.sub("", name)))


def waits_for_whole_device(name: str) -> bool:
    """Whether the API call `name` blocks its thread until all work on a device is done, on whichever stream."""
    return bool(_WHOLE_DEVICE.match(_SUFFIX.sub("", name)))


def waits_for_event(name: str) -> bool:
    """Whether the API call `name` blocks its thread until what was submitted before a recorded event is done."""
    return bool(_OF_EVENT.match(_SUFFIX.sub("", name)))


def records_event(name: str) -> bool:
    """Whether the API call `name` records an event, which waits can then be for."""
    return bool(_RECORDS_EVENT.match(_SUFFIX.sub("", name)))
