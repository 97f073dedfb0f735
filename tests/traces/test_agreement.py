"""Other recorders of the made-up capture: the Nsight Systems side says what the Kineto side says, then a little else."""

import json
from dataclasses import replace

import pytest
from same_bytes import worked_out_once
from traces.made_nsys import call, export, global_tid, on_gpu
from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.traces.captures.block_order import block_order
from launchlens.traces.captures.capture import TraceRecord, read_capture, write_manifest
from launchlens.traces.studies.agreement import METRICS
from launchlens.traces.studies.document import agreement_rows
from launchlens.traces.studies.study import study
from launchlens.traces.tables.agreements import agreement as table
from launchlens.traces.thresholds import THRESHOLDS
from made_capture import ITERATIONS, ROUNDS, WALL, TraceMaker, make_capture
from made_cupti import call as cupti_call
from made_cupti import named, recording
from made_cupti import on_gpu as cupti_on_gpu


@pytest.fixture(scope="module", autouse=True)
def most_recordings_are_the_same():
    """What differs is mostly one recording: the others are those of the same made-up capture."""
    with worked_out_once():
        yield


def as_nsys(path, maker, *, gpu=1.0, api=1.0, without=None):
    """The events of a TraceMaker as an export; GPU and API durations scaled, kernels that `without` names left out."""
    tables = {"runtime": [], "kernel": [], "memcpy": [], "NVTX_EVENTS": []}
    for event in maker.events:
        start = round(event["ts"] * 1000)
        length, name, number = round(event["dur"] * 1000), event["name"], event["args"].get("correlation")
        if event["cat"] == "user_annotation":
            row = {"start": start, "end": start + length, "eventType": 59, "text": name, "globalTid": global_tid()}
            tables["NVTX_EVENTS"].append(row)
        elif event["cat"] in ("cuda_runtime", "cuda_driver"):
            tables["runtime"].append(call(name, start, start + round(length * api), number))
        elif event["cat"] == "gpu_memcpy":
            tables["memcpy"].append(on_gpu(start, start + round(length * gpu), number, copyKind=8, bytes=4096))
        elif event["cat"] == "kernel" and name != without:
            tables["kernel"].append(on_gpu(start, start + round(length * gpu), number, demangledName=name))
    return export(path, "2026", **{name: rows for name, rows in tables.items() if rows})


def as_cupti(path, maker, *, gpu=1.0, channel="compute"):
    """The events of a TraceMaker as CUPTI's recording; GPU durations scaled, and so much queued before they start."""
    rows, number = [], 0
    for event in maker.events:
        start = round(event["ts"] * 1000)
        length, name, correlation = round(event["dur"] * 1000), event["name"], event["args"].get("correlation")
        if event["cat"] == "user_annotation":
            number += 1
            rows.append(named(name, start, start + length, number))
        elif event["cat"] in ("cuda_runtime", "cuda_driver"):
            rows.append(cupti_call(name, start, start + length, correlation, external=number + 1))
        elif event["cat"] == "gpu_memcpy":
            rows.append(cupti_on_gpu("memcpy", start, start + round(length * gpu), correlation, channel=channel))
        elif event["cat"] == "kernel":
            times = {"queued_ns": start - 500, "submitted_ns": start - 200}
            rows.append(cupti_on_gpu("kernel", start, start + round(length * gpu), correlation, name=name, **times))
    return recording(path, rows)


@pytest.fixture
def capture(tmp_path):
    """A function that adds an Nsight Systems recording of the eager regime to the made-up capture."""

    def make(rounds=6, cupti=None, **changed):
        folder = make_capture(tmp_path / "capture")
        maker = TraceMaker()
        names = list(WALL["eager"])
        for number in range(rounds):
            for variant in (names[index] for index in block_order(len(names), number)):
                maker.block(f"variant:{variant}", variant, "eager", ITERATIONS)
        (folder / "nsys").mkdir()
        as_nsys(folder / "nsys" / "eager.sqlite", maker, **changed)
        manifest = read_capture(folder).manifest
        records = [TraceRecord("nsys", "eager", "nsys/eager.sqlite", rounds, ITERATIONS)]
        if cupti is not None:
            (folder / "cupti").mkdir()
            as_cupti(folder / "cupti" / "eager.parquet", maker, **cupti)
            records.append(TraceRecord("cupti", "eager", "cupti/eager.parquet", rounds, ITERATIONS))
        write_manifest(folder, replace(manifest, traces=[*records, *manifest.traces]))
        return folder

    return make


def rows_of(folder, variant="copy_"):
    rows = study(read_capture(folder)).agreement
    return {row.metric.code: row for row in rows if row.variant == variant}


