"""Steps, gaps with their causes, the verdict, and what changes would save, held against the slow oracle of `plain_steps` on recordings of ours and of others."""

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from traces.plain_analysis import read
from traces.plain_replay import PlainReplay
from traces.plain_steps import Steps

from launchlens.traces.advice import data, launches, syncs
from launchlens.traces.advice.candidate import saving
from launchlens.traces.advice.region import Region
from launchlens.traces.analysis import Analysis, analyze
from launchlens.traces.source import open_trace
from launchlens.traces.steps.bound_by import bound_by
from launchlens.traces.steps.gaps import CAUSES
from launchlens.traces.steps.replay import replay_of

DATA = Path(__file__).parents[1] / "data"
SHARED = Path(__file__).parents[3] / "shared" / "data"
#: Recordings with steps: one or two of a run, and rows of them.
OURS = [
    *sorted((DATA / "golden").rglob("*.json.gz")),
    *(DATA / "golden" / "cases" / name for name in ("idle_thread.json", "k1022.json", "n_bwd.sqlite")),
    *sorted((DATA / "nsys").glob("*/trace.sqlite")),
]
#: Of the pairs and ranks, which lie cut among ours, one of each kind whole.
WHOLE = (
    "pairs/log-each-step.before.json.gz",
    "ranks/slow2/rank0.json.gz",
    "ranks/slow2/rank2.json.gz",
    "ranks/even/rank0.json.gz",
)
OF_OTHERS = [
    *(path for path in (SHARED / name for name in WHOLE) if path.exists()),
    *(path for pattern in ("*.json*", "*.sqlite") for path in sorted(SHARED.glob(f"traces/{pattern}"))),
]
by_trace = pytest.mark.parametrize(
    "path", OURS, ids=lambda path: f"{path.parent.name}-{path.name.partition('.json')[0]}"
)


@cache
def both(path: Path) -> tuple[Analysis, Steps]:
    return analyze(open_trace(path)), Steps(read(path))


def assert_alike(path: Path) -> None:
    found, plain = both(path)
    stepped, steps = found.stepped, found.stepped.steps
    assert stepped.gaps is not None and not found.joined.unknown.get(stepped.gaps.device)
    tables = found.answers(["steps", "steps_idle", "idle_causes", "syncs"]).tables
    if plain.steps:
        assert steps is not None and stepped.device == plain.device
        rows = tables["steps"].frame
        told = rows[["name", "start_ns", "wall_ns", "host_ns", "launches", "gpu_busy_ns", "exposed_communication_ns"]]
        assert told.to_numpy().tolist() == [
            [
                each.name,
                each.start,
                each.done - each.start,
                each.closes - each.opens,
                each.launches,
                plain.busy(each.start, each.done),
                plain.alone(plain.collectives, each.start, each.done),
            ]
            for each in plain.steps
        ]
    gaps = plain.gaps(*stepped.window)
    assert [[gap.start, gap.end] for gap in gaps] == list(
        map(list, zip(stepped.gaps.start_ns.tolist(), stepped.gaps.end_ns.tolist(), strict=True))
    )
    for gap, parts in zip(gaps, stepped.gaps.parts.tolist(), strict=True):
        assert gap.parts == +Counter(dict(zip(CAUSES, parts, strict=True))), (path.name, gap.start, gap.length)
    if gaps:
        by_cause, by_part = Counter[str](), Counter[str]()
        for gap in gaps:
            by_cause[gap.cause(CAUSES)] += gap.length
            by_part.update(gap.parts)
        causes = tables["idle_causes"].frame.set_index("cause")
        assert causes["total_ns"][causes["total_ns"] > 0].to_dict() == by_cause
        assert causes["parts_ns"][causes["parts_ns"] > 0].to_dict() == by_part
    waits = tables["syncs"].frame.astype(object).to_numpy().tolist() if "syncs" in tables else []
    assert sorted(waits, key=str) == sorted(plain.syncs(*stepped.window), key=str)
    assert [-row[6] for row in waits] == sorted(-row[6] for row in waits)
    bound = bound_by(stepped)
    if plain.steps and bound is not None:
        assert bound.shares == pytest.approx(plain.shares(), abs=1e-12)


@by_trace
def test_steps_gaps_and_verdict_of_our_recordings(path: Path) -> None:
    assert_alike(path)


def test_steps_gaps_and_verdict_of_what_lies_beside() -> None:
    if not OF_OTHERS:
        pytest.skip("what others recorded is not here")
    for path in OF_OTHERS:
        assert_alike(path)


#: The rules of advice that are played again the slow way, by the oracle's name for each.
RULES = {
    "remove_sync": syncs.propose,
    "prefetch_data": data.propose,
    "batch_launches": launches.batch,
    "capture_graph": launches.capture,
}
#: Of the recordings with steps: programs of which each rule proposes something, ops that wait for a size, values that are brought in.
PLAYED = [
    *(path for path in OURS if path.parent.name == "pairs" and ".before." in path.name),
    *(
        DATA / "pairs" / "h200" / f"{name}.before.json.gz"
        for name in ("masked-indexing", "tokens-uploaded", "loader-sleeps", "nan-checked", "average-looped")
    ),
]


