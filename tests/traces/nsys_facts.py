"""What is true of four Nsight Systems exports that others published, derived without launchlens.

By plain SQL through sqlite3 and loops over the fetched rows; P below is `/ 16777216 % 16777216`.

version, devices   META_DATA_EXPORT's product and schema version; TARGET_INFO_GPU.name by id
process, thread    the only globalTid P and globalTid % 16777216 among RUNTIME rows; GPU rows: the only globalPid P
api                RUNTIME joined with StringIds on nameId: name -> (count(*), sum(end - start))
kernels            KERNEL: count(*), sum(end - start); busy_ns per deviceId by merging sorted (start, end) in a loop
kernel_names       KERNEL joined with StringIds on demangledName: count(*) by name
gpu_busy_ns        the same loop over KERNEL, MEMCPY and MEMSET together
memcpy             MEMCPY by copyKind (1 HtoD, 2 DtoH; no others occur): count(*), sum(bytes), sum(end - start)
memset             the same of MEMSET; None where the export has no such table
launches           distinct (P, correlationId) of RUNTIME rows with `Launch`, `GraphLaunch`, `Memcpy`, `Memset` in the
                   name; with_gpu_activity: those also found among (globalPid P, correlationId) of the GPU tables
gpu_activities_without_launch   GPU rows whose (P, correlationId) no RUNTIME row has
queued             GPU rows that start at or after the end of their call (so many have a queue time)
profiler_overhead  PROFILER_OVERHEAD: (count(*), sum(end - start)); cuda_own_overhead: CUPTI_ACTIVITY_KIND_OVERHEAD, all
                   of it module and function loading
first_..., last_...  min(start) and max(end) over RUNTIME and the GPU tables (not the profiler's overhead)

In none of the four: NVTX ranges, graphs, correlation id 0, one id on two API rows or on two GPU rows, several processes,
GPU work that starts before its call, kernels that overlap.
"""

from typing import Any

