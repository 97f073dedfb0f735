"""Which tests may be skipped, and how many: a skip that nobody counted is a test that nobody runs.

Each row of EXPECTED is a thing that a machine may lack, and how many tests need it: there all of them are skipped, and
elsewhere none is. A run of everything fails where a test gives a reason that no row names, or where a row counts others.
"""

import importlib.util
import re
from collections import Counter
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Skips:
    """`count` tests, or files of tests, whose reason begins as the pattern `reason` says; `where` says where that is so."""

    reason: str
    count: int
    where: str


EXPECTED = (
    Skips("no CUDA GPU", 10, "without a GPU: each file of tests/gpu"),
    Skips("there is a GPU here", 3, "with a GPU: what is said without one"),
    Skips(
        "what others recorded is not here", 50, "in a clone alone: traces that others published, and may not be copied"
    ),
    Skips("pairs are not here whole", 7, "in a clone alone: of our own pairs it holds three steps a side"),
    Skips("cupti-python is here", 1, "with it: what is said without"),
    Skips("no Dask here", 2, "without the extra `fleet`, which `make test` installs"),
    Skips("no trace_processor_shell", 3, "without Perfetto's trace processor"),
    Skips("no Chromium", 19, "without a browser"),
    Skips("needs nvcc|no nvcc here", 10, "without CUDA's compiler"),
    Skips("needs a C\\+\\+ compiler", 1, "without a C++ compiler"),
    Skips("needs Linux and gcc", 32, "without a C compiler"),
    Skips("root may read everything", 1, "run by root"),
    Skips("not a git checkout", 4, "unpacked from an archive"),
    Skips("Linux does this|needs a device that is always full", 2, "elsewhere than on Linux"),
)


def unexpected(found: Counter[str]) -> list[str]:
    """What is wrong with the reasons that were met, each with how many tests gave it; empty where nothing is."""
    faults = [
        f"{count} × {reason}: no row of tests/skips.py" for reason, count in found.items() if _row(reason) is None
    ]
    for row in EXPECTED:
        count = sum(number for reason, number in found.items() if _row(reason) is row)
        if count not in (0, row.count):
            faults.append(f"{count} × {row.reason}: {row.count} are expected ({row.where})")
    return faults


def _row(reason: str) -> Skips | None:
    return next((row for row in EXPECTED if re.match(row.reason, reason)), None)


class Counted:
    """Counts the skips of a run, in the process that started it."""

    def __init__(self, config: pytest.Config) -> None:
        # only a run of everything is held to the table, and only where `make test` has installed all that it needs
        whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not _chosen(config)
        self._held = whole and all(importlib.util.find_spec(name) for name in ("torch", "triton", "nvtx", "perfetto"))
        self._reasons: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._add(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._add(report)

    def _add(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and isinstance(report.longrepr, tuple):
            self._reasons[report.nodeid] = report.longrepr[2].removeprefix("Skipped: ")

    def _faults(self) -> list[str]:
        return unexpected(Counter(self._reasons.values())) if self._held else []

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._faults() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for fault in self._faults():
            terminalreporter.write_line(f"SKIPPED, and not expected: {fault}", red=True)


def _chosen(config: pytest.Config) -> bool:
    """Whether the command line leaves tests out, or may."""
    options = ("keyword", "markexpr", "lf", "failedfirst", "stepwise", "deselect", "ignore", "ignore_glob", "maxfail")
    return any(getattr(config.option, name, None) for name in options)
