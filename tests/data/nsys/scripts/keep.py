"""Turn what record.sh packed into what ships: each export scrubbed, and of NVIDIA's reports those that tests compare.

python tests/data/nsys/scripts/keep.py FOLDER      (record.sh's pack, unpacked; launchlens must be importable)
"""

import shutil
import sys
from pathlib import Path

from launchlens.traces.scrub.scrub import scrub

HERE = Path(__file__).parents[1]
REPORTS = (
    "nvtx_gpu_proj_sum", "nvtx_gpu_proj_trace", "nvtx_pushpop_sum", "nvtx_sum", "cuda_kern_exec_sum",
    "cuda_kern_exec_trace", "cuda_gpu_sum", "cuda_gpu_mem_time_sum", "cuda_gpu_mem_size_sum", "cuda_api_sum",
)  # fmt: skip

for source in sorted(Path(sys.argv[1]).glob("*/trace.sqlite")):
    kept = HERE / source.parent.name
    kept.mkdir(exist_ok=True)
    done = scrub(source, kept / "trace.sqlite", force=True)
    print(source.parent.name, f"{source.stat().st_size:,} -> {done.output.stat().st_size:,} bytes", done.removed)
    for name in REPORTS:
        report = source.with_name(f"stats_{name}.csv")
        if report.is_file():
            shutil.copyfile(report, kept / report.name)
