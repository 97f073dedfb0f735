"""From made samples to the verdict of the probe profiler-tax, each control made to fail, no GPU."""

import pytest

from launchlens.profiling.probes.profiler_tax.session import PROCESSES
from launchlens.profiling.probes.profiler_tax.verdict import KINDS, Process, conclude
from launchlens.reports.words.probes.catalogue import WORDS

SESSION, TORN_DOWN, NOTHING = KINDS


def processes(count=8, **ratios):
    """Processes whose copies take `ratios` times as long after as before; one in five samples is an outlier."""
    found = []
    for number in range(count):
        for kind in KINDS:
            base = 42_000 * (1 + 0.05 * (number % 3))
            before = [base * (20 if sample % 5 == 0 else 1) for sample in range(21)]
            ratio = ratios.get(kind.replace("-", "_"), 1.0) * (1 + 0.004 * (number % 2))
            found.append(Process(kind, before, [value * ratio for value in before]))
    return found


def test_the_program_runs_the_kinds_that_the_verdict_knows():
    assert set(PROCESSES) == set(KINDS)


@pytest.mark.parametrize(
    ("session", "torn_down", "verdict"),
    [
        (1.4, 1.0, "calls-stay-dearer"),
        (1.4, 1.3, "calls-stay-dearer-despite-teardown"),
        (1.005, 1.0, "no-difference-shown"),
        (1.02, 1.0, "no-difference-shown"),  # no more than things differ from themselves
        (0.8, 1.0, "no-difference-shown"),
    ],
)
def test_the_verdict_is_whether_calls_stay_dearer(session, torn_down, verdict):
    probe = conclude(processes(session=session, session_torn_down=torn_down))
    assert (probe.verdict, probe.control) == (verdict, "passed")
    assert probe.value("ratio", of="session") == pytest.approx(session * 1.002, rel=0.003)
    assert probe.value("host-time", of="session", under="before") == pytest.approx(44_100, rel=0.03)


def test_a_process_that_drifts_without_a_session_decides_nothing():
    probe = conclude(processes(session=1.4, no_session=1.1))
    assert (probe.verdict, probe.control) == ("inconclusive", "failed")


def test_too_few_processes_decide_nothing():
    assert conclude(processes(count=4, session=1.4)).verdict == "inconclusive"
    assert conclude(processes(count=5, session=1.4)).verdict == "calls-stay-dearer"


def test_what_it_says():
    probe = conclude(processes(session=1.5))
    said = WORDS["profiler-tax"].says(probe)
    assert "after a session of torch.profiler" in said and "1.50 ×" in said and "TEARDOWN_CUPTI=1" in said
    assert all(WORDS["profiler-tax"].figure(item.key) for item in probe.figures)
