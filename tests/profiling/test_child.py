"""Processes of our own: how they end is said in words, and nothing hangs."""

import json
import sys

import pytest

from launchlens.profiling import child
from launchlens.profiling.collectors.fault import CollectorError


def test_what_a_process_says_last_is_told_with_how_it_ended():
    said = child.run([sys.executable, "-c", "print('one'); print('in /home/me/two.py'); raise SystemExit(3)"])
    assert said == "ended with status 3 and left no answer: in two.py"


def test_a_signal_is_named():
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert child.run([sys.executable, "-c", code]) == "was ended by SIGKILL and left no answer"


def test_a_process_that_hangs_is_ended():
    with pytest.raises(CollectorError, match="did not end within 1 s"):
        child.run([sys.executable, "-c", "import time; time.sleep(60)"], longest_s=1)


def test_a_program_that_is_not_there_is_one_line():
    with pytest.raises(CollectorError, match="can't be run: No such file") as caught:
        child.run(["/no/such/program"])
    assert caught.value.for_good


def test_an_answer_is_read_and_a_fault_raised(tmp_path):
    assert child.answered(tmp_path) is None
    answer = tmp_path / "answer.json"
    answer.write_text(json.dumps({"fault": None, "for_good": False, "reference_ns": {"x": 2.0}}))
    assert child.answered(tmp_path)["reference_ns"] == {"x": 2.0}
    answer.write_text(json.dumps({"fault": "ValueError: no", "for_good": False, "reference_ns": None}))
    with pytest.raises(CollectorError, match="its process failed: ValueError: no") as caught:
        child.answered(tmp_path, "its process")
    assert not caught.value.for_good
