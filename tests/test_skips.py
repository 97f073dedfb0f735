"""A test that is skipped is counted: one that nobody expects ends a run of everything in failure."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from skips import EXPECTED, unexpected


def test_each_row_may_apply_or_not():
    assert unexpected(Counter()) == []
    for row in EXPECTED:
        reason = row.reason.split("|")[0].replace("\\", "")
        assert unexpected(Counter({f"{reason} (more is said)": row.count})) == []
        (fault,) = unexpected(Counter({reason: row.count + 1}))
        assert f"{row.count} are expected" in fault and row.where in fault
    assert unexpected(Counter({"too tired": 2})) == ["2 × too tired: no row of tests/skips.py"]


SKIPPING = """
import pytest

@pytest.mark.skipif(True, reason={reason!r})
@pytest.mark.parametrize("number", range({count}))
def test_something(number):
    pass
"""


@pytest.mark.parametrize(
    ("reason", "count", "options", "status"),
    [
        ("root may read everything", 1, ["-p", "xdist", "-n", "2"], 0),
        ("root may read everything", 2, [], 1),
        ("too tired", 1, ["-p", "xdist", "-n", "2"], 1),
        ("too tired", 1, ["-k", "something"], 0),
        ("too tired", 1, ["test_it.py"], 0),
    ],
)
def test_a_run_of_everything_is_held_to_the_rows(reason, count, options, status, tmp_path):
    for needed in ("torch", "triton", "nvtx", "perfetto"):
        (tmp_path / f"{needed}.py").touch()
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = .\n")
    (tmp_path / "conftest.py").write_text(
        "import skips\n\ndef pytest_configure(config):\n"
        "    if not hasattr(config, 'workerinput'):\n        config.pluginmanager.register(skips.Counted(config))\n"
    )
    (tmp_path / "test_it.py").write_text(SKIPPING.format(reason=reason, count=count) + "\ndef test_more():\n    pass\n")
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{Path(__file__).parent}:{tmp_path}", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == status, answer.stdout + answer.stderr
    assert ("SKIPPED, and not expected" in answer.stdout) == bool(status)
