"""Small traces made by code, each of a kind that we have no recording of our own of: what only strangers' machines write.

`KINDS` names them; `make` writes one. Names and shapes are as those recorders write them; times are made so that queueing,
overlaps and moments that just touch occur. What each must give is worked out by `plain_analysis`.
"""

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from traces.made_nsys import call, export, global_pid, global_tid, on_gpu

Event = dict[str, Any]


def event(category: str, name: str, ts: float, dur: float, pid: int, tid: int | str, **args: Any) -> Event:
    """A whole event, times in µs: three digits behind the point, as recorders of ns write them."""
    times = {"ts": round(ts, 3), "dur": round(dur, 3)}
    return {"ph": "X", "cat": category, "name": name, "pid": pid, "tid": tid, **times, "args": args}


def kineto(path: Path, events: list[Event], devices: int = 1, name: str = "NVIDIA H100 80GB HBM3", **head: Any) -> Path:
    properties = [{"id": number, "name": name, "numSms": 132} for number in range(devices)]
    path.write_text(json.dumps({"schemaVersion": 1, "deviceProperties": properties} | head | {"traceEvents": events}))
    return path


def capital_categories(path: Path) -> Path:
    """torch 1.8 and 1.9: Operator, Runtime, Kernel, Memcpy; whole microseconds; threads as text; `computeProperties`."""
    events, correlation = [], count(300)
    for step in range(4):
        at = 1621401187223000 + 100 * step
        events.append(event("Operator", "aten::addmm", at, 60, 24572, "24572", **{"External id": step}))
        for api, kind, what, offset in (
            ("cudaMemcpyAsync", "Memcpy", "Memcpy HtoD (Pageable -> Device)", 5),
            ("cudaLaunchKernel", "Kernel", "void gemmSN_TN_kernel<float, 128>(float)", 20),
        ):
            number = next(correlation)
            events.append(event("Runtime", api, at + offset, 8, 24572, "24572", correlation=number))
            moved = {"bytes": 640} if kind == "Memcpy" else {}
            events.append(
                event(kind, what, at + offset + 11, 3, 0, "stream 7", device=0, stream=7, correlation=number, **moved)
            )
        events.append(
            event("Runtime", "cudaDeviceSynchronize", at + 70, 9, 24572, "24572", correlation=next(correlation))
        )
    properties = [{"id": number, "name": "Tesla V100-DGXS-32GB"} for number in range(4)]
    path.write_text(json.dumps({"schemaVersion": 1, "computeProperties": properties, "traceEvents": events}))
    return path


def two_streams(path: Path) -> Path:
    """Two streams whose work overlaps, a memset, `cuda_sync` rows, ranges in each other, whole microseconds."""
    events, correlation, pid = [], count(1), 2869224
    events.append(event("user_annotation", "## forward ##", 1000, 900, pid, pid))
    for step in range(5):
        at = 1000 + 180 * step
        events.append(event("user_annotation", "## layer ##", at, 150, pid, pid))
        events.append(event("cpu_op", "aten::conv2d", at + 2, 120, pid, pid))
        for api, kind, name, offset, length, stream in (
            ("cudaMemcpyAsync", "gpu_memcpy", "Memcpy HtoD (Pageable -> Device)", 4, 50, 20),
            ("cudaLaunchKernel", "kernel", "void conv<float>(float*)", 20, 60, 7),
            ("cudaLaunchKernel", "kernel", "void add<float>(float*)", 34, 12, 20),
            ("cudaMemsetAsync", "gpu_memset", "Memset (Device)", 48, 30, 7),
        ):
            number = next(correlation)
            args = {"device": 0, "context": 1, "stream": stream, "correlation": number}
            args |= {"bytes": 92928 + step} if kind != "kernel" else {}
            events.append(event("cuda_runtime", api, at + offset, 9, pid, pid, correlation=number))
            events.append(event(kind, name, at + offset + 14, length, 0, stream, **args))
        number = next(correlation)
        events.append(event("cuda_runtime", "cudaStreamSynchronize", at + 124, 20, pid, pid, correlation=number))
        events.append(event("cuda_sync", "Stream Sync", at + 125, 18, 0, 7, correlation=number, device=0, stream=7))
    return kineto(path, events, 8, "NVIDIA A100-PG509-200")


