"""A report works out each comparison, sample set and control once, and reads the probes once, however often it shows them."""

from collections import Counter

import pytest
from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.traces import statistics
from launchlens.traces.studies import study
from made_capture import TIMED_ROUNDS, make_capture


@pytest.fixture
def counted(monkeypatch):
    """How often each pair was compared, each sample set resampled, and each capture's probes read."""
    pairs, samples, probes = Counter(), Counter(), Counter()
    compare, resampled, read_probes = study.compare, statistics._resampled, study.read_probes

    def compared(a, b, **more):
        pairs[a.variant, b.variant, a.regime] += 1
        return compare(a, b, **more)

    def drawn(values, statistic, generator):
        samples[values.tobytes(), statistic.__name__] += 1
        return resampled(values, statistic, generator)

    def read(path):
        probes[path] += 1
        return read_probes(path)

    monkeypatch.setattr(study, "compare", compared)
    monkeypatch.setattr(statistics, "_resampled", drawn)
    monkeypatch.setattr(study, "read_probes", read)
    return pairs, samples, probes


def test_a_report_with_its_page_and_its_json_works_out_each_thing_once(counted, tmp_path):
    pairs, samples, probes = counted
    folder = make_capture(tmp_path / "capture")
    result = CliRunner().invoke(app, ["report", str(folder), "--json"])
    assert result.exit_code == 0, result.output
    assert (folder / "report.html").is_file()
    assert {("copy_", "foreach", "eager"), ("foreach", "copy_", "eager")} <= set(pairs)
    assert set(pairs.values()) == {1} and set(probes.values()) == {1}
    # a wall, a host and a device time of each side and control, and a ratio of each pair
    assert len(samples) > TIMED_ROUNDS and set(samples.values()) == {1}
