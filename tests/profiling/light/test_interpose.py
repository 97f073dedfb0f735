"""The light recorder's library in a process with a made CUDA: it records each call once, changes none, and says what it lost."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from launchlens.profiling.collectors.light import build
from launchlens.profiling.collectors.light.recorder import PRELOADED, preloading, without_preloading

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("gcc") is None, reason="needs Linux and gcc, which builds the library"
)


def _compile(source: str, made: Path, *more: str) -> None:
    done = subprocess.run(
        ["gcc", "-shared", "-fPIC", "-O1", "-o", str(made), str(HERE / source), *more],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    """What is built for a user, once for all tests, into a cache that was empty: nothing of torch's is needed for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(build.CACHE, str(tmp_path_factory.mktemp("cache")))
        patch.setattr(build, "_torch_headers", lambda: None)
        yield build.built()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The made CUDA, and a program that uses it."""
    folder = tmp_path_factory.mktemp("cuda")
    # bound within itself, as the real one is
    _compile("fake_driver.c", folder / "libcuda.so.1", "-Wl,-Bsymbolic")
    _compile("fake_runtime.c", folder / "libcudart.so.12")
    _compile("program.c", folder / "program.so", str(folder / "libcudart.so.12"), f"-Wl,-rpath,{folder}", "-lpthread")
    _compile("fake_driver.c", folder / "mine.so")
    return folder


@pytest.fixture(scope="module", params=["tsc", "clock"])
def said(request, libraries, folder):
    environment = dict(os.environ) | {"LD_PRELOAD": f"{libraries.interpose}:{folder / 'mine.so'}"}
    environment |= {PRELOADED: str(libraries.interpose)}
    if request.param == "clock":
        environment["LAUNCHLENS_LIGHT_CLOCK"] = "1"
    command = [sys.executable, str(HERE / "recorded_program.py"), str(folder), str(libraries.interpose)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) | {"folder": folder}


# what the made driver returns for the arguments 1 to 11
ALL_ELEVEN = sum(number * number for number in range(1, 12))


def test_a_call_of_a_linked_function_is_recorded_once_and_gets_its_arguments(said):
    direct = said["direct"]
    # (1, grid 2 3 4, block 5 6 7, shared 8, arguments 9, stream 10, 0): the driver's call inside it is not recorded again
    assert direct["names"] == ["cudaLaunchKernel"]
    assert direct["result"] == ALL_ELEVEN - 121
    assert direct["threads"] == [said["main_thread"]]


def test_a_function_asked_for_by_name_is_recorded_with_arguments_on_the_stack(said):
    assert said["by dlsym"]["names"] == ["cuLaunchKernel"]
    assert said["by dlsym"]["result"] == ALL_ELEVEN


def test_a_function_of_cu_get_proc_address_is_recorded(said):
    assert said["wait"]["names"] == ["cuStreamSynchronize"]
    assert said["wait"]["result"] == 100


def test_two_functions_of_one_name_stay_two(said):
    assert (said["info of 11.3"]["result"], said["info of 12"]["result"]) == (120, 123)
    assert said["info of 11.3"]["names"] == said["info of 12"]["names"] == ["cuStreamGetCaptureInfo"]
    assert said["status"] == 7


def test_a_look_up_is_left_in_what_made_it(said):
    assert said["looks up"]["result"] == 100
    assert said["looks up"]["count"] == 0


def test_what_the_driver_has_not_stays_missing(said):
    assert said["no such function"]["result"] == -1
    assert said["no such function"]["count"] == 0


def test_a_call_is_as_long_as_what_it_does(said):
    """The made launch spends 20 µs and the made wait 100 µs; a tick is a ns, or less: no time stamp counter is slower than 1 GHz."""
    (launch,), (wait,) = said["by dlsym"]["ticks"], said["wait"]["ticks"]
    assert launch >= 20_000
    assert wait >= 100_000


def test_events_of_a_thread_outlive_it(said):
    assert said["another thread"]["count"] == 5
    assert said["main_thread"] not in said["another thread"]["threads"]


def test_events_beyond_a_chunk_are_kept_in_order(said):
    assert said["more than a chunk"]["count"] == 100_000
    assert said["more than a chunk"]["dropped"] == 0
    assert said["more than a chunk"]["ordered"]


def test_a_fork_records_nothing_and_takes_nothing(said):
    assert said["fork"]["result"] == 0
    assert said["fork"]["count"] == 0


def test_nothing_is_recorded_while_it_is_off(said):
    assert said["off"] == 0


def test_what_has_no_room_is_counted(said):
    assert (said["full"]["count"], said["full"]["dropped"]) == (1000, 500)
    assert (said["after full"]["count"], said["after full"]["dropped"]) == (3, 0)


def test_its_own_clock_runs(said):
    assert said["clock_goes_on"]


def test_processes_that_are_started_are_not_recorded_and_keep_what_else_is_preloaded(said):
    assert said["sees_calls"]
    assert said["preloaded_for_children"] == str(said["folder"] / "mine.so")


def test_what_was_preloaded_stays_preloaded(monkeypatch, libraries):
    monkeypatch.setenv("LD_PRELOAD", "/lib/first.so /lib/second.so")
    environment = preloading(libraries)
    assert environment["LD_PRELOAD"] == f"{libraries.interpose}:/lib/first.so:/lib/second.so"
    for name in ("LD_PRELOAD", PRELOADED):
        monkeypatch.setenv(name, environment[name])
    assert preloading(libraries)["LD_PRELOAD"] == environment["LD_PRELOAD"]
    after = without_preloading()
    assert after["LD_PRELOAD"] == "/lib/first.so:/lib/second.so"
    assert PRELOADED not in after


def test_a_library_is_built_once(libraries, monkeypatch):
    monkeypatch.setattr(build, "_build", lambda command, place: pytest.fail(f"{place} is there"))
    assert build.built() == libraries
    assert libraries.interpose.is_file() and libraries.observe is None


def test_a_compiler_that_fails_is_named_with_its_first_error(monkeypatch, tmp_path):
    false = tmp_path / "cc"
    false.write_text("#!/bin/sh\necho 'x.c:1: error: no such thing' >&2\nexit 1\n")
    false.chmod(0o755)
    monkeypatch.setenv(build.CACHE, str(tmp_path / "cache"))
    monkeypatch.setenv("CC", str(false))
    with pytest.raises(build.CollectorError, match=r"cc could not build interpose\.so.*no such thing"):
        build.built()
    assert not any((tmp_path / "cache").rglob("*.so"))


def test_no_compiler_is_said_with_the_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(build.CollectorError, match="install a C and a C"):
        build.built()
