"""The process that is recorded in the tests of the light recorder: it does known things, and prints what the recorder made of each."""

import ctypes
import json
import os
import sys
from pathlib import Path

from launchlens.profiling.collectors.light.build import Libraries
from launchlens.profiling.collectors.light.recorder import LightRecorder

folder, interpose = Path(sys.argv[1]), Path(sys.argv[2])
driver = str(folder / "libcuda.so.1").encode()
runtime = ctypes.CDLL(str(folder / "libcudart.so.12"), mode=ctypes.RTLD_GLOBAL)
runtime.fake_runtime_begin(driver)
program = ctypes.CDLL(str(folder / "program.so"))
program.direct.restype = program.by_dlsym.restype = program.by_address.restype = ctypes.c_long
preloaded = os.environ["LD_PRELOAD"]
recorder = LightRecorder(Libraries(interpose, None), ops=False)
said: dict[str, object] = {"sees_calls": recorder.sees_calls, "main_thread": recorder.main_thread}
said["preloaded"], said["preloaded_for_children"] = preloaded, os.environ.get("LD_PRELOAD")


def record(name: str, act: object, *arguments: object) -> None:
    recorder.on()
    result = act(*arguments)  # type: ignore[operator]
    recorder.off()
    events = recorder.take()
    said[name] = {
        "result": result,
        "names": [recorder.names[each] for each in events.what],
        "ticks": [int(end - start) for start, end in zip(events.start, events.end, strict=True)],
        "threads": sorted({int(each) for each in events.thread}),
        "count": len(events.start),
        "dropped": events.dropped,
        "ordered": bool((events.end[1:] >= events.end[:-1]).all()),
    }


status = ctypes.c_int()
record("direct", program.direct)
record("by dlsym", program.by_dlsym, driver)
record("wait", program.by_address, b"cuStreamSynchronize", 12000, None)
record("looks up", program.by_address, b"cuCtxGetCurrent", 12000, None)
record("info of 11.3", program.by_address, b"cuStreamGetCaptureInfo", 11030, None)
record("info of 12", program.by_address, b"cuStreamGetCaptureInfo", 12000, ctypes.byref(status))
said["status"] = status.value
record("no such function", program.by_address, b"cuNothing", 12000, None)
record("another thread", program.on_a_thread, 5)
record("more than a chunk", program.query_often, 100_000)
record("fork", program.in_a_fork, ctypes.CDLL(str(interpose)).light_count)
program.direct()  # while off
off = recorder.take()
said["off"] = len(off.start)
recorder._calls.light_limit(ctypes.c_uint64(1000))
record("full", program.query_often, 1500)
record("after full", program.query_often, 3)
first, last = recorder.clocks(), recorder.clocks()
said["clock_goes_on"] = last[0] > first[0] and last[1] > first[1]
print(json.dumps(said))