def driver_launches(path: Path) -> Path:
    """Triton: launches of the driver API alone, and a step of another process's thread than the launches'."""
    pid = 1670242
    events = [event("user_annotation", "ProfilerStep#1", 2413669096090.1, 1800.805, 3100453, 3100453)]
    for number in range(6):
        at = 2413669097390.166 + 20.5 * number
        events.append(event("cpu_op", "TorchDynamo Cache Lookup", at - 2.25, 1.591, pid, pid))
        events.append(event("cuda_driver", "cuLaunchKernel", at, 4.768, pid, pid, correlation=35 + number, cbid=307))
        kernel = event("kernel", "triton_poi_fused_add_cos_0", at + 5.426, 17.76, 0, 7, device=0, stream=7, context=1)
        kernel["args"]["correlation"] = 35 + number
        events.append(kernel)
    events.append(event("cuda_runtime", "cudaDeviceSynchronize", at + 5, 16.846, pid, pid, correlation=50))
    return kineto(path, events, 8, baseTimeNanoseconds=1727743122000000000)


def rocm(path: Path) -> Path:
    """HIP under the names of CUDA's categories: the size of a copy on its call only, device 2 of 4, GPU annotations."""
    pid, at = 597913, 4203669603187.439
    events = [event("user_annotation", "ProfilerStep#1", at, 900.291, pid, pid)]
    for number, (api, name, kind) in enumerate(
        [
            ("hipMemcpyWithStream", "Memcpy HtoD (Host -> Device)", "gpu_memcpy"),
            ("hipLaunchKernel", "void elementwise_kernel<128, 2>(float)", "kernel"),
            ("hipExtModuleLaunchKernel", "Cijk_Ailk_Bljk_SB_MT32x32", "kernel"),
            ("hipMemcpyWithStream", "CopyHostToDevice", "gpu_memcpy"),
            ("hipLaunchKernel", "void mse_kernel(float)", "kernel"),
        ]
    ):
        start, correlation = at + 100 + 120 * number, 117 + number
        sized = {"size": "2560", "kind": "1", "src": "0x5567"} if kind == "gpu_memcpy" else {"grid": "[1,1,1]"}
        events.append(event("cpu_op", "aten::to", start - 8.5, 80, pid, pid))
        events.append(event("cuda_runtime", api, start, 40.204, pid, pid, correlation=correlation, **sized))
        copied = {"kind": "HtoD" if number == 0 else "CopyHostToDevice"} if kind == "gpu_memcpy" else {}
        events.append(
            event(kind, name, start + 15.905, 22.441, 2, 0, device=2, stream=0, correlation=correlation, **copied)
        )
    events.append(event("gpu_user_annotation", "Optimizer.step#SGD.step", at + 100, 400, 2, 0))
    events.append(event("cuda_runtime", "hipDeviceSynchronize", at + 800, 60.5, pid, pid, correlation=140))
    return kineto(path, events, 4, "AMD Radeon Graphics", baseTimeNanoseconds=1735632360000000000)


def python_stacks(path: Path) -> Path:
    """`with_stack=True`: frames of Python around everything, and ranges drawn on the GPU as well."""
    pid, at = 2566, 6744669505873.574
    events = [
        event("python_function", f"loop.py({12 + depth}): step", at - 600 + depth, 2000 - depth, pid, 0)
        for depth in range(9)
    ]
    for step in range(3):
        start = at + 400 * step
        events.append(event("user_annotation", f"ProfilerStep#{2 + step}", start, 390.437, pid, pid))
        events.append(event("gpu_user_annotation", f"ProfilerStep#{2 + step}", start + 60, 300, 0, 7))
        for api, kind, name, offset, length in (
            ("cudaMemcpyAsync", "gpu_memcpy", "Memcpy HtoD (Pageable -> Device)", 20, 63.104),
            ("cudaLaunchKernel", "kernel", "ampere_sgemm_128x64_nn", 120, 181.159),
        ):
            number = 43 + 10 * step + len(kind)
            moved = {"bytes": 4_000_000} if kind == "gpu_memcpy" else {}
            args = {"device": 0, "stream": 7, "correlation": number, **moved}
            events.append(event("cuda_runtime", api, start + offset, 79.043, pid, pid, correlation=number, cbid=41))
            events.append(event(kind, name, start + offset + 27.75, length, 0, 7, **args))
    return kineto(path, events, 1, "Tesla T4", baseTimeNanoseconds=1767189312000000000)


