"""`check`: exit codes by where the interval lies, what it rests on, and the workflow of docs/ci.md."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import numpy as np
import pytest
from read_once import read_once
from typer.testing import CliRunner, Result

from launchlens.cli import app
from launchlens.traces.captures.capture import TraceRecord, read_capture, write_timings
from launchlens.traces.checks.decide import REASONS, Measurement, decided, outcome_of
from launchlens.traces.checks.limits import Limit, fits, names_that_fit, read_limits, share
from launchlens.traces.documents.check import CheckDocument
from launchlens.traces.joined import JoinedTrace, join
from launchlens.traces.problems import InputError, Problems
from launchlens.traces.statistics import Estimate
from launchlens.traces.studies import study as study_module
from launchlens.traces.studies.recording import Recording, recordings
from launchlens.traces.trace import Trace
from made_capture import make_capture, one_after_the_other

ROOT = Path(__file__).parents[1]
#: Made captures are this many times as slow as the first of them: three of a base, three as fast, three slower, and one that contradicts itself.
PACES = {"base": (1.0, 1.01, 0.99), "same": (1.005, 0.995, 1.0), "slow": (1.15, 1.16, 1.14), "wide": (0.8, 1.1, 1.4)}


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("captures")
    made = make_capture(folder / "made")
    for side, paces in PACES.items():
        for number, pace in enumerate(paces):
            at = folder / side / f"run-{number}"
            shutil.copytree(made, at)
            timings = read_capture(at).timings.copy()
            for name in ("wall_ns", "host_ns", "device_ns"):
                timings[name] = (timings[name] * pace).round().astype(timings[name].dtype)
            write_timings(at, one_after_the_other(timings))
    shutil.copytree(made, folder / "broken" / "run-0")
    timings = read_capture(folder / "broken" / "run-0").timings
    # blocks that begin before the one before them has ended
    write_timings(folder / "broken" / "run-0", timings.assign(wall_ns=timings["wall_ns"] * 2))
    return folder


def made_steps(path: Path, pace: float) -> Path:
    """Twelve steps of a profiler: of each a launch and its kernel `g[0]`; host and GPU take `pace` times as long."""
    events: list[dict[str, object]] = []
    at = 1000.0
    for number in range(12):
        length = (1000 + number % 3) * pace
        events += [
            {"cat": "user_annotation", "name": f"ProfilerStep#{number}", "ts": at, "dur": length, "pid": 1, "tid": 1},
            {"cat": "cuda_runtime", "name": "cudaLaunchKernel", "ts": at + 10, "dur": 5, "pid": 1, "tid": 1}
            | {"args": {"correlation": number + 1}},
            {"cat": "kernel", "name": "g[0]", "ts": at + 30, "dur": 0.8 * length, "pid": 0, "tid": 7}
            | {"args": {"correlation": number + 1, "device": 0, "stream": 7}},
        ]
        at += length
    path.write_text(json.dumps({"schemaVersion": 1, "traceEvents": [{"ph": "X"} | each for each in events]}))
    return path


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A trace, and one that took 20 % longer."""
    folder = tmp_path_factory.mktemp("traces")
    return made_steps(folder / "fast.json", 1), made_steps(folder / "slow.json", 1.2)


@pytest.fixture(scope="module", autouse=True)
def shared() -> Iterator[None]:
    """Each capture and trace is read once, which takes longest."""
    with read_once():
        yield


@pytest.fixture(scope="module")
def recorded() -> dict[tuple[bytes, str], tuple[dict[str, Recording], Problems]]:
    return {}


@pytest.fixture(autouse=True)
def traces_of_captures(
    monkeypatch: pytest.MonkeyPatch, recorded: dict[tuple[bytes, str], tuple[dict[str, Recording], Problems]]
) -> None:
    """What is recorded, which is the same in all captures, is looked into once."""

    def recordings_once(trace: Trace, record: TraceRecord, **more: bool) -> tuple[dict[str, Recording], Problems]:
        key = trace.path.read_bytes(), repr(record)
        if key not in recorded:
            recorded[key] = recordings(trace, record, **more)
        found, noted = recorded[key]
        return found, noted.copy()

    monkeypatch.setattr(study_module, "recordings", recordings_once)

    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["check", *map(str, words)])


def document(*words: object) -> tuple[int, CheckDocument]:
    done = run(*words, "--json")
    assert done.exit_code in (0, 1, 3), done.output
    found = msgspec.json.decode(done.stdout, type=CheckDocument)
    assert found.exit_code == done.exit_code
    return done.exit_code, found