FACTS: dict[str, dict[str, Any]] = {
    "dev-nsys-2023.3-openmp.sqlite": {
        "version": "2023.3.1.92 (schema 3.4.0)",
        "devices": {0: "Tesla T4"},
        "bytes": 684032,
        "process": "21367",
        "thread": "21367",
        "api": {
            "cuCtxSetCurrent": (4, 2118),
            "cuInit": (1, 2464),
            "cuLaunchKernel": (50, 437606),
            "cuMemAllocHost_v2": (1, 964172),
            "cuMemAllocManaged": (1, 20294551),
            "cuMemAlloc_v2": (4, 3029041),
            "cuMemcpyDtoHAsync_v2": (1, 105822529),
            "cuMemcpyHtoDAsync_v2": (2, 233409348),
            "cuModuleLoadDataEx": (1, 175577),
            "cuStreamSynchronize": (102, 1065452157),
        },
        "kernels": {"count": 50, "total_ns": 1064111711, "busy_ns": {"0": 1064111711}},
        "kernel_names": {"nvkernel_solve_F1L210_2": 50},
        "gpu_busy_ns": {"0": 1402086887},
        "memcpy": {
            "HtoD": {"count": 2, "bytes": 1024000000, "total_ns": 232424406},
            "DtoH": {"count": 1, "bytes": 512000000, "total_ns": 105550770},
        },
        "memset": None,
        "launches": {
            "kernel": {"calls": 50, "with_gpu_activity": 50, "without_gpu_activity": 0},
            "graph": {"calls": 0, "with_gpu_activity": 0, "without_gpu_activity": 0},
            "memcpy": {"calls": 3, "with_gpu_activity": 3, "without_gpu_activity": 0},
            "memset": {"calls": 0, "with_gpu_activity": 0, "without_gpu_activity": 0},
        },
        "gpu_activities_without_launch": {"kernel": 0, "memcpy": 0, "memset": 0},
        "queued": 47,
        "gpu_start_before_launch": 0,
        "profiler_overhead": (17, 427232292),
        "cuda_own_overhead": (0, 0),
        "first_api_or_gpu_ns": 2829302813,
        "last_api_or_gpu_ns": 4259778042,
    },
    "dev-nsys-2024.6.sqlite": {
        "version": "2024.6.2.0 (schema 3.16.1)",
        "devices": {0: "NVIDIA GeForce RTX 3050 Laptop GPU"},
        "bytes": 753664,
        "process": "87073",
        "thread": "87073",
        "api": {
            "cuModuleGetLoadingMode": (1, 1884),
            "cudaDeviceSynchronize_v3020": (4, 15379720),
            "cudaEventCreate_v3020": (2, 17133),
            "cudaEventDestroy_v3020": (2, 1943),
            "cudaEventRecord_v3020": (20, 107445),
            "cudaEventSynchronize_v3020": (10, 147439383),
            "cudaFree_v3020": (12, 60327),
            "cudaLaunchKernel_v7000": (22, 8800982),
            "cudaMalloc_v3020": (19, 366458),
            "cudaMemcpy_v3020": (19, 1010726),
        },
        "kernels": {"count": 22, "total_ns": 161902340, "busy_ns": {"0": 161902340}},
        "kernel_names": {"fit_lines(Data *, int)": 11, "seed_lines(Data *, int)": 11},
        "gpu_busy_ns": {"0": 162174314},
        "memcpy": {
            "HtoD": {"count": 15, "bytes": 1378456, "total_ns": 256934},
            "DtoH": {"count": 4, "bytes": 32000, "total_ns": 15040},
        },
        "memset": None,
        "launches": {
            "kernel": {"calls": 22, "with_gpu_activity": 22, "without_gpu_activity": 0},
            "graph": {"calls": 0, "with_gpu_activity": 0, "without_gpu_activity": 0},
            "memcpy": {"calls": 19, "with_gpu_activity": 19, "without_gpu_activity": 0},
            "memset": {"calls": 0, "with_gpu_activity": 0, "without_gpu_activity": 0},
        },
        "gpu_activities_without_launch": {"kernel": 0, "memcpy": 0, "memset": 0},
        "queued": 37,
        "gpu_start_before_launch": 0,
        "profiler_overhead": (24, 399925388),
        "cuda_own_overhead": (0, 0),
        "first_api_or_gpu_ns": 396438816,
        "last_api_or_gpu_ns": 994645712,
    },
    "dev-nsys-2026.1-4streams.sqlite": {
        "version": "2026.1.1.204 (schema 3.24.14)",
        "devices": {0: "NVIDIA GeForce RTX 4060 Ti"},
        "bytes": 577536,
        "process": "17068",
        "thread": "17068",
        "api": {
            "cuModuleGetLoadingMode": (1, 642),
            "cudaEventCreate_v3020": (2, 2065),
            "cudaEventDestroy_v3020": (2, 6067),
            "cudaEventRecord_v3020": (2, 470670),
            "cudaEventSynchronize_v3020": (1, 77010743),
            "cudaFreeHost_v3020": (3, 138979108),
            "cudaFree_v3020": (3, 6049511),
            "cudaHostAlloc_v3020": (3, 701940381),
            "cudaLaunchKernel_v7000": (4, 41287092),
            "cudaMalloc_v3020": (3, 8575443),
            "cudaMemcpyAsync_v3020": (12, 165078),
            "cudaStreamCreate_v3020": (4, 663727),
            "cudaStreamDestroy_v5050": (4, 8287),
        },
        "kernels": {"count": 4, "total_ns": 536542, "busy_ns": {"0": 536542}},
        "kernel_names": {"add_parallel(const float *, const float *, float *, int)": 4},
        "gpu_busy_ns": {"0": 92182721},
        "memcpy": {
            "HtoD": {"count": 8, "bytes": 800000000, "total_ns": 61322687},
            "DtoH": {"count": 4, "bytes": 400000000, "total_ns": 30323492},
        },
        "memset": None,
        "launches": {
            "kernel": {"calls": 4, "with_gpu_activity": 4, "without_gpu_activity": 0},
            "graph": {"calls": 0, "with_gpu_activity": 0, "without_gpu_activity": 0},
            "memcpy": {"calls": 12, "with_gpu_activity": 12, "without_gpu_activity": 0},
            "memset": {"calls": 0, "with_gpu_activity": 0, "without_gpu_activity": 0},
        },
        "gpu_activities_without_launch": {"kernel": 0, "memcpy": 0, "memset": 0},
        "queued": 16,
        "gpu_start_before_launch": 0,
        "profiler_overhead": (35, 303211209),
        "cuda_own_overhead": (3, 32554194),
        "first_api_or_gpu_ns": 575249585,
        "last_api_or_gpu_ns": 1675978088,
    },
    "dev-nsys-nometa-2021.sqlite": {
        "version": None,
        "devices": {0: "Quadro RTX 6000"},
        "bytes": 450560,
        "process": "2142",
        "thread": "2142",
        "api": {
            "cudaDeviceSynchronize_v3020": (9, 156822),
            "cudaEventCreate_v3020": (12, 31765),
            "cudaEventRecord_v3020": (12, 79982),
            "cudaEventSynchronize_v3020": (6, 8414085),
            "cudaLaunchKernel_v7000": (12, 231922),
            "cudaMemcpy_v3020": (48, 1062599),
            "cudaMemset_v3020": (12, 4908037),
        },
        "kernels": {"count": 12, "total_ns": 8544420, "busy_ns": {"0": 8544420}},
        "kernel_names": {
            "void build_GPU2<128, 4>(int*, int*, int*, int, int, int, int*, int*, int, int*, int, int, int, short*)": 9,
            "void probe_group_by_GPU2<128, 4>(int*, int*, int*, int*, int*, int*, int*, int*, int*, int*, int*, int*, int*, int*, int*, int*, int, int, int*, int, int*, int, int*, int, int*, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int*, int, short*)": 3,
        },
        "gpu_busy_ns": {"0": 8680380},
        "memcpy": {
            "HtoD": {"count": 45, "bytes": 126162, "total_ns": 45694},
            "DtoH": {"count": 3, "bytes": 504000, "total_ns": 42301},
        },
        "memset": {"count": 12, "bytes": 21651120, "total_ns": 47965},
        "launches": {
            "kernel": {"calls": 12, "with_gpu_activity": 12, "without_gpu_activity": 0},
            "graph": {"calls": 0, "with_gpu_activity": 0, "without_gpu_activity": 0},
            "memcpy": {"calls": 48, "with_gpu_activity": 48, "without_gpu_activity": 0},
            "memset": {"calls": 12, "with_gpu_activity": 12, "without_gpu_activity": 0},
        },
        "gpu_activities_without_launch": {"kernel": 0, "memcpy": 0, "memset": 0},
        "queued": 56,
        "gpu_start_before_launch": 0,
        "profiler_overhead": (0, 0),
        "cuda_own_overhead": (0, 0),
        "first_api_or_gpu_ns": 2043087468,
        "last_api_or_gpu_ns": 2062929189,
    },
}
