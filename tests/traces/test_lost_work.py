"""Kernels that were launched and not recorded: unknown until a wait for them returns; captured ones are not missing at all."""

from typing import Any

import pytest

from events import gpu, host, trace
from launchlens.traces.analysis import analyze


def call(name: str, start: int, end: int, correlation: int | None = None, **more: Any) -> dict[str, Any]:
    return host("api", name, start, end, correlation=correlation, **more)


def of(*rows: dict[str, Any]) -> tuple[dict[str, Any], dict[tuple[str, str], int]]:
    found = analyze(trace(rows))
    assert found.slice is not None
    cells = {(cell.host, str(cell.device)): cell.ns for cell in found.slice.account.rows()}
    return {problem.code: problem for problem in found.problems}, cells


def test_a_wait_for_kernels_that_were_not_recorded_is_no_idle_time() -> None:
    lost = [call("cudaLaunchKernel", 1_000 + 20 * number, 1_004 + 20 * number, number) for number in range(1, 6)]
    seen = [call("cudaLaunchKernel", 3_200 + 20 * number, 3_204 + 20 * number, 60 + number) for number in range(5)]
    work = [gpu("kernel", 3_300 + 400 * number, 3_700 + 400 * number, 60 + number) for number in range(5)]
    problems, cells = of(
        *lost,
        call("cudaDeviceSynchronize", 1_200, 3_180),
        *seen,
        *work,
        call("cudaDeviceSynchronize", 5_300, 5_600),
    )
    assert (problems["work-unrecorded"].count, problems["launch-without-gpu-record"].count) == (5, 5)
    assert cells["sync", "unknown"] == 1_980 and cells["sync", "idle"] == 300
    assert problems["work-unrecorded"].ns == 3_180 - 1_020
    assert problems["work-unrecorded"].severity == "warning"


def test_a_copy_without_a_record_may_have_had_nothing_to_do() -> None:
    problems, cells = of(
        call("cudaMemcpyAsync", 0, 10, 1),
        call("cudaLaunchKernel", 20, 30, 2),
        gpu("kernel", 40, 50, 2),
        call("cudaDeviceSynchronize", 60, 90),
    )
    assert "work-unrecorded" not in problems and not any(device == "unknown" for _, device in cells)
    assert problems["launch-without-gpu-record"].count == 1


CAPTURES = [
    ("cudaStreamBeginCapture", "cudaStreamEndCapture", "cudaLaunchKernel"),
    ("cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuLaunchKernel"),
    ("cudaStreamBeginCaptureToGraph", "cudaStreamEndCapture", "cudaLaunchKernelExC"),
    ("hipStreamBeginCapture", "hipStreamEndCapture", "hipLaunchKernel"),
]


@pytest.mark.parametrize(("begin", "end", "launch"), CAPTURES)
@pytest.mark.parametrize("thread", ["1", "2"])
def test_launches_in_a_capture_are_not_missing(begin, end, launch, thread) -> None:
    problems, cells = of(
        call(launch, 0, 10, 1),
        gpu("kernel", 20, 30, 1),
        call(begin, 100, 110),
        *(call(launch, 200 + 10 * number, 205 + 10 * number, 10 + number, thread=thread) for number in range(4)),
        call("cudaMemcpyAsync", 260, 270, 20),
        call(end, 300, 310),
        call("cudaDeviceSynchronize", 400, 500),
    )
    assert (problems["launches-captured"].count, problems["launches-captured"].severity) == (5, "info")
    assert not {"launch-without-gpu-record", "work-unrecorded"} & set(problems)
    assert not any(device == "unknown" for _, device in cells)


def test_only_what_lies_in_a_capture_of_its_process_and_was_not_run_is_captured() -> None:
    problems, _ = of(
        call("cudaStreamEndCapture", -20, -10),  # of one that began before the recording
        call("cudaLaunchKernel", 0, 10, 1),  # lost before
        call("cudaStreamBeginCapture", 100, 110),
        call("cudaStreamBeginCapture", 111, 115),
        call("cudaStreamEndCapture", 120, 125),
        call("cudaLaunchKernel", 130, 140, 2),  # one of the two captures goes on
        call("cudaLaunchKernel", 150, 160, 3, process="9"),  # another process
        call("cudaLaunchKernel", 170, 180, 4),  # on a stream that is not captured: it ran
        gpu("kernel", 190, 195, 4),
        call("cudaStreamEndCapture", 200, 210),
        call("cudaLaunchKernel", 300, 310, 5),  # lost after
        call("cudaStreamBeginCapture", 400, 410),
        call("cudaLaunchKernel", 420, 430, 6),  # the recording ended in the capture
    )
    assert problems["launch-without-gpu-record"].count == 3
    assert problems["launches-captured"].count == 2
