"""A stand-in for the process of its own that a collector or a probe gets, for tests that are not about processes.

What is asked and answered goes through the files as ever, but `worker` runs in this process, where torch is loaded and
where made-up packages, probes and collectors are known. What is started then is a shell that only ends as the worker did.
"""

from launchlens.profiling import child, worker
from launchlens.profiling.collectors import blocks
from launchlens.profiling.request import write_request


def use(monkeypatch):
    """Run the work of children here, and don't warm up for as long as a new process needs."""

    def command(request, folder):
        status = worker.main(write_request(folder, request))
        return ["/bin/sh", "-c", f"exit {status}"]

    monkeypatch.setattr(child, "command", command)
    monkeypatch.setattr(blocks, "REFERENCE_WARM_UP_S", 0.01)
