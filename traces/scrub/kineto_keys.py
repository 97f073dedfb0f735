"""The keys of a Kineto trace that a copy keeps, and what may stand at each: numbers, or texts that are the recorder's own words.

What is on no list here is left out, and so is a text at a key of these that is none of its words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from launchlens.traces.readers.kineto.json_repair import repair

#: What stays of a value, given as its JSON and given back so; None for nothing.
Rule: TypeAlias = Callable[[bytes], bytes | None]

#: What numbers, booleans and null begin with.
_PLAIN = frozenset(b"-0123456789tfn")
_QUOTE, _LIST = ord('"'), ord("[")
#: Numbers as text: plain, hexadecimal, or lists of them as torch prints these (`[0, 1, ..., 7]`); an address is none.
_NUMBER_TEXT = re.compile(
    r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|0x[0-9a-fA-F]{1,16}|\[(?![\s\S]*\d\.\d+\.\d)[-\d\s,.\[\]]*\]|true|false|True|False|None|"
)
_NUMBERS = re.compile(rb"(?:[\[\],\s\d.eE+-]|null|true|false)*")


def decoded(token: bytes) -> str:
    """The text that a JSON string is, odd ones and those that are not UTF-8 too."""
    try:
        text: str = json.loads(token) if b"\\" in token else token[1:-1].decode()
    except ValueError:
        text = json.loads(repair(token)[0])
    return text


def number(raw: bytes) -> bytes | None:
    """A number, a boolean, null, one of these as text, or lists of them."""
    if raw[0] in _PLAIN:
        return raw
    if raw[0] == _QUOTE:
        return raw if _NUMBER_TEXT.fullmatch(decoded(raw)) else None
    return raw if raw[0] == _LIST and _NUMBERS.fullmatch(raw) else None


def plain_number(raw: bytes) -> bytes | None:
    """A number, a boolean or null."""
    return raw if raw[0] in _PLAIN else None


def words(pattern: str) -> Rule:
    """A number, or a text that fits; of a list the texts that do."""
    fits = re.compile(pattern)

    def rule(raw: bytes) -> bytes | None:
        if raw[0] == _QUOTE:
            text = decoded(raw)
            return raw if fits.fullmatch(text) or _NUMBER_TEXT.fullmatch(text) else None
        if raw[0] == _LIST and not _NUMBERS.fullmatch(raw):
            try:
                values = json.loads(raw)
            except ValueError:
                return None
            kept = [each if _stays(each, fits) else "" for each in values]
            return raw if kept == values else json.dumps(kept).encode()
        return number(raw)

    return rule


def _stays(value: object, fits: re.Pattern[str]) -> bool:
    if isinstance(value, str):
        return bool(fits.fullmatch(value) or _NUMBER_TEXT.fullmatch(value))
    if isinstance(value, list):
        return all(_stays(each, fits) for each in value)
    return value is None or isinstance(value, bool | int | float)


#: Types as torch and NCCL spell them.
_TYPES = (
    r"(?:c10::|at::)?(?:ScalarList|TensorList|OptionalTensorList|GenericList|Scalar|Tensor|Device|Generator|Layout|MemoryFormat|Stream|None|"
    r"(?:long |unsigned |signed )*(?:int|char|double|float|bool|long|short|half|half float)|[Uu]?[Ii]nt(?:8|16|32|64)?|Float(?:8(?:_?e\dm\d\w{0,4})?)?|"
    r"float(?:8_e\dm\d\w{0,4}|16|32|64)|bfloat16|BFloat16|Half|Double|Long|Short|Byte|Char|Bool|byte|"
    r"[Cc]omplex(?:Half|Float|Double|<\w+>)?|Q?U?Int\w{0,6}|"
    r"Float8_e\dm\d\w{0,4}|Bits\w{0,6})|undefined|invalid|Unknown|"
)
_COLLECTIVES = (
    r"_?(?:(?:all|reduce|gather|scatter|broadcast|send|recv|barrier|wait|coalesced|base|into|tensor|to|single|"
    r"monitored|sparse|object|list|oop|any|source|isend|irecv|batch|p2p|nccl|c10d|functional|reduced?|max|min|sum|avg|"
    r"allreduce|allgather|alltoall|alltoallv|reducescatter|endcoalescing|startcoalescing|init|v)_?){1,6}"
)
_COPIES = (
    r"(?:Copy|Memcpy|copy|memcpy)?\s?(?:Host|Device|Peer|Array|Unified|[HDPAMU])(?:to|To|2)(?:Host|Device|Peer|Array|Unified|[HDPAMU])"
    r"|Dispatch Kernel|Barrier|Marker|Fill|Copy"
)

_NUMBERS_AT = (
    # of a CPU op
    *("External id", "external id", "Ev Idx", "Record function id", "Sequence number", "Fwd thread id", "Input Dims", "Input Strides"),
    *("Concrete Inputs", "Python id", "Python parent id", "Python module id", "Python thread", "num_warps", "num_stages", "cycles"),
    # of a call, and of work on a GPU
    *("cbid", "correlation", "correlation_id", "device", "Device", "context", "stream", "bytes", "memory bandwidth (GB/s)", "queued"),
    *("block", "registers per thread", "shared memory", "blocks per SM", "warps per SM", "est. achieved occupancy %"),
    *("theoretical occupancy %", "graph node id", "graph id", "External Id", "external ts", "cid", "size", "ptr", "priority", "node id"),
    *("wait_on_stream", "wait_on_cuda_event_record_corr_id", "wait_on_cuda_event_id", "cuda_event_id"),
    # of an allocator
    *("Bytes", "Total Allocated", "Total Reserved", "Device Id", "Device Type", "Addr"),
    # of a collective
    *("Group size", "In msg nelems", "Out msg nelems", "Rank", "Seq", "Src Rank", "Dst Rank", "Global rank start", "Global rank stride"),
    *("In split size", "Out split size", "Process Group Ranks", "Process Group Name", "comm_id"),
    *("sort_index", "Op count", "finished", "Trace iter"),
)  # fmt: skip
#: What stays of the arguments of an event, by key.
ARGUMENTS: Mapping[str, Rule] = dict.fromkeys(_NUMBERS_AT, number) | {
    "Input type": words(_TYPES),
    "dtype": words(_TYPES),
    "Collective name": words(_COLLECTIVES),
    "Process Group Description": words("default_pg|undefined|"),
    "cuda_sync_kind": words(r"(?:Stream|Context|Event|Device) Sync(?:hronize)?|Stream Wait Event|Unknown|"),
    "kind": words(_COPIES),
    "kernel_backend": words("triton|cuda|cpp|cutlass|pallas|extern|aten|"),
    "kernel_details": words(r"(?:(?:regs|grid|block|static_shared|dynamic_shared|occ_pct|nodes?):[\d.,]+ ?)*"),
    "grid": words(r"grid\([\d, ]*\)"),
}

_VERSION = words(r"\d+(?:\.\d+)*(?:[a-z]+\d*)?(?:\.dev\d+)?(?:\+(?:cu|cpu|rocm|git)[0-9a-f.]*)?")
#: What stays of the keys around the events.
HEAD: Mapping[str, Rule] = dict.fromkeys(
    (
        *("schemaVersion", "cupti_version", "cuda_runtime_version", "cuda_driver_version", "hip_runtime_version", "hip_driver_version"),
        *("record_shapes", "profile_memory", "with_stack", "with_flops", "with_modules", "baseTimeNanoseconds"),
    ),
    plain_number,
) | {
    "displayTimeUnit": words("ms|us|ns"),
    **dict.fromkeys(("pytorch_version", "torch_version", "cuda_version", "nccl_version"), _VERSION),
}  # fmt: skip
#: What stays of a device that is listed there; its name does besides.
DEVICE: Mapping[str, Rule] = dict.fromkeys(
    (
        *("id", "totalGlobalMem", "computeMajor", "computeMinor", "maxThreadsPerBlock", "maxThreadsPerMultiprocessor", "regsPerBlock"),
        *("regsPerMultiprocessor", "warpSize", "sharedMemPerBlock", "sharedMemPerMultiprocessor", "numSms", "sharedMemPerBlockOptin"),
        *("maxSharedMemoryPerMultiProcessor", "clockRate", "memoryClockRate", "memoryBusWidth", "l2CacheSize"),
    ),
    plain_number,
)  # fmt: skip
#: What stays of what is said of the job.
JOB: Mapping[str, Rule] = dict.fromkeys(("rank", "world_size", "pg_count"), plain_number) | {
    "backend": words("nccl|gloo|mpi|ucc|xccl|hccl|cpu:gloo,cuda:nccl"),
    "nccl_version": _VERSION,
}
