"""What Kineto's categories and copy names mean for the event table, in their old spellings and their new ones."""

from __future__ import annotations

import re

_KINDS = {
    "cpu_op": "op",
    "operator": "op",  # torch 1.8 and 1.9 wrote Operator, Runtime, Kernel, Memcpy, Memset
    "user_annotation": "range",
    "gpu_user_annotation": "gpu-range",
    "kernel": "kernel",
    "gpu_memcpy": "memcpy",
    "memcpy": "memcpy",
    "gpu_memset": "memset",
    "memset": "memset",
    "overhead": "overhead",
}
PYTHON_STACK = frozenset({"python_function"})
#: Known not to be work of host or device, and so not worth a word: the recording's own span, allocator samples.
HARMLESS = frozenset({"trace", "cpu_instant_event"})

#: What Kineto lists as overhead that is the profiler's own (CUpti_ActivityOverheadKind 3 to 5, 9 and 10, and XPUPTI's
#: words for the same). All else there (module loading, JIT, a full command buffer, "Unknown") the program pays for
#: unprofiled as well: it is left in the calls that contain it.
PROFILERS_OWN = re.compile(
    r"buffer\s*(request|flush)|instrumentation|resource|activity init|\bcupti|profiler", re.IGNORECASE
)

#: HIP's and Level Zero's words for what CUPTI calls HtoD, ...
_COPY_WORDS = {"host": "H", "device": "D", "peer": "P", "array": "A"}
_COPY_IN_NAME = re.compile(r"^memcpy\s+([^\s(]+)", re.IGNORECASE)
_COPY_SPELLED_OUT = re.compile(r"^(?:copy|memcpy)?(host|device|peer|array)to(host|device|peer|array)$", re.IGNORECASE)
_COPY_SHORT = re.compile(r"^([HDPA])to([HDPA])$", re.IGNORECASE)


def kind_and_layer(category: str) -> tuple[str | None, str | None]:
    """The event table's kind for a category, and the layer of an API category; (None, None) for all others.

    >>> kind_and_layer("Runtime"), kind_and_layer("cuda_driver"), kind_and_layer("cuda_sync")
    (('api', 'runtime'), ('api', 'driver'), (None, None))
    """
    category = category.lower()
    for layer in (
        "runtime",
        "driver",
    ):  # cuda_runtime, hip_runtime, xpu_runtime, privateuse1_runtime, mtia_runtime, ...
        if category == layer or category.endswith("_" + layer):
            return "api", layer
    return _KINDS.get(category), None


def copy_kind(text: str) -> str:
    """The field's word for a copy's direction; what is not known keeps the recorder's own.

    >>> copy_kind("Memcpy HtoD (Pageable -> Device)"), copy_kind("CopyDeviceToHost"), copy_kind("Memcpy M2D"), copy_kind("blit")
    ('HtoD', 'DtoH', 'M2D', 'blit')
    """
    if match := _COPY_IN_NAME.match(text):
        text = match[1]
    if match := _COPY_SHORT.match(text):
        return f"{match[1].upper()}to{match[2].upper()}"
    if match := _COPY_SPELLED_OUT.match(text):
        return f"{_COPY_WORDS[match[1].lower()]}to{_COPY_WORDS[match[2].lower()]}"
    return text
