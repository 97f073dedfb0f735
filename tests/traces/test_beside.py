"""Every trace that lies beside the checkout has facts, which were found without launchlens, and what must hold of any trace holds of it."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from launchlens.traces.analysis import Analysis, analyze, as_document
from launchlens.traces.documents.analysis import AnalysisDocument
from launchlens.traces.source import open_trace

HERE = Path(__file__).parent
BESIDE = HERE.parents[2] / "shared" / "data"
FACTS: dict[str, dict[str, Any]] = json.loads((HERE.parent / "data" / "golden" / "beside.json").read_text())
#: Changes that leave the work of the GPU as it is, so that no step gets shorter than that.
KEEP_WORK = ("capture-graph", "prefetch-data", "avoid-allocation")

here = pytest.mark.skipif(not BESIDE.is_dir(), reason="what others recorded is not here")


@here
def test_every_file_has_facts() -> None:
    told = (HERE / "test_cases.py").read_text()  # small cases, each with what is right of it
    golden = HERE.parent / "data" / "golden" / "cases"
    for path in BESIDE.rglob("*"):
        folder = path.relative_to(BESIDE).parts[0]
        if not path.is_file() or path.suffix == ".md" or path.name == "facts.json":
            continue
        if folder in ("traces", "pairs", "ranks"):
            assert str(path.relative_to(BESIDE)) in FACTS
        if folder == "cases":
            assert f'"{path.name}"' in told or (golden / path.name).with_suffix(".facts.json").exists(), path.name


@here
@pytest.mark.parametrize("name", FACTS)
def test_the_totals_and_what_holds_of_any_trace(name: str) -> None:
    if not (BESIDE / name).exists():
        pytest.skip("what others recorded is not here")
    found = analyze(open_trace(BESIDE / name))
    document, facts = as_document(found), FACTS[name]
    kinds = found.joined.events["kind"].value_counts()
    assert kinds[kinds > 0].to_dict() == facts["rows"]
    assert msgspec.to_builtins(document.totals) == facts["totals"]
    assert_parts_sum(found, document)
    assert_advice_is_of_what_is_there(found, document)


def assert_parts_sum(found: Analysis, document: AnalysisDocument) -> None:
    for account in document.accounts:
        assert sum(cell.ns for cell in account.cells) == account.window_ns
    for shares in (document.verdict.shares, *(each.shares for each in document.verdict.devices)):
        assert shares is None or sum(shares.values()) == pytest.approx(1)
    tables = found.answers(["idle", "idle_causes", "communication"]).tables
    if "idle" in tables:
        length, causes = tables["idle"].frame["length_ns"].sum(), tables["idle_causes"].frame
        causes = causes[causes["device"].isna()] if causes["device"].nunique() > 1 else causes
        assert causes["total_ns"].sum() == causes["parts_ns"].sum() >= length
    if "communication" in tables:
        rows = tables["communication"].frame
        assert (rows["exposed_ns"] + rows["overlapped_ns"] == rows["total_ns"]).all()


def assert_advice_is_of_what_is_there(found: Analysis, document: AnalysisDocument) -> None:
    steps = found.answers(["steps"]).tables["steps"].frame if document.advice else None
    events = found.joined.events
    for advice in document.advice:
        assert steps is not None
        low, high = advice.saves_ns_per_step
        stays = int(steps["gpu_busy_ns"].min()) if advice.code in KEEP_WORK else 0
        assert 0 < low <= high <= int(steps["wall_ns"].max()) - stays
        assert 0 < advice.share_of_step[0] <= advice.share_of_step[1] <= 1
        for row in advice.rows:
            named = events[events["name"] == row.name]
            assert row.first_ns in set(named["start_ns"])
            assert row.per_step <= len(named) and row.ns_per_step <= named["dur_ns"].sum()
