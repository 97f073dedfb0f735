"""Steps, gaps with their causes, and the verdict, held against the slow oracle of `plain_steps` on recordings of ours and of others."""

from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from traces.plain_analysis import read
from traces.plain_steps import Steps

from launchlens.traces.analysis import Analysis, analyze
from launchlens.traces.source import open_trace
from launchlens.traces.steps.bound_by import bound_by
from launchlens.traces.steps.gaps import CAUSES

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