def test_recorders_that_saw_the_same_agree(capture):
    folder = capture()
    found = study(read_capture(folder))
    rows = found.agreement
    assert len(rows) == len(METRICS) * len(WALL["eager"]), "only the regime that both recorded"
    # the Kineto trace knows ops that Nsight's does not, and the account is its own, though it stands second
    assert found.sides["copy_", "eager"].recording.trace.startswith("torch/")
    of = rows_of(folder)
    assert [(name, value.value) for name, value in of["launches"].values.items()] == [("torch", 7), ("nsys", 7)]
    assert of["activities"].values["nsys"].value == 7 and of["gpu_ns"].values["nsys"].value == 750
    assert of["api_ns"].values["nsys"].value == 2500
    assert of["queue_ns"].values["nsys"].value == of["queue_ns"].values["torch"].value
    # 4 windows of 5 iterations of 7 ops of 4500, after 2000; the tail waits for the GPU
    assert of["inflation"].values["nsys"].value == pytest.approx(of["inflation"].values["torch"].value)
    assert all(row.verdict == "agree" and row.apart == 0 and not row.amiss for row in rows)


def test_gpu_time_may_differ_by_a_little_only(capture):
    row = rows_of(capture(gpu=1 + THRESHOLDS.gpu_time_tolerance / 2))["gpu_ns"]
    assert row.verdict == "agree" and row.apart == pytest.approx(THRESHOLDS.gpu_time_tolerance / 2, rel=0.1)


def test_gpu_time_beyond_the_tolerance_and_the_spread_is_amiss(capture):
    row = rows_of(capture(gpu=1.05))["gpu_ns"]
    assert row.amiss and row.apart == pytest.approx(0.05, rel=0.1)


@pytest.mark.parametrize(
    ("variant", "length", "seen", "amiss"),
    [
        ("copy_", 750, 750 + THRESHOLDS.gpu_clock_step_ns, False),  # 4.3 %, and one step of the clock
        ("copy_", 750, 750 + THRESHOLDS.gpu_clock_step_ns + 1, True),
        ("copy_", 750, 750 - THRESHOLDS.gpu_clock_step_ns, False),
        ("copy_", 750, 750 - THRESHOLDS.gpu_clock_step_ns - 1, True),
        ("foreach", 1400, 1400 + 42, False),  # more than a step, and 3 %
        ("foreach", 1400, 1400 + 43, True),
    ],
)
def test_a_step_of_the_clock_or_a_few_per_cent_are_allowed_and_no_more(capture, variant, length, seen, amiss):
    row = rows_of(capture(gpu=seen / length), variant)["gpu_ns"]
    assert row.values["nsys"].value == seen and row.amiss is amiss


def test_three_recorders_are_compared_with_the_one_whose_account_is_shown(capture):
    folder = capture(cupti={})
    found = study(read_capture(folder))
    assert {name for name, *_ in found.recordings} == {"torch", "nsys", "cupti"} and not any(
        len(problems) for path, problems in found.problems.items() if path.startswith("cupti")
    )
    rows = found.agreement
    eager = [row for row in rows if row.regime == "eager"]
    assert all(list(row.values) == ["torch", "nsys", "cupti"] for row in eager)
    assert not [row for row in eager if row.verdict == "differ"]
    shown = table(found)
    headings = [column.heading for column in shown.columns if not column.hint]
    assert headings == ["variant", "regime", "figure", "torch", "nsys", "cupti", "apart", "verdict"]
    assert len(shown) == len(METRICS) * len(WALL["eager"])


def test_the_one_that_differs_is_amiss_though_the_others_agree(capture):
    row = rows_of(capture(cupti={"gpu": 1.1}))["gpu_ns"]
    assert row.amiss and row.apart == pytest.approx(0.1)
    assert [round(value.value) for value in row.values.values()] == [750, 750, 825]


def test_a_report_of_three_links_the_recording_and_names_no_way_that_does_not_work(capture):
    folder = capture(cupti={})
    result = CliRunner().invoke(app, ["report", str(folder)])
    assert result.exit_code == 0 and "Recorders compared" in result.stdout
    assert "variant regime figure torch nsys cupti apart verdict" in " ".join(result.stdout.split())
    page = (folder / "report.html").read_text()
    assert "cupti/eager.parquet" in page and "launchlens open cupti/" not in page
    assert "launchlens export cupti/eager.parquet --perfetto -o eager.pftrace" in page
    exported = CliRunner().invoke(app, ["export", str(folder), "--perfetto", "-o", str(folder / "x.pftrace"), "--json"])
    assert exported.exit_code == 0 and "cupti/eager.parquet" in json.loads(exported.stdout)["problems"]


