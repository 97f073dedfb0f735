"""Processes of our own: how they end is said in words, and nothing hangs."""

import json
import os
import shlex
import signal
import sys
import time
from pathlib import Path

import pytest

import started
from launchlens.profiling import child
from launchlens.profiling.collectors.error import CollectorError
from launchlens.traces import programs


def test_what_a_process_says_last_is_told_with_how_it_ended():
    said = child.run([sys.executable, "-c", "print('one'); print('in /home/me/two.py'); raise SystemExit(3)"])
    assert said == "ended with status 3 and left no answer: in two.py"


def test_a_signal_is_named():
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert child.run([sys.executable, "-c", code]) == "was ended by SIGKILL and left no answer"


def test_a_process_that_hangs_is_ended():
    with pytest.raises(CollectorError, match="did not end within 1 s"):
        child.run([sys.executable, "-c", "import time; time.sleep(60)"], longest_s=1)


def shell(code):
    """A program that has begun as soon as it is started, which Python has not."""
    return ["/bin/sh", "-c", code]


def starts_another(folder, then):
    """A program that starts one that would run on, heeding no interruption, writes down its number, and goes on with `then`."""
    part, other = (shlex.quote(str(folder / name)) for name in ("part", "other"))
    return shell(f"sleep 60 & echo $! > {part}; mv {part} {other}; {then}")


def gone(folder, within_s=10):
    """Whether the other program has ended, or ends soon."""
    number = int((folder / "other").read_text())

    def ended():
        try:
            return Path(f"/proc/{number}/stat").read_text().split(") ")[1][0] == "Z"  # and nobody has asked how
        except FileNotFoundError:
            return True

    return started.until(ended, "end of the other program", within_s)


def test_what_a_process_that_hangs_has_started_is_ended_too(tmp_path):
    with pytest.raises(CollectorError, match="did not end within 1 s"):
        child.run(starts_another(tmp_path, "wait"), longest_s=1)
    assert gone(tmp_path)


def test_a_process_that_hangs_may_tidy_up(tmp_path):
    lock, tidied = tmp_path / "lock", tmp_path / "tidied"
    code = f"trap 'rm {lock}; touch {tidied}; exit' INT; touch {lock}; sleep 60 & wait"
    with pytest.raises(CollectorError, match="did not end"):
        child.run(shell(code), longest_s=0.5)
    assert not lock.exists() and tidied.exists()


def test_a_process_that_does_not_heed_an_interruption_is_ended(monkeypatch):
    monkeypatch.setattr(programs, "GRACE_S", 0.1)
    with pytest.raises(CollectorError, match="did not end"):
        child.run(shell("trap '' INT; sleep 60"), longest_s=0.5)


def test_a_process_that_ended_is_not_waited_for_because_of_what_it_started(tmp_path):
    began = time.monotonic()
    assert child.run(starts_another(tmp_path, "exit 4"), longest_s=30) == "ended with status 4 and left no answer"
    assert time.monotonic() - began < 20
    os.kill(int((tmp_path / "other").read_text()), signal.SIGKILL)


def test_an_interruption_leaves_no_process_behind(tmp_path):
    ours = "import sys; from launchlens.profiling import child; child.run(sys.argv[1:])"
    command = [sys.executable, "-c", ours, *starts_another(tmp_path, "wait")]
    with started.program(command, tmp_path / "said") as process:
        started.until((tmp_path / "other").exists, "other program")
        process.send_signal(signal.SIGINT)  # to this one alone, as a supervisor sends it
        assert process.wait(started.PATIENCE)
    assert gone(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux does this")
def test_a_process_may_end_with_the_one_that_started_it(tmp_path):
    hangs = (
        "import os, pathlib, time; from launchlens.profiling.processes import end_with_parent; end_with_parent(); "
        f"part = pathlib.Path({str(tmp_path / 'part')!r}); part.write_text(str(os.getpid())); "
        f"part.rename({str(tmp_path / 'other')!r}); time.sleep(60)"
    )
    ours = "import sys; from launchlens.profiling import child; child.run(sys.argv[1:])"
    with started.program([sys.executable, "-c", ours, sys.executable, "-c", hangs], tmp_path / "said"):
        started.until((tmp_path / "other").exists, "other program")
    assert gone(tmp_path)


def test_a_program_that_is_not_there_is_one_line():
    with pytest.raises(CollectorError, match="can't be run: No such file") as caught:
        child.run(["/no/such/program"])
    assert caught.value.for_good


def test_an_answer_is_read_and_a_fault_raised(tmp_path):
    assert child.answered(tmp_path) is None
    answer = tmp_path / "answer.json"
    answer.write_text(json.dumps({"fault": None, "for_good": False, "reference_ns": {"x": 2.0}}))
    assert child.answered(tmp_path).reference_ns == {"x": 2.0}
    answer.write_text(json.dumps({"fault": "ValueError: no", "for_good": False, "reference_ns": None}))
    with pytest.raises(CollectorError, match="its process failed: ValueError: no") as caught:
        child.answered(tmp_path, "its process")
    assert not caught.value.for_good