def touching_moments(path: Path) -> Path:
    """Moments that just touch: work that starts with its call, at its end, and 1 ns before; events of no length; calls
    of the driver inside a launch and inside a wait."""
    pid = 100
    starts = {  # in us after the call's start; the call takes 4
        "with its call": 0,
        "1 ns before its call": -0.001,
        "as the call ends": 4,
        "1 ns before the call ends": 3.999,
    }
    events = [event("user_annotation", "step", 1000, 400, pid, pid)]
    for number, (name, offset) in enumerate(starts.items()):
        at = 1010 + 30 * number
        events.append(event("cuda_runtime", "cudaLaunchKernel", at, 4, pid, pid, correlation=number + 1))
        events.append(event("cuda_driver", "cuCtxGetCurrent", at + 1, 2, pid, pid, correlation=number + 101))
        events.append(
            event("kernel", name, at + offset, 5.5, 0, 7, device=0, stream=7, context=1, correlation=number + 1)
        )
    events += [
        event("cuda_runtime", "cudaLaunchKernel", 1200, 0, pid, pid, correlation=11),
        event("kernel", "of no length", 1200, 0, 0, 7, device=0, stream=7, context=1, correlation=11),
        event("cpu_op", "aten::of_no_length", 1210, 0, pid, pid),
        event("user_annotation", "of no length", 1211, 0, pid, pid),
        event("cuda_runtime", "cudaLaunchKernel", 1220, 3, pid, pid, correlation=12),
        event("kernel", "behind another", 1230, 50, 0, 7, device=0, stream=7, context=1, correlation=12),
        event("cuda_runtime", "cudaDeviceSynchronize", 1240, 60, pid, pid, correlation=13),
        event("cuda_driver", "cuCtxGetCurrent", 1250, 20, pid, pid, correlation=113),
        event("cuda_driver", "cuStreamGetCtx", 1290, 10, pid, pid, correlation=114),
    ]
    return kineto(path, events)


def two_processes(path: Path) -> Path:
    """Two processes with one thread id: one makes most launches, on device 0, the other's cause most work, on device 1."""
    events = []
    for number in range(3):
        at = 1000 + 20 * number
        events.append(event("cuda_runtime", "cudaLaunchKernel", at, 4, 10, 1, correlation=number + 1))
        events.append(event("kernel", "k", at + 9, 5, 0, 7, device=0, stream=7, correlation=number + 1))
    for number in range(2):
        at = 1005 + 20 * number
        events.append(event("cuda_runtime", "cudaMemcpyBatchAsync", at, 4, 20, 1, correlation=number + 51))
        for part in range(4):
            copied = {"device": 1, "stream": 7, "correlation": number + 51, "bytes": 256 + part}
            events.append(event("gpu_memcpy", "Memcpy DtoD (Device -> Device)", at + 6 + 3 * part, 2, 1, 7, **copied))
    return kineto(path, events, 2)


def nsys_2020(path: Path) -> Path:
    """No version, names inline, GPU rows without a process, no NVTX domains."""
    runtime, kernel = [], []
    for number in range(1, 6):
        at = 1_000_000 + 20_000 * number
        of_call = {"start": at, "end": at + 6_500, "correlationId": number, "eventClass": 0, "globalTid": global_tid()}
        runtime.append(of_call | {"nameId": "cudaLaunchKernel_v7000"})
        kernel.append(
            {"start": at + 6_500 + 100 * (number - 1), "end": at + 12_000, "deviceId": 0, "contextId": 1, "streamId": 7}
            | {"correlationId": number, "name": "probe"}
        )
    nvtx = [{"start": 1_000_000, "end": 1_100_000, "eventType": 59, "text": "query", "globalTid": global_tid()}]
    gpus = [{"deviceId": 0, "name": "TITAN V"}]
    return export(path, "2020", runtime=runtime, kernel=kernel, NVTX_EVENTS=nvtx, TARGET_INFO_CUDA_GPU=gpus)


def _stream_of_work(names: dict[str, str], streams: int, processes: tuple[int, ...]) -> dict[str, list[dict[str, Any]]]:
    """Copies to the device, kernels and copies back, in each process, over some streams; `names` of the calls by kind."""
    tables: dict[str, list[dict[str, Any]]] = {"runtime": [], "kernel": [], "memcpy": [], "memset": []}
    for pid in processes:
        numbers = count(1)
        for step in range(8):
            at = 50_000 * step + 1_000 * (pid % 7)
            for kind, copied in (("memset", None), ("memcpy", 1), ("kernel", None), ("memcpy", 2)):
                number = next(numbers)
                start = at + 9_000 * (number % 4)
                more = {"globalTid": global_tid(pid + 1, pid), "eventClass": 0}
                tables["runtime"].append(call(names[f"{kind}{copied or ''}"], start, start + 5_000, number, **more))
                ran = on_gpu(start + 4_000 + 700 * step, start + 11_000 + 900 * step, number, globalPid=global_pid(pid))
                ran |= {"streamId": 13 + step % streams}
                ran |= {"bytes": 4096 * number} if kind != "kernel" else {"demangledName": f"work<{step % 3}>(float*)"}
                ran |= {"copyKind": copied} if copied else {}
                tables[kind].append(ran)
            wait = {"globalTid": global_tid(pid + 1, pid), "eventClass": 0}
            number = next(numbers)
            tables["runtime"].append(call(names["sync"], at + 40_000, at + 47_000, number, **wait))
    return tables


