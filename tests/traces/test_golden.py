"""What `analyze --json` says of the traces in the repository, held whole to facts that were found without launchlens.

A row, a key or a nanosecond more or less fails. The facts lie beside the traces, and tests/data/golden/facts.py wrote them.
"""

import json
import runpy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from read_once import read_once
from traces.plain_tables import TABLES
from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.traces.analyses.catalogue import CATALOGUE
from launchlens.traces.analysis import analyze
from launchlens.traces.problems import MEANINGS
from launchlens.traces.source import open_trace
from launchlens.traces.windows import of_range

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
SCRIPT = runpy.run_path(str(GOLDEN / "facts.py"))
FACTS: dict[Path, Path] = SCRIPT["facts_by_trace"]()
ROOT: Path = SCRIPT["ROOT"]
by_trace = pytest.mark.parametrize("trace", FACTS, ids=lambda trace: str(trace.relative_to(ROOT)))


@pytest.fixture(scope="module", autouse=True)
def each_trace_once() -> Iterator[None]:
    with read_once():
        yield


@cache
def said_of(trace: Path) -> str:
    """What the command prints, asked once."""
    result = CliRunner().invoke(app, ["analyze", str(trace), "--json"])
    assert result.exit_code == 0, result.output
    return result.stdout


def printed(trace: Path) -> dict[str, Any]:
    """What the command prints, less the path and the words of the problems, which are checked here."""
    found: dict[str, Any] = json.loads(said_of(trace))
    assert found["source"].pop("path") == str(trace)
    for problem in found["problems"]:
        assert problem.pop("meaning").startswith(MEANINGS[problem["code"]][1].removesuffix("."))
    # these have tests of their own (test_steps.py, test_advice.py)
    assert found.pop("verdict")["sentence"] and len(found.pop("advice")) <= 3
    tables = found.pop("tables")
    absent = [row for row in found["problems"] if row["code"] == "table-absent"]
    assert sum(row["count"] for row in absent) == len(CATALOGUE) - len(tables)
    found["problems"] = [row for row in found["problems"] if row not in absent]
    found["problems"] = {row.pop("code"): [row.pop("count"), row.pop("severity"), *row] for row in found["problems"]}
    return found


@by_trace
def test_all_that_analyze_says(trace: Path) -> None:
    facts = json.loads(FACTS[trace].read_text())["analysis"]
    found = printed(trace)
    assert list(found) == list(facts)
    for key in facts:  # one by one, so that a failure shows where
        assert found[key] == facts[key], key


@by_trace
def test_every_table_that_analyze_has(trace: Path) -> None:
    facts = json.loads(FACTS[trace].read_text())["tables"]
    found = json.loads(said_of(trace))["tables"]
    # a table that the oracle does not know yet has tests of its own
    assert [name for name in found if name in TABLES] == [name for name in TABLES if name in facts]
    for name, (columns, *rows) in facts.items():
        assert [column["name"] for column in found[name]["columns"]] == columns
        assert len(found[name]["rows"]) == len(rows), name
        for said, fact in zip(found[name]["rows"], rows, strict=True):
            assert list(said) == columns, name
            # what is no whole number was summed in another order
            exactly = [round(each, 9) if isinstance(each, float) else each for each in said.values()]
            assert exactly == [round(each, 9) if isinstance(each, float) else each for each in fact], name


@by_trace
def test_the_account_of_every_range(trace: Path) -> None:
    accounts = json.loads(FACTS[trace].read_text())["accounts"]
    joined = None
    for name, facts in accounts.items():
        if joined is None:  # one by one they are what is asked for, joined once for all
            analysis = analyze(open_trace(trace), range_name=name)
            joined, asked = analysis.joined, analysis.slice
            accounted = of_range(joined, name)
            assert asked is not None and asked.covers == accounted.covers
            assert list(asked.account.rows()) == list(accounted.account.rows())
        else:
            accounted = of_range(joined, name)
        account = accounted.account
        cells = [{"host": cell.host, "device": cell.device, "ns": cell.ns} for cell in account.rows()]
        assert cells == facts.pop("cells")
        assert list(account.window_ns) == list(accounted.end_ns - accounted.start_ns) and account.cells.min() >= 0
        found = {"window": accounted.covers, "windows": account.windows, "window_ns": account.total_ns}
        found |= {"process": accounted.process_name, "thread": accounted.thread_name, "device": accounted.device_name}
        assert found == facts


@by_trace
def test_the_facts_are_what_the_oracle_finds(trace: Path) -> None:
    assert FACTS[trace].read_text() == SCRIPT["compact"](SCRIPT["facts"](trace)) + "\n"


def test_every_file_of_facts_is_of_a_trace() -> None:
    written = {*GOLDEN.rglob("*.facts.json"), *GOLDEN.parent.glob("nsys/*/facts.json")}
    assert written == set(FACTS.values())


def test_the_cut_traces_say_what_was_kept() -> None:
    cuts = sorted(GOLDEN.rglob("*.json.gz"))
    assert len(cuts) == 16
    read = runpy.run_path(str(GOLDEN / "cut.py"))["read"]
    for path in cuts:
        document = read(path)
        said = document["cut"]
        assert said["events"] == len(document["traceEvents"]) < said["of"]
        names = {event["name"] for event in document["traceEvents"] if event.get("cat") == "user_annotation"}
        assert {name for name in names if name.startswith("ProfilerStep#")} == set(said["steps"])