# -- where the interval lies


@pytest.mark.parametrize(
    ("low", "high", "outcome", "why"),
    [
        (1.06, 1.3, "slower", "above"),
        (1.0501, 1.0502, "slower", "above"),
        (0.5, 1.05, "passed", "within"),
        (1.01, 1.10, "not-shown", "straddles"),
        (0.99, 1.10, "undecided", "too-wide"),
        (None, None, "undecided", "too-few-samples"),
    ],
)
def test_the_interval_decides_not_the_value(low: float | None, high: float | None, outcome: str, why: str) -> None:
    for value in (0.9, 1.05, 1.5):
        assert outcome_of(Estimate(value, low, high, 9), 0.05) == (outcome, why)


def of(base: list[float], new: list[float], metric: str = "step.wall") -> Measurement:
    return Measurement(metric, "ns", tuple(np.array([each]) for each in base), tuple(np.array([each]) for each in new))


def test_three_recordings_a_side_have_the_spread_between_runs_in_the_interval() -> None:
    # by hand: logarithms 0, ±0.02 a side; standard error 0.02 * sqrt(2 / 3); t(0.975, 4) = 2.776445
    base, new = np.exp([0.0, 0.02, -0.02]), 1.1 * np.exp([0.0, 0.02, -0.02])
    (row,) = decided([(of(list(base), list(new)), 0.05)])
    assert row.ratio is not None and row.ratio.interval is not None
    half = 2.776445 * 0.02 * np.sqrt(2 / 3)
    assert row.ratio.interval == pytest.approx((1.1 * np.exp(-half), 1.1 * np.exp(half)), rel=1e-6)
    assert row.rests_on == "recordings" and row.reasons == ("above",) if row.outcome == "slower" else row.reasons
    assert row.outcome == ("slower" if 1.1 * np.exp(-half) > 1.05 else "not-shown")


def test_two_recordings_a_side_count_their_steps_and_say_that_drift_is_not_covered() -> None:
    steps = np.linspace(0.99, 1.01, 30)
    (row,) = decided([(Measurement("step.wall", "ns", (steps, steps), (steps * 1.2, steps * 1.2)), 0.05)])
    assert row.outcome == "slower" and row.rests_on == "samples" and "drift-not-covered" in row.reasons


def test_what_the_base_has_none_of_has_no_ratio() -> None:
    zero, some = np.zeros(9), np.ones(9)
    rows = decided(
        [
            (Measurement("idle.sync", "ns", (zero,), (some,)), 0.05),
            (Measurement("idle.sync", "ns", (zero,), (zero,)), 0.05),
            (Measurement("idle.sync", "ns", (some,), (zero,)), 0.05),
        ]
    )
    assert [(row.outcome, row.reasons[0]) for row in rows] == [
        ("undecided", "new"), ("passed", "within"), ("passed", "within"),
    ]  # fmt: skip


def test_of_many_limits_one_that_is_slower_by_chance_is_not_called_so() -> None:
    base, new = np.exp([0.0, 0.01, -0.01]), 1.085 * np.exp([0.0, 0.01, -0.01])
    odd, even = of(list(base), list(new)), of(list(base), list(base))
    (alone,) = decided([(odd, 0.05)])
    assert alone.outcome == "slower" and alone.p is not None and 0.05 / 20 < alone.p < 0.05
    rows = decided([(odd, 0.05)] + [(even, 0.05)] * 19)
    assert rows[0].outcome == "not-shown" and rows[0].reasons[0] == "not-after-holm"


def test_at_the_allowance_false_alarms_are_rare_and_twice_of_it_is_found() -> None:
    outcomes = runpy.run_path(str(ROOT / "benchmarks" / "check.py"))["outcomes"]
    assert outcomes(5, 0.02, 1, 1.05, draws=150)["slower"] < 0.06
    assert outcomes(5, 0.02, 1, 1.20, draws=40)["slower"] > 0.9
    assert outcomes(5, 0.02, 8, 1.05, draws=20)["slower"] < 0.1


# -- limits


def test_shares() -> None:
    assert [share(each) for each in ("5%", "0.05", 0.05, " 2.5 % ", 0, 1)] == [0.05, 0.05, 0.05, 0.025, 0, 1]
    for wrong in ("five", "-5%", "", "5 apples", "2000%", float("nan")):
        with pytest.raises(ValueError, match="5%"):
            share(wrong)


