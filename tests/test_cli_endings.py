"""How commands end: exit codes, one line on stderr, nothing of a traceback, nothing left in temporary folders."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile

import forked
import pytest
from typer.testing import CliRunner

import started
from launchlens.cli import app
from launchlens.commands.endings import TerminatedError
from launchlens.traces.problems import InputError
from made_capture import make_capture, make_trace

ROOT = Path(__file__).parents[1]
CLI = [sys.executable, str(ROOT / "cli.py")]


def run(*arguments, **more):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], **more)


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    return make_capture(tmp_path_factory.mktemp("made") / "capture")


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "made.pt.trace.json.gz"
    make_trace(path, "eager")
    return path


# -- what is raised


@pytest.fixture
def raising(monkeypatch):
    """Lets `analyze` raise an error where it opens its trace."""

    def let_raise(error):
        def opened(*arguments, **more):
            raise error

        monkeypatch.setattr("launchlens.traces.source.source_of", opened)

    return let_raise


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InputError("x.json", "is no trace"), 2, "x.json: is no trace"),
        (MemoryError(), 2, "x.json: needs more memory than there is here"),
        (RecursionError("maximum recursion depth exceeded"), 2, "x.json: is nested too deep to be read"),
        (PermissionError(13, "Permission denied", "x.json"), 2, "x.json: Permission denied"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (TerminatedError(), 143, "terminated"),
        (
            KeyError("a\nb"),
            70,
            r"a fault of launchlens: KeyError: 'a\nb' (run again with --debug for the traceback, and report it)",
        ),
        (
            ValueError("one\ntwo  three"),
            70,
            "a fault of launchlens: ValueError: one two three (run again with --debug for the traceback, and report it)",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_whatever_is_raised_is_one_line_and_an_exit_code(error, code, line, raising):
    raising(error)
    result = run("analyze", "x.json")
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", f"launchlens: {line}\n")


@pytest.mark.parametrize(
    "arguments", [["--debug", "analyze", "x.json"], ["analyze", "x.json", "--debug"], ["analyze", "x.json"]]
)
def test_debug_shows_where(arguments, raising, monkeypatch):
    if "--debug" not in arguments:
        monkeypatch.setenv("LAUNCHLENS_DEBUG", "1")
    raising(LookupError("nothing"))
    result = run(*arguments)
    first, *_, last = result.stderr.splitlines()
    assert result.exit_code == 70 and first == "Traceback (most recent call last):"
    assert "in opened" in result.stderr and last.startswith("launchlens: a fault of launchlens: LookupError: nothing")


@pytest.mark.parametrize("arguments", [["--html", "--output", "x.html"], ["--range", "--full"], ["--html", "-o"]])
def test_an_option_is_not_taken_for_the_value_of_another(arguments, trace, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    result = run("analyze", trace, *arguments)
    assert (result.exit_code, result.stdout, sorted(tmp_path.iterdir())) == (2, "", before)
    assert f"needs a value, and {arguments[1]} is an option" in " ".join(result.stderr.replace("│", " ").split())


def test_debug_stays_an_argument_after_two_dashes():
    result = run("analyze", "--", "--debug")
    assert result.exit_code == 2 and result.stderr.startswith("launchlens: --debug: ")


def test_help_names_every_exit_code():
    from launchlens.commands import exit_codes

    text = " ".join(run("--help").stdout.split())
    for code in (value for name, value in vars(exit_codes).items() if name.isupper()):
        assert f" {code} " in text.split("Exit codes:")[1]


# -- a pipe that is closed, a disk that is full


def ending(command, *, stdout, stderr=None):
    """The exit code of a command line whose stdout is this descriptor, and what it says on stderr; nothing where that is given."""
    with TemporaryFile() as said:
        code = forked.start(command, stdout=stdout, stderr=said.fileno() if stderr is None else stderr).wait()
        said.seek(0)
        return code, said.read().decode()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["analyze", "--help"],
        ["variants"],
        ["analyze", "TRACE"],
        ["analyze", "TRACE", "--json"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("both", [False, True], ids=["stdout", "both"])
def test_a_closed_pipe_is_no_error(arguments, both, trace):
    read, write = os.pipe()
    os.close(read)
    try:
        command = [str(trace) if part == "TRACE" else part for part in arguments]
        answer = ending(command, stdout=write, stderr=write if both else None)
    finally:
        os.close(write)
    assert answer == (0, "")


def test_a_pipe_that_was_closed_before_python_began_is_no_error(trace):
    read, write = os.pipe()
    os.close(read)
    try:
        answer = subprocess.run([*CLI, "analyze", trace], stdout=write, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(write)
    assert (answer.returncode, answer.stderr) == (0, b"")


def test_report_into_head_is_done(capture, tmp_path):
    with subprocess.Popen(["head", "-1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as head:
        assert head.stdin is not None and head.stdout is not None
        with TemporaryFile() as said:
            command = ["report", capture, "--output", tmp_path / "x.html"]
            process = forked.start(command, stdout=head.stdin.fileno(), stderr=said.fileno())
            head.stdin.close()
            assert head.stdout.read().count("\n") == 1
            assert process.wait() == 0
            said.seek(0)
            assert said.read() == b""


def test_an_error_stays_one_where_nobody_reads_it():
    read, write = os.pipe()
    os.close(read)
    try:
        assert ending(["analyze", "absent"], stdout=write, stderr=write) == (2, "")
    finally:
        os.close(write)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("arguments", [["variants"], ["variants", "--json"], ["--help"]], ids=" ".join)
def test_a_full_disk_is_one_line(arguments):
    with open("/dev/full", "w") as full:
        answer = ending(arguments, stdout=full.fileno())
    assert answer == (2, "launchlens: No space left on device\n")


def test_without_a_stdout_a_command_still_runs(trace, tmp_path):
    script = f"'{CLI[0]}' '{CLI[1]}' analyze '{trace}' --html '{tmp_path}/x.html' >&-"
    answer = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert answer.returncode == 0 and answer.stderr == "" and (tmp_path / "x.html").exists()


# -- signals


@pytest.mark.parametrize("module", ["typer", "pandas"])
def test_ctrl_c_while_modules_load_prints_no_traceback(module, trace, tmp_path):
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / f"{module}.py").write_text("raise KeyboardInterrupt\n")
    surroundings = os.environ | {"PYTHONPATH": str(tmp_path / "modules")}
    answer = subprocess.run([*CLI, "analyze", trace], capture_output=True, text=True, env=surroundings, check=False)
    assert (answer.returncode, answer.stdout, answer.stderr) == (130, "", "launchlens: interrupted\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_command_that_is_ended_takes_its_temporary_files_with_it(number, code, capture, tmp_path):
    pytest.importorskip("perfetto", reason="exporting needs perfetto")
    said, errors, temporary = (tmp_path / name for name in ("said", "errors", "temporary"))
    temporary.mkdir()
    command = ["open", capture, "--no-browser", "--port", "0", "--wait", "60"]
    with forked.program(command, said, errors, {"TMPDIR": str(temporary)}) as process:
        started.until(lambda: said.read_text().startswith("https://ui.perfetto.dev"), "address")
        assert list(temporary.rglob("*.pftrace")), "what is served lies there"
        process.send_signal(number)
        assert process.wait() == code
    assert "Traceback" not in errors.read_text()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_a_destructor_drops_is_sent_again(number):
    code = (
        "import os, signal, time\n"
        "from launchlens.commands.endings import TerminatedError, signals_unwind\n"
        "class Dropping:\n"
        "    def __del__(self):\n"
        f"        os.kill(os.getpid(), {int(number)})\n"
        "        time.sleep(0.01)\n"
        "try:\n"
        "    with signals_unwind():\n"
        "        Dropping()\n"
        "        time.sleep(10)\n"
        "except (TerminatedError, KeyboardInterrupt) as error:\n"
        "    print(type(error).__name__)\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    expected = "TerminatedError" if number == signal.SIGTERM else "KeyboardInterrupt"
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, f"{expected}\n", "")
