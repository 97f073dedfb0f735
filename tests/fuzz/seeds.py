"""What is mutated: a small input of each kind that launchlens reads, made anew. `KINDS` names them."""

import gzip
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

TESTS = Path(__file__).parents[1]
if str(TESTS) not in sys.path:
    sys.path.append(str(TESTS))

from traces.made_nsys import as_parquet, call, export, global_pid, global_tid, on_gpu

import made_cupti
import made_probes
from launchlens.traces.captures.probes import write_probes
from launchlens.traces.readers.light.schema import FORMAT, SCHEMA
from made_capture import make_capture, make_trace
from traces import made_kinds


def kineto(folder: Path) -> list[Path]:
    """Kineto traces of several producers, and a part of one of a capture."""
    names = ("capital_categories", "two_streams", "driver_launches", "rocm", "python_stacks", "touching_moments")
    made = [getattr(made_kinds, name)(folder / f"{name}.json") for name in (*names, "two_processes")]
    packed, whole = folder / "capture.json.gz", folder / "capture.json"
    make_trace(packed, "eager", ["copy_", "foreach"])
    document = json.loads(gzip.decompress(packed.read_bytes()))
    document["traceEvents"] = document["traceEvents"][:90]
    whole.write_text(json.dumps(document))
    packed.unlink()
    return [*made, whole]


def nsys(folder: Path) -> list[Path]:
    """An export of Nsight Systems as sqlite."""
    thread = global_tid()
    return [
        export(
            folder / "report.sqlite",
            "2026",
            runtime=[
                call("cudaLaunchKernel_v7000", 100, 140, 1),
                call("cudaMemcpyAsync_v3020", 200, 260, 2),
                call("cudaGraphLaunch_v10000", 300, 330, 3),
                call("cudaStreamSynchronize_v3020", 340, 900, 4),
            ],
            kernel=[
                on_gpu(160, 400, 1, shortName="add", demangledName="add(int*)", mangledName="_Z3addPi"),
                on_gpu(500, 560, 3, shortName="copy", demangledName="copy(int*)", mangledName="_Z4copyPi"),
            ],
            memcpy=[on_gpu(410, 450, 2, bytes=4096, copyKind=8)],
            NVTX_EVENTS=[
                {"start": 90, "end": 290, "eventType": 59, "text": "step", "globalTid": thread},
                {"start": 295, "end": 950, "eventType": 60, "rangeId": 4, "text": "by id", "globalTid": thread},
            ],
            TARGET_INFO_GPU=[{"vmId": global_pid() >> 24, "id": 0, "name": "Made-up GPU", "cuDevice": 0}],
        )
    ]


def nsys_tables(folder: Path) -> list[Path]:
    """The same export as a folder of parquet tables."""
    return [as_parquet(nsys(folder)[0], folder / "report_parquetdir")]


def cupti(folder: Path) -> list[Path]:
    """A recording of CUPTI."""
    rows = [
        made_cupti.named("variant:copy_", 0, 9000),
        made_cupti.call("cudaMemcpyAsync", 1000, 2000, 1),
        made_cupti.call("cudaLaunchKernel", 2500, 3000, 2),
        made_cupti.call("cudaStreamSynchronize", 4000, 8000, 3),
        made_cupti.on_gpu("memcpy", 2100, 2900, 1),
        made_cupti.on_gpu("kernel", 3100, 5000, 2, name="add"),
    ]
    return [made_cupti.recording(folder / "recording.parquet", rows)]


def light(folder: Path) -> list[Path]:
    """Events of the light recorder."""
    rows = {
        "start_ns": [0, 1000, 2000, 6000],
        "dur_ns": [10_000, 4000, 1500, 1000],
        "kind": ["range", "op", "call", "call"],
        "name": ["variant:copy_", "aten::copy_", "cudaMemcpyAsync", "cuStreamSynchronize"],
        "thread": [7, 7, 7, 7],
    }
    said = {"format": FORMAT, "clock": "tsc", "dropped": "0"}
    path = folder / "eager.parquet"
    pq.write_table(pa.Table.from_pydict(rows, schema=SCHEMA.with_metadata(said)), path)
    return [path]


def capture(folder: Path) -> list[Path]:
    """A capture with a trace of each regime, and probes."""
    made = make_capture(folder / "capture")
    write_probes(made, made_probes.ALL)
    return [made]


@dataclass(frozen=True)
class Kind:
    """A kind of input: what makes some, how often it is tried beside the others, and whether it is a capture."""

    make: Callable[[Path], list[Path]]
    weight: int
    is_capture: bool = False


#: A capture is worked out ten times as long as a trace, and a trace with a GPU twice as long as one without.
KINDS = {
    "kineto": Kind(kineto, 24),
    "nsys": Kind(nsys, 15),
    "nsys_tables": Kind(nsys_tables, 6),
    "cupti": Kind(cupti, 27),
    "light": Kind(light, 27),
    "capture": Kind(capture, 1, is_capture=True),
}