def test_only_stars_and_question_marks_are_patterns() -> None:
    assert fits("kernel.*gemm*", "kernel.void gemm<float>[8]") and not fits("kernel.gemm", "kernel.gemm2")
    assert fits("kernel.a[0]", "kernel.a[0]") and not fits("kernel.a[0]", "kernel.a0")
    assert names_that_fit("a*", ["a*", "ab"]) == ["a*"], "a name that is there is not taken for a pattern"


def test_a_file_of_limits(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(
        '[[limit]]\nmax_slowdown = "3%"\n[[limit]]\nkernel = "g*"\n[[limit]]\nrange = "r"\nmax_slowdown = 0.2\nvariant = "v"\nregime = "graph"\n'
    )
    assert read_limits(path, 0.07) == [
        Limit("step.wall", 0.03),
        Limit("kernel.g*", 0.07),
        Limit("range.r", 0.2, "v", "graph"),
    ]
    for text, says in (
        ("", "limit"),
        ("[[limit]]\nmetrik = 1\n", "metrik"),
        ('[[limit]]\nmetric = "a"\nkernel = "b"\n', "limit 1: names more than one"),
        ('[[limit]]\nmax_slowdown = "much"\n', "limit 1: max_slowdown"),
        ("no toml", "is no file of limits"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=re.escape(says)):
            read_limits(path, 0.05)


# -- captures


@pytest.mark.parametrize(
    ("new", "outcome", "code"), [("same", "passed", 0), ("slow", "slower", 1), ("wide", "undecided", 3)]
)
def test_three_captures_a_side(captures: Path, new: str, outcome: str, code: int) -> None:
    ended, found = document(captures / new, "--against", captures / "base", "--variant", "copy_")
    assert (ended, found.outcome) == (code, outcome)
    assert {(row.variant, row.regime, row.rests_on) for row in found.rows} == {
        ("copy_", "eager", "recordings"), ("copy_", "graph", "recordings"),
    }  # fmt: skip
    assert (found.new_recordings, found.base_recordings) == (3, 3)


def test_all_variants_and_metrics_are_limited_by_themselves(captures: Path) -> None:
    _, found = document(captures / "slow", "--against", captures / "base", "--metric", "*")
    by_metric = {
        name: [row for row in found.rows if row.metric == name]
        for name in dict.fromkeys(row.metric for row in found.rows)
    }
    assert {"step.wall", "gpu.busy", "launches", "launch.cost", "gpu.idle"} < {*by_metric}
    assert all(len(by_metric[name]) == 4 * 2 for name in ("step.wall", "gpu.busy", "launches", "launch.cost"))
    # the made captures have the same traces: what was recorded did not become slower
    assert {row.outcome for row in by_metric.pop("step.wall")} == {"slower"}
    assert {row.outcome for rows in by_metric.values() for row in rows} == {"passed"}


def test_fewer_than_three_captures_decide_nothing_unless_asked(captures: Path) -> None:
    slow, base = captures / "slow" / "run-0", captures / "base" / "run-0"
    code, found = document(slow, "--against", base)
    assert code == 3 and {tuple(row.reasons) for row in found.rows} == {("too-few-captures",)}
    code, found = document(slow, "--against", base, "--allow-single", "--max-slowdown", "2%")
    assert code == 1 and all("drift-not-covered" in row.reasons for row in found.rows)
    code, _ = document(slow, slow, slow, "--against", base, "--against", base, "--against", base)
    assert code == 3, "a capture that is given three times is one"


def test_captures_hold_what_their_traces_recorded(captures: Path, tmp_path: Path) -> None:
    """Figures by hand, as tests/made_capture.py makes them: an iteration of foreach eagerly is one launch of 3000 ns and a kernel of 1400."""
    (tmp_path / "limits.toml").write_text(
        '[[limit]]\nmetric = "launch.cost"\nvariant = "foreach"\n'
        '[[limit]]\nkernel = "multi_tensor*"\nmax_slowdown = "1%"\n'
        '[[limit]]\nmetric = "idle.sync"\nvariant = "foreach"\n'
        '[[limit]]\nmetric = "operator.aten::_foreach_copy_"\n'
    )
    code, found = document(captures / "same", "--against", captures / "base", "--limits", tmp_path / "limits.toml")
    rows = {(row.metric, row.variant, row.regime): row for row in found.rows}
    assert code == 0 and {row.outcome for row in found.rows} == {"passed"}
    kernel = next(name for name, *_ in rows if name.startswith("kernel."))
    assert (kernel, "copy_", "eager") not in rows, "a variant without that kernel is not among them"
    eager, graph = rows[kernel, "foreach", "eager"], rows[kernel, "foreach", "graph"]
    assert (eager.base, eager.new, eager.ratio, eager.allowance) == (1400, 1400, 1, 0.01) and graph.base == 1400
    assert rows["launch.cost", "foreach", "eager"].base == 3000
    assert rows["launch.cost", "foreach", "graph"].base == 2500
    assert rows["operator.aten::_foreach_copy_", "foreach", "eager"].base == 8000


def test_each_trace_is_read_once_for_all_that_it_holds(captures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    joined: list[Path] = []

    def counted(trace: Trace) -> JoinedTrace:
        joined.append(trace.path)
        return join(trace)

    monkeypatch.setattr("launchlens.traces.checks.recorded.join", counted)
    _, found = document(captures / "same", "--against", captures / "base", "--metric", "launch.cost")
    assert len(found.rows) == 4 * 2 and len(joined) == len(set(joined)) == 2 * 6, "of a regime each"


def test_what_a_capture_did_not_record_decides_nothing(captures: Path, tmp_path: Path) -> None:
    for side in ("base", "same"):
        shutil.copytree(captures / side, tmp_path / side)
        for capture in (tmp_path / side).iterdir():
            manifest = json.loads((capture / "manifest.json").read_text())
            (capture / "manifest.json").write_text(json.dumps(manifest | {"traces": []}))
    words = (tmp_path / "same", "--against", tmp_path / "base", "--variant", "copy_")
    for metric in ("idle.sync", "gpu.idle", "launch.cost", "launches", "gpu.busy"):
        code, found = document(*words, "--metric", metric)
        assert code == 3 and {tuple(row.reasons) for row in found.rows} == {("not-recorded",)}, metric
    assert document(*words)[0] == 0


def test_a_capture_that_the_data_gate_refuses_decides_nothing(captures: Path) -> None:
    code, found = document(captures / "broken", *captures.glob("same/*"), "--against", captures / "base")
    assert code == 3 and {row.reasons[0] for row in found.rows} == {"data-refused"}
    assert any("contradicts itself" in note for note in found.notes)


def test_what_is_not_there_is_named(captures: Path, traces: tuple[Path, Path]) -> None:
    for words, says in (
        (("--variant", "none"), "has no variant 'none'"),
        (("--metric", "idle.nothing"), "is no metric"),
        (("--max-slowdown", "much"), "is no share"),
    ):
        done = run(captures / "same", "--against", captures / "base", *words)
        assert done.exit_code == 2 and says in " ".join(done.stderr.split())
    done = run(captures / "same", "--against", traces[0])
    assert done.exit_code == 2 and "one is a capture, the other a trace" in done.stderr


# -- traces


def test_two_traces_count_their_steps(traces: tuple[Path, Path]) -> None:
    fast, slow = traces
    metrics = ("--metric", "step.wall", "--metric", "gpu.busy")
    code, found = document(fast, "--against", slow, *metrics)
    assert code == 0 and {row.outcome for row in found.rows} == {"passed"}
    assert all(row.rests_on == "samples" and "drift-not-covered" in row.reasons for row in found.rows)
    code, found = document(slow, "--against", fast, *metrics, "--metric", "launches")
    assert code == 1 and [row.outcome for row in found.rows] == ["slower", "slower", "passed"]
    assert [row.ratio for row in found.rows] == pytest.approx([1.2, 1.2, 1], rel=1e-3)
    assert document(slow, "--against", fast, "--max-slowdown", "25%")[0] == 0


def test_traces_without_gpu_work_decide_nothing_about_it(traces: tuple[Path, Path], tmp_path: Path) -> None:
    of_host = json.loads(traces[0].read_text())
    of_host["traceEvents"] = [each for each in of_host["traceEvents"] if each["cat"] != "kernel"]
    (tmp_path / "host.json").write_text(json.dumps(of_host))
    for base, new in ((traces[0], tmp_path / "host.json"), (tmp_path / "host.json", traces[0])):
        for metric in ("gpu.busy", "idle.sync", "kernel.g[0]"):
            code, found = document(new, "--against", base, "--metric", metric)
            assert code == 3 and {row.reasons[0] for row in found.rows} == {"not-recorded"}, metric
    code, found = document(traces[0], "--against", traces[0], "--metric", "idle.allocation")
    assert code == 0 and [(row.base, row.new, row.outcome) for row in found.rows] == [(0, 0, "passed")]
    code, found = document(traces[1], "--against", traces[0], "--metric", "launch.cost")
    assert code == 0 and [(row.base, row.new) for row in found.rows] == [(5000, 5000)]


def test_a_trace_is_not_slower_than_itself(traces: tuple[Path, Path]) -> None:
    code, found = document(traces[0], "--against", traces[0], "--metric", "*", "--max-slowdown", "20%")
    assert code == 0 and len(found.rows) > 5 and all(row.ratio in (1, None) for row in found.rows)


def test_kernels_and_ranges_have_options(traces: tuple[Path, Path], tmp_path: Path) -> None:
    fast, slow = traces
    (tmp_path / "limits.toml").write_text('[[limit]]\nmetric = "gpu.busy"\nmax_slowdown = "50%"\n')
    code, found = document(slow, "--against", fast, "--kernel", "g[*", "--limits", tmp_path / "limits.toml")
    assert code == 1
    assert [(row.metric, row.allowance, row.outcome) for row in found.rows] == [
        ("gpu.busy", 0.5, "passed"), ("kernel.g[0]", 0.05, "slower"),
    ]  # fmt: skip
    done = run(slow, "--against", fast, "--range", "nowhere")
    assert done.exit_code == 2 and "has no metric that fits 'range.nowhere'" in done.stderr
    done = run(slow, "--against", fast, "--variant", "v")
    assert done.exit_code == 2 and "no variants" in done.stderr


# -- what it writes


def test_summaries(captures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary, junit = tmp_path / "summary.md", tmp_path / "check.xml"
    summary.write_text("of the step before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    asked = (captures / "slow", "--against", captures / "base", "--variant", "copy_", "--markdown", "--junit", junit)
    done = run(*asked)
    assert done.exit_code == 1
    assert (
        done.stdout.startswith("Slower than it may be: of 2 limits 2 slower.") and "| step.wall | copy" in done.stdout
    )
    text = summary.read_text()
    assert text.startswith("of the step before\n## launchlens check\n") and done.stdout.strip() in text
    suite = ElementTree.parse(junit).getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "2", "0")
    assert [case[0].tag for case in suite] == ["failure", "failure"]
    assert run(*asked).exit_code == 2, "what is there is not overwritten"


def test_every_reason_stands_in_the_docs() -> None:
    page = (ROOT / "docs" / "ci.md").read_text()
    for code, says in REASONS.items():
        assert f"| `{code}` | {says} |" in page


# -- the workflow of the docs

STEP = re.compile(r"^ +run: (?:\|\n((?: {10}.*\n)+)|(.*)\n)", re.MULTILINE)


def test_the_workflow_of_the_docs_runs(captures: Path, tmp_path: Path) -> None:
    (workflow,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "ci.md").read_text(), re.DOTALL)
    steps = [block or line for block, line in STEP.findall(workflow)]
    assert len(steps) == 3
    # of `profile` what a GPU would have measured is put there; all else is launchlens itself
    (tmp_path / "bin").mkdir()
    shim = tmp_path / "bin" / "launchlens"
    shim.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = profile ]; then for last; do :; done; mkdir -p "$(dirname "$last")"; '
        f'cp -r "{captures}/slow/run-$(($(basename "$last") - 1))" "$last"; exit; fi\n'
        f'exec "{sys.executable}" "{ROOT / "cli.py"}" "$@"\n'
    )
    shim.chmod(0o755)
    summary = tmp_path / "summary.md"
    environment = os.environ | {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "BASELINES": str(captures / "base"),
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    codes = [
        subprocess.run(
            ["sh", "-e", "-c", step], cwd=tmp_path, env=environment, capture_output=True, check=False
        ).returncode
        for step in steps
    ]
    assert codes == [0, 0, 1]
    assert "launchlens check" in summary.read_text() and (tmp_path / "check.xml").exists()


def test_the_limits_of_the_docs_can_be_read(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "ci.md").read_text(), re.DOTALL)
    (tmp_path / "limits.toml").write_text(text)
    assert [each.metric for each in read_limits(tmp_path / "limits.toml", 0.05)] == [
        "step.wall",
        "kernel.*gemm*",
        "idle.sync",
    ]


def test_the_json_is_strict(traces: tuple[Path, Path]) -> None:
    assert json.loads(run(traces[0], "--against", traces[1], "--json").stdout)["format"] == "launchlens.check/1"
