"""Files are written beside their place and renamed: whole or not at all, a group of them or none, whatever goes wrong."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from launchlens.traces import files
from launchlens.traces.problems import InputError


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder that is as good as on another file system: nothing can be renamed out of it."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    rename, replace = os.rename, os.replace

    def refusing(real):
        def moved(source, place):
            if folder in (part := os.fspath(source), place) or os.path.dirname(part) == os.fspath(folder):
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), os.fspath(source))
            return real(source, place)

        return moved

    monkeypatch.setattr(os, "rename", refusing(rename))
    monkeypatch.setattr(os, "replace", refusing(replace))
    return folder


@pytest.fixture
def here(tmp_path):
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def held(folder):
    """Every file below `folder`, hidden ones too, with its text."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def failing_at(monkeypatch, name):
    """Nothing that was made can be renamed to a place called `name` any more."""
    replace = os.replace

    def refused(source, place):
        if os.path.basename(source) == os.path.basename(place) == name:
            raise OSError(errno.ENOSPC, "disk full")
        replace(source, place)

    monkeypatch.setattr(os, "replace", refused)


def test_a_file_appears_when_it_is_whole(here):
    with files.writing(here / "a.json") as path:
        path.write_text("half")
        assert path.name == "a.json" and not (here / "a.json").exists()
        path.write_text("whole")
    assert held(here) == {"a.json": "whole"} and len(list(here.iterdir())) == 1


def test_a_new_file_is_readable_as_the_umask_says(here):
    before = os.umask(0o027)
    try:
        files.write_text(here / "a", "x")
    finally:
        os.umask(before)
    assert oct((here / "a").stat().st_mode & 0o777) == "0o640"


@pytest.mark.parametrize("fault", [OSError("disk full"), KeyboardInterrupt(), SystemExit(143), ValueError("a bug")])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(here, fault):
    files.write_text(here / "a", "old")
    with pytest.raises(type(fault)), files.writing(here / "a") as path:
        path.write_text("new")
        path.with_name("more").write_text("on the way")
        raise fault
    assert held(here) == {"a": "old"} and len(list(here.iterdir())) == 1


def test_a_rename_that_fails_leaves_the_old_file_and_nothing_else(here, monkeypatch):
    files.write_text(here / "a", "old")
    failing_at(monkeypatch, "a")
    with pytest.raises(OSError, match="disk full"):
        files.write_text(here / "a", "new")
    assert held(here) == {"a": "old"} and len(list(here.iterdir())) == 1


def test_a_folder_takes_the_place_of_a_folder(here):
    for names in ("ab", "bc"):
        with files.writing(here / "tables") as folder:
            folder.mkdir()
            for name in names:
                (folder / name).write_text(names)
    assert held(here) == {"tables/b": "bc", "tables/c": "bc"} and len(list(here.iterdir())) == 1


def test_a_folder_that_can_not_take_its_place_leaves_the_old_one(here, monkeypatch):
    (here / "tables").mkdir()
    (here / "tables" / "a").write_text("old")
    replace = os.replace

    def refused(source, place):
        if (source / "b").exists():
            raise OSError(errno.EACCES, "permission denied")
        replace(source, place)

    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(OSError, match="denied"), files.writing(here / "tables") as folder:
        folder.mkdir()
        (folder / "b").write_text("new")
    assert held(here) == {"tables/a": "old"} and len(list(here.iterdir())) == 1


def test_what_lies_on_another_file_system_is_copied_beside_first(here, elsewhere):
    (elsewhere / "a").write_text("made")
    (elsewhere / "tables").mkdir()
    (elsewhere / "tables" / "b").write_text("made")
    files.put({here / "a.sqlite": elsewhere / "a", here / "tables": elsewhere / "tables"})
    assert held(here) == {"a.sqlite": "made", "tables/b": "made"}


def test_a_copy_that_breaks_off_leaves_nothing_under_the_final_name(here, elsewhere, monkeypatch):
    (elsewhere / "a").write_text("a whole sqlite")

    def cut(source, to):
        with open(to, "w") as file:
            file.write("a whole")
        raise OSError(errno.ENOSPC, "disk full")

    monkeypatch.setattr("shutil.copyfile", cut)
    with pytest.raises(OSError, match="disk full"):
        files.put({here / "a.sqlite": elsewhere / "a"})
    assert held(here) == {}


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("at", ["a", "b", "c"])
def test_of_a_group_all_are_there_or_none(here, tmp_path, monkeypatch, at, old):
    made = tmp_path / "made"
    made.mkdir()
    for name in "abc":
        (made / name).write_text("new")
        if old:
            (here / name).write_text("old")
    before = held(here)
    group = {here / name: made / name for name in "abc"}
    with monkeypatch.context() as patch:
        failing_at(patch, at)
        with pytest.raises(OSError, match="disk full"):
            files.put_copies(group)
        assert held(here) == before
    files.put_copies(group)
    assert held(here) == dict.fromkeys("abc", "new") and held(made) == dict.fromkeys("abc", "new")


def test_a_group_of_which_one_was_never_made_is_none(here, tmp_path):
    (tmp_path / "report").write_text("new")
    with pytest.raises(FileNotFoundError):
        files.put({here / "report": tmp_path / "report", here / "export": tmp_path / "export"})
    assert held(here) == {}


def test_a_place_is_never_the_input_nor_what_is_there(here):
    source, link, hard = here / "a", here / "link", here / "hard"
    source.write_text("input")
    link.symlink_to(source)
    os.link(source, hard)
    for place in (source, link, hard):
        with pytest.raises(InputError, match="is the input itself"):
            files.free(place, True, source)
    (here / "b").write_text("mine")
    with pytest.raises(InputError, match=r"exists already \(pass --force"):
        files.free(here / "b", False, source)
    with pytest.raises(InputError, match="belongs to the input"):
        files.free(here / "b", True, here)
    with pytest.raises(InputError, match="is a folder"):
        files.free(here, True, source)
    assert files.free(here / "b", True, source) == here / "b"
    assert files.free(here / "new", False, source) == here / "new"


def test_a_device_and_a_pipe_are_no_places_for_a_file(here):
    os.mkfifo(here / "pipe")
    for place in (here / "pipe", files.Path("/dev/null")):
        with pytest.raises(InputError, match="is not a regular file"):
            files.free(place, True, here / "absent")


def test_what_the_system_refuses_is_one_line(here):
    with pytest.raises(InputError, match=r"x: can't be written: No such file or directory \(give another place\)"):
        place = here / "absent" / "x"
        with files.writable(place):
            files.write_text(place, "x")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_ended_leaves_nothing_beside_its_output(here, ending):
    code = (
        "import sys, time; from launchlens import cli; from launchlens.traces import files; from pathlib import Path\n"
        "@cli.app.command()\n"
        "def slow(place: Path):\n"
        "    with files.writing(place) as path:\n"
        "        path.write_text('half'); print('begun', flush=True); time.sleep(60)\n"
        "cli.app(['slow', sys.argv[1]])"
    )
    command = [sys.executable, "-c", code, str(here / "a")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        begun = time.monotonic()
        process.send_signal(ending)
        _, said = process.communicate(timeout=30)
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[ending], said
    assert time.monotonic() - begun < 30 and "Traceback" not in said
    assert list(here.iterdir()) == []
