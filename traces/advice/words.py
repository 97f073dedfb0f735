"""What a verdict and a piece of advice say, in sentences."""

from __future__ import annotations

from collections.abc import Mapping

from launchlens.traces.advice.candidate import Saving
from launchlens.traces.documents.advice import BoundBy, Code
from launchlens.traces.steps.bound_by import Bound
from launchlens.traces.units import duration, whole_percent

#: When the GPU waits for the host, by the cause of idle time that this is.
_PART = {
    "host-python": "while it is in Python and other code between ops",
    "host-dispatch": "while it is in framework ops",
    "host-launch": "while it is in calls that launch",
    "host-api": "while it is in other calls of the driver",
    "data": "while it gets the next data",
    "allocation": "while it gets or gives back memory",
    "launch-latency": "while a launch is on its way to the GPU",
}
_BOUND: dict[BoundBy, str] = {
    "host": "The host limits this: for {share} of the time the GPU waits for it",
    "sync": "Synchronisation limits this: for {share} of the time the GPU idles because the host waited for it",
    "communication": "Communication limits this: for {share} of the time nothing but collectives runs, or they are waited for",
    "copies": "Copies limit this: for {share} of the time nothing but copies between host and GPU run, or they are waited for",
    "gpu": "The GPU limits this: for {share} of the time it computes",
    "unknown": "What limits this is not known: of {share} of the time nothing says what host or GPU did",
}
#: What limits a device, in a list of several.
_LIMIT: dict[BoundBy, str] = {
    "host": "the host",
    "sync": "synchronisation",
    "communication": "communication",
    "copies": "copies",
    "gpu": "the GPU itself",
    "unknown": "not known",
}
#: How many devices a sentence names.
_NAMED = 4

#: What a change does, and how to make it.
_CHANGE: dict[Code, tuple[str, str]] = {
    "remove-sync": (
        "Don't wait for the GPU in {where}",
        "Keep values on the GPU and read them together every so many steps (`torch.stack(values).tolist()`), or take the synchronize out.",
    ),
    "batch-launches": (
        "Batch the small launches in {where}",
        "Use one call for all tensors: `foreach=True` or `fused=True` of an optimizer, `torch._foreach_…`, or one kernel with a list of pointers.",
    ),
    "capture-graph": (
        "Capture {where} in a CUDA graph",
        "Use `torch.cuda.graph`, `torch.cuda.make_graphed_callables` or `torch.compile(mode=\"reduce-overhead\")`, with shapes and addresses that stay.",
    ),
    "fuse-kernels": (
        "Fuse the element-wise kernels in {where}",
        "Put them through `torch.compile`, or write one Triton kernel for them.",
    ),
    "pin-memory": (
        "Copy from pinned memory in {where}",
        "Use `pin_memory=True` in the DataLoader (or `tensor.pin_memory()`) and `.to(device, non_blocking=True)`.",
    ),
    "overlap-copy": (
        "Run the copies in {where} beside other work",
        "Copy the next batch on a stream of its own while this one is computed.",
    ),
    "overlap-communication": (
        "Run the collectives ({where}) beside other work",
        "Start each as soon as its data are ready (DistributedDataParallel's buckets, `async_op=True`) and wait for it as late as possible.",
    ),
    "bucket-communication": (
        "Gather the small collectives in {where} in few large ones",
        "Use larger buckets (`bucket_cap_mb`), or put the tensors into one flat buffer.",
    ),
    "prefetch-data": (
        "Get the next data beside the step, not in it ({where})",
        "Use `num_workers` and `prefetch_factor` in the DataLoader, or a thread that is a batch ahead.",
    ),
    "avoid-allocation": (
        "Keep memory instead of getting it in every step ({where})",
        "Allocate once and reuse, take out `torch.cuda.empty_cache()`, or let the caching allocator grow (`expandable_segments:True`).",
    ),
    "balance-ranks": (
        "Find the rank that comes late: the others wait for it in collectives ({where})",
        "Give `analyze` the traces of all ranks: it names the straggler and what holds it up.",
    ),
}  # fmt: skip


def verdict_sentence(bound: Bound | None, *, saw_gpu: bool, ran: bool = False) -> str:
    """What limits a program, with the share that it rests on and what is not known. `ran`: there is GPU work of which no device is known."""
    if bound is None:
        why = "GPU work was not recorded" if not saw_gpu else "no GPU work was launched"
        return f"What limits this is not known: {'the GPU work names no device' if ran else why}."
    said = _BOUND[bound.bound_by].format(share=whole_percent(bound.share))
    if bound.part is not None:
        said += f", {whole_percent(bound.part_share)} {_PART[bound.part]}"
    unknown = bound.shares["unknown"]
    if bound.bound_by != "unknown" and unknown >= 0.005:
        said += f"; of {whole_percent(unknown)} it is not known what host or GPU did"
    return said + "."


def devices_sentence(bounds: Mapping[str, Bound], first: str) -> str:
    """What limits several devices of a process, by their numbers, after a sentence on the `first`: the same, or what else."""
    shares = {device: f"{whole_percent(bound.share)} of device {device}'s time" for device, bound in bounds.items()}
    if len({bound.bound_by for bound in bounds.values()}) == 1:
        low, *_, high = sorted(bounds, key=lambda device: bounds[device].share)
        return f"This limits each of its {len(bounds)} devices: between {shares[low]} and {shares[high]}."
    others = [device for device in bounds if device != first]
    said = [f"{_LIMIT[bounds[device].bound_by]}, {shares[device]}" for device in others[:_NAMED]]
    more = f"; and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return f"That is device {first}, which does most. What limits its others: {'; '.join(said)}{more}."


def advice_sentence(saving: Saving, of: str = "a step") -> str:
    """What to change, where, and what that would save of a step, or of what else the steps are."""
    low, high = saving.share
    change = _CHANGE[saving.candidate.code][0].format(where=saving.candidate.where)
    return (
        f"{change}: that would save {100 * low:.0f} to {whole_percent(high)} of {of} "
        f"({duration(saving.ns[0])} to {duration(saving.ns[1])} without the profiler)."
    )


def how_to(code: Code) -> str:
    """How a change is made."""
    return _CHANGE[code][1]
