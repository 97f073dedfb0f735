"""Small traces with one fault each: what is concluded of them, against what was written down by hand before any reader saw them."""

from pathlib import Path

import pytest

from launchlens.traces.analysis import Analysis, analyze, as_document
from launchlens.traces.documents.analysis import AnalysisDocument
from launchlens.traces.problems import InputError
from launchlens.traces.source import open_trace

CASES = Path(__file__).parents[1] / "data" / "cases"
BESIDE = Path(__file__).parents[3] / "shared" / "data" / "cases"


def read(name: str, folder: Path = CASES) -> tuple[Analysis, AnalysisDocument, dict[str, int]]:
    found = analyze(open_trace(folder / name))
    document = as_document(found)
    return found, document, {row.code: row.count for row in document.problems}


def cells(document: AnalysisDocument) -> dict[tuple[str, str | None], int]:
    assert document.account is not None
    return {(cell.host, cell.device): cell.ns for cell in document.account.cells}


def test_records_without_a_time_are_left_out_and_the_window_is_of_the_others() -> None:
    _, document, problems = read("k109.json")
    assert document.totals.kernels is not None and document.totals.kernels.count == 10
    assert problems["time-not-taken"] == 5 and document.totals.span_ns < 1_000_000
    # their launches are there: what ran then is not known, and not idle
    assert problems["work-unrecorded"] == 5
    assert sum(ns for (_, device), ns in cells(document).items() if device == "unknown") > 0


def test_one_kernel_over_all_others_of_its_stream_fills_no_gpu() -> None:
    _, document, problems = read("hl1116.json")
    assert problems["over-others-of-its-stream"] == 1
    assert document.totals.gpu_busy_ns == {"0": 490_000}, "49 kernels of 10 µs, and no two seconds"
    (said,) = (row.meaning for row in document.problems if row.code == "over-others-of-its-stream")
    assert "k, 2,000,000,000 ns, 99.98% of the GPU time recorded" in said


def test_a_wait_for_work_that_was_not_recorded_is_no_idle_time() -> None:
    _, document, problems = read("p192021.json")
    assert problems["work-unrecorded"] == 5
    found = cells(document)
    assert found["sync", "unknown"] == 2_000_000 and found["sync", "idle"] == 300_000
    assert document.verdict.bound_by == "unknown"


@pytest.mark.parametrize("name", ["cpuonly.json", "xpu_nogpu.json", "n_diag.sqlite"])
def test_a_gpu_that_was_not_recorded_is_null(name: str) -> None:
    found, document, problems = read(name)
    assert document.totals.kernels is None and document.totals.gpu_busy_ns is None
    assert document.verdict.bound_by == "unknown" and document.advice == []
    if name == "xpu_nogpu.json":
        assert {kind: row.calls for kind, row in document.totals.launches.items() if row.calls} == {
            "kernel": 4,
            "memcpy": 1,
        }
        assert cells(document)["sync", None] == 100_000
        assert found.answers(["latency"]).tables["latency"].frame["calls"].sum() == 5
    if name == "n_diag.sqlite":
        assert problems["recorder-lost-events"] == 1
    assert set(problems) <= {"gpu-not-recorded", "no-gpu-records", "recorder-lost-events"}


def test_one_quote_too_many_costs_one_event() -> None:
    _, document, problems = read("oddquote.json")
    assert problems == {"unreadable-json": 1}
    assert document.totals.kernels is not None
    assert document.totals.kernels.count == 8, "the event with the quote is none of the kernels"
    if not BESIDE.is_dir():
        pytest.skip("what others recorded is not here")
    _, document, problems = read("oddquote_long.json", BESIDE)
    # here it is a launch: its kernel is there, and nothing launched it
    assert problems == {"unreadable-json": 1, "gpu-record-without-launch": 1}
    assert document.totals.kernels is not None and document.totals.kernels.count == 2_000
    assert document.totals.launches["kernel"].with_gpu_activity == 1_999


def test_xla_s_rows_are_work_of_a_device() -> None:
    _, document, problems = read("jax.json")
    assert document.source.recorded_by == "xla" and not problems
    assert document.totals.kernels is not None and document.totals.kernels.count == 4


def test_json_lines_of_nsight_systems_are_told_by_name() -> None:
    with pytest.raises(InputError, match=r"JSON Lines that Nsight Systems exported.*nsys export"):
        open_trace(CASES / "nsyslines.json")