def assert_saves_alike(path: Path) -> Counter[str]:
    """Every change that a rule proposes, advised or not, saves what the oracle says; how many of each rule."""
    found, plain = both(path)
    played = replay_of(found.stepped)
    if played is None or not plain.steps or not len(played.rows):
        return Counter()
    oracle, region = PlainReplay(plain), Region(played)
    for stretch in (1.0, 1.3, 3.1):
        assert played.play(stretch=stretch) == pytest.approx(oracle.play(stretch=stretch), rel=1e-9), path.name
    met = Counter[str]()
    for name, rule in RULES.items():
        shares = sorted(saving(played, each).share for each in rule(region))
        told = sorted(getattr(oracle, name)())
        assert [list(each) for each in shares] == [pytest.approx(list(each), abs=1e-9) for each in told], (
            path.name,
            name,
        )
        met[name] += len(shares)
    return met


def test_what_changes_would_save_is_what_a_slow_replay_says() -> None:
    met = sum((assert_saves_alike(path) for path in PLAYED), Counter[str]())
    assert all(met[name] for name in RULES), met


class Made:
    """A trace of torch.profiler, in µs, as it is put together: steps of 10 ms that launch a row of small kernels."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.calls = 0

    def span(self, category: str, name: str, at: int, length: int, lane: tuple[int, int] = (1, 1), **args: Any) -> None:
        about = {"ph": "X", "cat": category, "name": name, "pid": lane[0], "tid": lane[1]}
        self.events.append(about | {"ts": at, "dur": length, "args": args})

    def op(self, name: str, at: int, kind: str = "kernel", *, length: int = 40) -> None:
        """An op with one launch, whose work begins 25 µs after it and takes 30."""
        self.calls += 1
        copy = {"bytes": 4} if kind == "gpu_memcpy" else {}
        work, call = ("Memcpy DtoH (Device -> Pageable)", "cudaMemcpyAsync") if copy else ("gemm", "cudaLaunchKernel")
        of = {"correlation": self.calls, "device": 0, "stream": 7, "context": 1} | copy
        self.span("cpu_op", name, at, length)
        self.span("cuda_runtime", call, at + 10, 8, correlation=self.calls)
        self.span(kind, work, at + 25, 30, (0, 7), **of)

    def wait(self, name: str, at: int, length: int) -> None:
        self.calls += 1
        self.span("cuda_runtime", name, at, length, correlation=self.calls)

    def saving(self, path: Path, rule: str) -> tuple[float, float]:
        """What the one proposal of a rule saves, which the oracle says as well."""
        about = {"schemaVersion": 1, "deviceProperties": [{"id": 0, "name": "GPU"}]}
        path.write_text(json.dumps(about | {"traceEvents": self.events}))
        assert assert_saves_alike(path)[rule] == 1
        played = replay_of(both(path)[0].stepped)
        assert played is not None
        return saving(played, RULES[rule](Region(played))[0]).share


def test_data_that_take_longer_than_the_rest_of_a_step_hold_it_up(tmp_path: Path) -> None:
    """With one worker: what stays of the time of getting data goes by a replay of the rest."""
    made = Made()
    for step in range(5):
        at = 10_000 * step
        made.span("user_annotation", f"ProfilerStep#{step}", at, 9_000)
        made.span("user_annotation", "data", at + 10, 5_000 + 100 * step)
        for number in range(40):
            made.op("aten::mm", at + 6_000 + 60 * number)
        made.wait("cudaDeviceSynchronize", at + 8_600, 200)
    low, high = made.saving(tmp_path / "slow_data.json", "prefetch_data")
    assert 0 < low < high - 0.1, "the worker takes longer than the rest, so that much of it stays"


def test_at_most_what_only_makes_the_value_that_is_read_goes_with_it(tmp_path: Path) -> None:
    """Back to an op that does more than sum up: that one, and what comes before it, stays."""
    made = Made()
    for step in range(5):
        at = 1_000 * step
        made.span("user_annotation", f"ProfilerStep#{step}", at, 950)
        for number in range(5):
            made.op("aten::mm", at + 10 + 60 * number)
        made.span("user_annotation", "log", at + 400, 500)
        for number, name in enumerate(("aten::mm", "aten::mm", "aten::norm", "aten::sum", "aten::max")):
            made.op(name, at + 410 + 60 * number)
        made.op("aten::item", at + 700, "gpu_memcpy", length=150)
        made.wait("cudaStreamSynchronize", at + 730, 40)
    low, high = made.saving(tmp_path / "read.json", "remove_sync")
    assert 0 < low < high


if __name__ == "__main__":
    every = [*OURS, *sorted((DATA / "pairs").rglob("*.json.gz")), *sorted((SHARED / "pairs").rglob("*.json.gz"))]
    proposed = [assert_saves_alike(path) for path in every]
    print(len(every), "recordings", sum(proposed, Counter[str]()))
