"""A package `cupti` for another process: every range of the collector makes one copy and one kernel, in made-up time.

What happens besides is told by the environment: LAUNCHLENS_TEST_CUPTI is `works`, `no-library` (it can't be imported), `crash`
(the process is killed at the flush), `crash-with-markers` (the same where NVTX markers were asked for) or `refuses` (CUPTI
does not record kernels).
"""

import shutil
import textwrap
from pathlib import Path

_MODULE = """
import os, signal, threading
mode = os.environ["LAUNCHLENS_TEST_CUPTI"]
if mode == "no-library":
    raise RuntimeError("Failed to dlopen libcupti.so.13 of /home/somebody/lib")
from fake_cupti import *
from fake_cupti import FakeCupti, api, external, kernel, memcpy


class Made(FakeCupti):
    correlation = 0

    def activity_pop_external_correlation_id(self, kind):
        thread, number = threading.get_ident() & 0xFFFFFFFF, self.pushed[-1]
        for work, cbid in ((memcpy, 41), (kernel, 211)):
            self.correlation += 1
            self.clock += 5000
            start, more = self.clock, (() if work is memcpy else ("_Z4copyPiS_",))
            self.records.append(api(cbid, start - 4000, start - 2000, self.correlation, thread=thread))
            self.records.append(external(self.correlation, number))
            self.records.append(work(*more, start - 1500, start - 500, self.correlation))
        return number

    def activity_flush_all(self, flag):
        if mode == "crash" or (mode == "crash-with-markers" and ActivityKind.MARKER in self.enabled):
            os.kill(os.getpid(), signal.SIGKILL)
        super().activity_flush_all(flag)


_made = Made(refuses={"CONCURRENT_KERNEL"} if mode == "refuses" else ())
globals().update({name: getattr(_made, name) for name in dir(_made) if not name.startswith("_")})
"""


def put(folder: Path) -> Path:
    """Make the package below `folder`; return what has to be on PYTHONPATH for it."""
    package = folder / "cupti-python" / "cupti"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "cupti.py").write_text(textwrap.dedent(_MODULE))
    shutil.copy(Path(__file__).with_name("fake_cupti.py"), package.parent / "fake_cupti.py")
    return package.parent


def put_torch(folder: Path) -> Path:
    """Make a torch that knows no CUDA below `folder`, for a process that asks it for nothing else; return what has to be on PYTHONPATH."""
    place = folder / "no-cuda"
    place.mkdir()
    (place / "torch.py").write_text("class cuda:\n    is_available = staticmethod(lambda: False)\n")
    return place
