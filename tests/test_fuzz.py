"""A little of the fuzzer at every run, always the same cases; `python tests/fuzz/run.py` runs as many as one likes."""

from pathlib import Path

import pytest
from fuzz import run
from fuzz.seeds import SEEDS


@pytest.mark.parametrize("kind", list(SEEDS))
def test_changed_inputs_break_nothing(kind):
    result = run.Result()
    for number in range(4 if kind == "capture" else 25):
        run.case(kind, number, result)
    assert result.findings == []
    assert result.opened >= result.cases // 4, "mutations that nothing survives try nothing"


def test_a_finding_is_told_from_an_input_that_is_refused(tmp_path, monkeypatch):
    broken = run.Result()
    monkeypatch.setattr(run, "trace_case", lambda path, number, result: run.run(result, "analyze", path, codes=(0,)))
    monkeypatch.setattr("fuzz.mutate.mutate", lambda path, rng: Path(path).write_text("no trace"))
    run.case("kineto", 0, broken)
    assert len(broken.findings) == 1 and broken.findings[0].startswith("kineto:0: analyze ended with 2")
