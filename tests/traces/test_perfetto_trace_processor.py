"""The export, read back by Perfetto's own trace processor, where there is one: a binary that no Python package holds.

It is looked for as $TRACE_PROCESSOR_SHELL, as `trace_processor_shell` on PATH, and where the perfetto package keeps the one it
once downloaded; nothing is downloaded here. test_perfetto.py decodes the protobuf in any case.
"""

import os
import shutil
from pathlib import Path

import pytest

pytest.importorskip("perfetto", reason="pip install 'launchlens[export]'")

from launchlens.traces.analysis import analyze
from launchlens.traces.captures.recorded import FOLDER
from launchlens.traces.perfetto.export import export
from launchlens.traces.source import open_trace

TRACE = FOLDER / "small-copies-h200" / "torch" / "graph.pt.trace.json.gz"
NAME = "trace_processor_shell"


def shell(home: Path) -> str | None:
    """The trace processor to ask, or None."""
    named = os.environ.get("TRACE_PROCESSOR_SHELL")
    if named:
        return named
    kept = sorted((home / ".local/share/perfetto/prebuilts").glob(f"{NAME}-*"))
    return shutil.which(NAME) or next((str(path) for path in kept if path.suffix != ".tmp"), None)


def test_it_is_looked_for_in_three_places(tmp_path, monkeypatch):
    monkeypatch.delenv("TRACE_PROCESSOR_SHELL", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert shell(tmp_path) is None
    kept = tmp_path / ".local/share/perfetto/prebuilts" / f"{NAME}-0123456789abcdef"
    on_path = tmp_path / "bin" / NAME
    for path in (kept, on_path):
        path.parent.mkdir(parents=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
        assert shell(tmp_path) == str(path)
    monkeypatch.setenv("TRACE_PROCESSOR_SHELL", "/mine")
    assert shell(tmp_path) == "/mine"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """What was written of a shipped trace, and a trace processor that has read it."""
    found = shell(Path.home())
    if found is None:
        pytest.skip(
            f"no {NAME}: name one in TRACE_PROCESSOR_SHELL (https://perfetto.dev/docs/analysis/trace-processor)"
        )
    from perfetto.trace_processor import TraceProcessor, TraceProcessorConfig

    path = tmp_path_factory.mktemp("export") / "made.pftrace"
    done = export(TRACE, path)
    processor = TraceProcessor(trace=str(path), config=TraceProcessorConfig(bin_path=found))
    yield done, processor
    processor.close()


def count(processor, table):
    (row,) = processor.query(f"select count(*) as n from {table}")
    return row.n


def test_it_finds_no_fault(exported):
    _, processor = exported
    faults = processor.query("select name, value from stats where severity in ('error', 'data_loss') and value > 0")
    assert [(row.name, row.value) for row in faults] == []


def test_it_reads_as_much_as_was_written(exported):
    done, processor = exported
    assert done.slices > 1000 and done.flows > 1000
    assert (count(processor, "slice"), count(processor, "flow")) == (done.slices, done.flows)
    assert count(processor, "counter") == done.counters
    assert count(processor, "slice where dur < 0") == 0, "every slice has its end"


def test_the_states_that_it_reads_are_the_account(exported):
    _, processor = exported
    account = analyze(open_trace(TRACE)).account
    assert account is not None
    for lane, expected in (("host", account.host()), ("device", account.on_device())):
        rows = processor.query(
            "select slice.name as name, sum(slice.dur) as ns from slice join track on slice.track_id = track.id"
            f" where track.name glob '{lane} state: *' group by slice.name"
        )
        assert {row.name: row.ns for row in rows} == {state: ns for state, ns in expected.items() if ns}
