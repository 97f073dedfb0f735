"""Kernel tables of Holistic Trace Analysis (HTA) against ours, name by name.

    python benchmarks/kernels_of_hta.py --python HTA_PYTHON TRACE...

HTA_PYTHON is the interpreter of an environment with `pip install HolisticTraceAnalysis`. HTA cuts every time to whole microseconds (a start
up, an end down), and drops GPU work whose launch is not in the trace. So ours is summed from the same rows, cut alike, and then each name's
GPU time must be the same. What the tables hold uncut is said beside.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

from launchlens.traces.joined import join
from launchlens.traces.source import open_trace

#: Reads one trace as rank 0 and prints GPU time, µs, by the name of a kernel or copy. Its last step is dropped unless one asks for it.
_HTA = """
import gzip, json, sys, tempfile, logging, warnings
warnings.simplefilter("ignore"); logging.disable(logging.CRITICAL)
from hta.trace_analysis import TraceAnalysis
raw = open(sys.argv[1], "rb").read()
trace = json.loads(gzip.decompress(raw) if raw[:2] == b"\\x1f\\x8b" else raw)
trace["distributedInfo"] = {**(trace.get("distributedInfo") or {}), "rank": 0}
with tempfile.TemporaryDirectory() as folder:
    path = folder + "/rank0.json"
    json.dump(trace, open(path, "w"))
    found = TraceAnalysis(trace_files={0: path}, trace_dir=folder, include_last_profiler_step=True)
    _, rows = found.get_gpu_kernel_breakdown(visualize=False, num_kernels=10**6, duration_ratio=2.0)
print(json.dumps(dict(zip(rows["name"], rows["sum (us)"]))))
"""


def hta(python: str, trace: Path) -> dict[str, float]:
    """GPU time by name as HTA has it, µs."""
    done = subprocess.run([python, "-c", _HTA, str(trace)], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def ours(trace: Path) -> tuple[dict[str, int], int, int]:
    """The same of the kernels whose launch is in the trace, cut as HTA cuts it; how many kernels are left out for that; and what all
    kernels take uncut, ns."""
    joined = join(open_trace(trace))
    kernels = joined.events[joined.events["kind"] == "kernel"]
    launched = kernels[kernels.index.isin(joined.launches.joined_rows)]
    start = launched["start_ns"]
    cut = (start + launched["dur_ns"]) // 1000 + -start // 1000
    by_name = cut.groupby(launched["name"].astype(str)).sum()
    return (
        {str(name): int(us) for name, us in by_name.items()},
        len(kernels) - len(launched),
        int(kernels["dur_ns"].sum()),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", required=True)
    parser.add_argument("trace", nargs="+", type=Path)
    asked = parser.parse_args()
    same = names = 0
    print("| trace | names | equal | of others | kernels without a launch | ours, uncut | HTA |")
    print("| --- | ---: | ---: | --- | ---: | ---: | ---: |")
    for trace in asked.trace:
        theirs, (mine, without, whole) = hta(asked.python, trace), ours(trace)
        differ = [
            f"`{name[:40]}` {us} µs, HTA {theirs.get(name)}" for name, us in mine.items() if theirs.get(name) != us
        ]
        total = sum(us for name, us in theirs.items() if name in mine)
        equal = len(mine) - len(differ)
        print(
            f"| {trace.parent.name}/{trace.name} | {len(mine)} | {equal} | {'; '.join(differ)} | {without} "
            f"| {whole / 1e6:.3f} ms | {total / 1e3:.3f} ms |",
            flush=True,
        )
        same, names = same + equal, names + len(mine)
    print(f"\n{same} of {names} names")


if __name__ == "__main__":
    main()
