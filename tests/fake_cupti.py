"""A stand-in for cupti-python: it hands over records that a test prepared, as simple objects with CUPTI's own field names."""

import ctypes
import enum
from types import SimpleNamespace


class cuptiError(Exception):  # cupti-python's name
    pass


class ActivityKind(enum.IntEnum):
    MEMCPY = 1
    MEMSET = 2
    DRIVER = 4
    RUNTIME = 5
    CONCURRENT_KERNEL = 10
    OVERHEAD = 17
    MARKER = 11
    MEMCPY2 = 22
    SYNCHRONIZATION = 38
    EXTERNAL_CORRELATION = 39


class ExternalCorrelationKind(enum.IntEnum):
    CUSTOM0 = 3


class CallbackDomain(enum.IntEnum):
    DRIVER_API = 1
    RUNTIME_API = 2


class ActivityOverheadKind(enum.IntEnum):
    CUPTI_BUFFER_FLUSH = 1 << 16
    LAZY_FUNCTION_LOADING = 5 << 16


class FakeCupti:
    """The calls that the collector makes. `records` are handed over at the flush, `early` when the first range ends."""

    cuptiError = cuptiError
    ActivityKind = ActivityKind
    ExternalCorrelationKind = ExternalCorrelationKind
    CallbackDomain = CallbackDomain
    ActivityOverheadKind = ActivityOverheadKind
    NAMES = {(2, 41): "cudaMemcpyAsync_v3020", (2, 211): "cudaLaunchKernel_v7000", (1, 652): "cuLaunchKernelEx"}  # noqa: RUF012

    def __init__(self, records=(), *, early=(), dropped=0, refuses=()):
        self.records, self.early, self.dropped, self.refuses = list(records), list(early), dropped, refuses
        self.enabled, self.disabled, self.pushed, self.clock = [], [], [], 1_000_000
        self.latency = None

    def activity_register_callbacks(self, requested, completed):
        assert requested()[0] >= 1 << 20
        self.completed = completed

    def activity_enable(self, kind):
        if kind.name in self.refuses:
            raise cuptiError(f"CUPTI_ERROR_NOT_COMPATIBLE of {kind.name}")
        self.enabled.append(kind)

    def activity_disable(self, kind):
        self.disabled.append(kind)

    def activity_enable_latency_timestamps(self, on):
        self.latency = on

    def activity_flush_all(self, flag):
        if self.records:
            self.completed(self.records)

    def activity_get_num_dropped_records(self, context, stream, address):
        ctypes.c_size_t.from_address(address).value = self.dropped

    def activity_push_external_correlation_id(self, kind, number):
        self.pushed.append(number)

    def activity_pop_external_correlation_id(self, kind):
        if self.early:
            self.completed([self.early.pop(0)])
        return self.pushed[-1]

    def get_timestamp(self):
        self.clock += 1000
        return self.clock

    def get_callback_name(self, domain, number):
        if (domain, number) not in self.NAMES:
            raise cuptiError("CUPTI_ERROR_INVALID_PARAMETER")
        return self.NAMES[domain, number]


def api(cbid, start, end, correlation, kind=ActivityKind.RUNTIME, thread=7):
    return SimpleNamespace(
        kind=int(kind), cbid=cbid, start=start, end=end, correlation_id=correlation, thread_id=thread, process_id=1
    )


def _device(kind, start, end, correlation, more):
    fields = {
        "device_id": 0, "context_id": 1, "stream_id": 7, "graph_id": 0, "graph_node_id": 0, "channel_type": 1, "channel_id": 3,
    }  # fmt: skip
    return SimpleNamespace(kind=int(kind), start=start, end=end, correlation_id=correlation, **fields | more)


def kernel(name, start, end, correlation, **more):
    fields = {"name": name, "queued": 0, "submitted": 0, "completed": end}
    return _device(ActivityKind.CONCURRENT_KERNEL, start, end, correlation, fields | more)


def memcpy(start, end, correlation, **more):
    return _device(ActivityKind.MEMCPY, start, end, correlation, {"bytes": 128, "copy_kind": 8, "copy_count": 1} | more)


def memset(start, end, correlation, **more):
    return _device(ActivityKind.MEMSET, start, end, correlation, {"bytes": 64} | more)


def external(correlation, number, kind=3):
    fields = {"correlation_id": correlation, "external_id": number, "external_kind": kind}
    return SimpleNamespace(kind=int(ActivityKind.EXTERNAL_CORRELATION), **fields)


def overhead(what, start, end, correlation=0):
    fields = {"start": start, "end": end, "correlation_id": correlation, "overhead_kind": what}
    return SimpleNamespace(kind=int(ActivityKind.OVERHEAD), **fields)


class Marker:
    """An NVTX record; reading the name of its end would be a fault, as it is one in native code."""

    kind = int(ActivityKind.MARKER)
    object_kind = 2

    def __init__(self, number, flag, timestamp, name=None, thread=7):
        self.id, self.flags_, self.timestamp, self._name = number, flag, timestamp, name
        self.object_id = SimpleNamespace(pt=SimpleNamespace(thread_id=thread))

    @property
    def name(self):
        if self._name is None:
            raise AssertionError("the name of an end was read")
        return self._name