def test_a_capture_of_cupti_alone_tells_the_channel_of_its_copies(capture):
    folder = capture(cupti={})
    manifest = read_capture(folder).manifest
    alone = [record for record in manifest.traces if record.collector == "cupti"]
    write_manifest(folder, replace(manifest, traces=alone))
    document = json.loads(CliRunner().invoke(app, ["report", str(folder), "--json"]).stdout)
    side = next(side for side in document["sides"] if (side["variant"], side["regime"]) == ("copy_", "eager"))
    assert [(row["activity"], row["channel"]) for row in side["launch_ledger"]] == [("memcpy DtoD", "compute")]
    page = (folder / "report.html").read_text()
    assert '<th scope="col">channel</th>' in page and "<td>memcpy DtoD</td><td>compute</td>" in page


def test_an_analysis_tells_how_long_kernels_were_queued_and_nothing_where_it_is_not_told(capture):
    folder = capture(cupti={"channel": "async-memcpy"})

    def costs(path):
        answer = CliRunner().invoke(app, ["analyze", str(folder / path), "--json"])
        return {row["activity"]: row for row in json.loads(answer.stdout)["launch_cost"] if row["activity"] is not None}

    of_cupti = costs("cupti/eager.parquet")
    assert (
        of_cupti["kernel"]["queued_to_start_ns"]["median"] == 500
        and of_cupti["memcpy DtoD"]["channel"] == "async-memcpy"
    )
    assert "queued_to_start_ns" not in of_cupti["memcpy DtoD"]
    for path in ("nsys/eager.sqlite", "torch/eager.pt.trace.json.gz"):
        assert not {"queued_to_start_ns", "channel"} & set().union(*costs(path).values())


def test_a_lost_activity_is_amiss(capture):
    folder = capture(without="copy_one")
    rows = rows_of(folder, "triton-per-tensor")
    assert rows["activities"].amiss and not rows["launches"].amiss
    assert {name: value.value for name, value in rows["activities"].values.items()} == {"nsys": 0, "torch": 7}
    assert rows["activities"].apart == 1
    assert "gpu_ns" not in rows, "one recorder has none to compare"
    assert not rows_of(folder)["activities"].amiss


def test_what_a_recorder_costs_the_host_may_differ(capture):
    row = rows_of(capture(api=0.8))["api_ns"]
    assert row.verdict == "differ" and not row.amiss and row.apart == pytest.approx(0.2), "2000 against 2500"


def test_one_recorder_has_nothing_to_agree_with(tmp_path):
    found = study(read_capture(make_capture(tmp_path / "capture")))
    assert found.agreement == [] and set(found.recordings) == {
        ("torch", variant, regime) for regime in WALL for variant in WALL[regime]
    }


def test_the_blocks_of_a_recording_by_hand(tmp_path):
    blocks = study(read_capture(make_capture(tmp_path / "capture"))).sides["copy_", "eager"].recording.per_block
    assert len(blocks) == ROUNDS
    assert blocks.iloc[0].to_dict() == {
        "launches": 35, "activities": 35, "gpu_projection_ns": 153_750, "api_ns": 2500.0, "queue_ns": 1000.0, "gpu_ns": 750.0,
    }  # fmt: skip


def test_reports_hold_the_agreement(capture, tmp_path):
    folder = capture(gpu=1.05)
    result = CliRunner().invoke(app, ["report", str(folder)])
    said = " ".join(result.stdout.split())
    assert result.exit_code == 0 and "variant regime figure torch nsys apart verdict" in said
    assert "copy_ eager GPU time of one activity, median 0.750 µs 0.788 µs 5.1 % amiss" in said
    assert said.count("amiss") == 4 and "must agree, and 4 of them do not" in said
    page = (folder / "report.html").read_text()
    assert "How far the recorders agree" in page and "must agree, and 4 of them do not" in page
    assert page.count('<span class="code amiss">amiss</span>') == 4
    document = json.loads(CliRunner().invoke(app, ["report", str(folder), "--json"]).stdout)
    row = next(row for row in document["agreement"] if (row["variant"], row["metric"]) == ("copy_", "gpu_ns"))
    assert row["must_agree"] and row["verdict"] == "differ" and set(row["values"]) == {"torch", "nsys"}
    found = study(read_capture(folder))
    assert len(agreement_rows(found.agreement)) == len(found.agreement) == len(table(found))


def test_a_record_without_a_trace_is_passed_over(capture):
    folder = capture()
    manifest = read_capture(folder).manifest
    failed = TraceRecord("nsys", "graph", "", 0, 0, "nsys made no report: said why")
    write_manifest(folder, replace(manifest, traces=[*manifest.traces, failed]))
    assert ("nsys", "copy_", "graph") not in study(read_capture(folder)).recordings
    result = CliRunner().invoke(app, ["report", str(folder)])
    assert result.exit_code == 0
    assert "Not recorded with nsys (graph): nsys made no report: said why" in (folder / "report.html").read_text()
    exported = CliRunner().invoke(app, ["export", str(folder), "--perfetto", "-o", str(folder / "x.pftrace")])
    assert exported.exit_code == 0, exported.output