RUNTIME_NAMES = {
    "kernel": "cudaLaunchKernel_v7000",
    "memcpy1": "cudaMemcpyAsync_v3020",
    "memcpy2": "cudaMemcpy_v3020",
    "memset": "cudaMemset_v3020",
    "sync": "cudaDeviceSynchronize_v3020",
}
DRIVER_NAMES = {
    "kernel": "cuLaunchKernel",
    "memcpy1": "cuMemcpyHtoDAsync_v2",
    "memcpy2": "cuMemcpyDtoHAsync_v2",
    "memset": "cuMemsetD32Async",
    "sync": "cuStreamSynchronize",
}
GPUS = [{"vmId": 1 << 48, "id": 0, "name": "NVIDIA GeForce RTX 4060 Ti", "cuDevice": 0}]


def _version(product: str, schema: str) -> list[dict[str, str]]:
    return [
        {"name": "EXPORT_PRODUCT_VERSION", "value": product},
        {"name": "EXPORT_SCHEMA_VERSION", "value": schema},
    ]


def nsys_2021(path: Path) -> Path:
    """No version table and no enumerations: copy kinds are numbers alone."""
    return export(path, "2021", **_stream_of_work(RUNTIME_NAMES, 1, (4711,)), TARGET_INFO_GPU=GPUS)


def nsys_2022(path: Path) -> Path:
    """The version under its first name, and two processes whose correlation ids are the same."""
    version = _version("2022.4.2.1", "2.9.1")
    made = _stream_of_work(RUNTIME_NAMES, 2, (4711, 4800))
    made["runtime"].append(call("cudaLaunchKernel_v7000", 900_000, 904_000, 99))  # so that one thread is ahead
    made["kernel"].append(on_gpu(905_000, 907_500, 99, demangledName="work<0>(float*)"))
    return export(path, "2022", **made, TARGET_INFO_GPU=GPUS, EXPORT_META_DATA=version)


def nsys_driver_only(path: Path) -> Path:
    """2023: no call of the runtime at all (OpenMP, OpenACC), and the profiler's own overhead."""
    overhead = [
        {"start": 10_000 * n, "end": 10_000 * n + 2_500, "globalTid": global_tid(4712, 4711), "nameId": "Buffer flush"}
        for n in range(9)
    ]
    version = _version("2023.3.1.92", "3.4.0")
    made = _stream_of_work(DRIVER_NAMES, 1, (4711,))
    return export(path, "2023", **made, PROFILER_OVERHEAD=overhead, TARGET_INFO_GPU=GPUS, META_DATA_EXPORT=version)


def nsys_four_streams(path: Path) -> Path:
    """2026: four streams, push/pop and start/end ranges, CUDA's own work as overhead, new columns."""
    nvtx: list[dict[str, Any]] = [
        {"start": 0, "end": 380_000, "eventType": 60, "textId": "epoch", "globalTid": global_tid(4712, 4711)},
        *(
            {"start": 50_000 * n, "end": 50_000 * n + 45_000, "eventType": 59, "text": "batch"}
            | {"globalTid": global_tid(4712, 4711), "domainId": 0}
            for n in range(8)
        ),
        {"start": 60_000, "end": None, "eventType": 34, "text": "a mark", "globalTid": global_tid(4712, 4711)},
    ]
    loading = [{"start": 100, "end": 900, "globalTid": global_tid(4712, 4711), "nameId": "Lazy Function Loading"}]
    made = _stream_of_work(RUNTIME_NAMES, 4, (4711,))
    version = _version("2026.1.1.204", "3.24.14")
    return export(
        path, "2026", **made, NVTX_EVENTS=nvtx, overhead=loading, TARGET_INFO_GPU=GPUS, META_DATA_EXPORT=version
    )


#: A kind of trace by its file's name.
KINDS: dict[str, Callable[[Path], Path]] = {
    "capital-categories.json": capital_categories,
    "two-streams.json": two_streams,
    "driver-launches.json": driver_launches,
    "rocm.json": rocm,
    "python-stacks.json": python_stacks,
    "touching-moments.json": touching_moments,
    "two-processes.json": two_processes,
    "nsys-2020.sqlite": nsys_2020,
    "nsys-2021.sqlite": nsys_2021,
    "nsys-2022.sqlite": nsys_2022,
    "nsys-driver-only.sqlite": nsys_driver_only,
    "nsys-four-streams.sqlite": nsys_four_streams,
}


def make(name: str, folder: Path) -> Path:
    """Write the trace of that kind into `folder`."""
    return KINDS[name](folder / name)
