"""Who reads the files of a fleet makes no difference: this process, several, ones that are killed, a Dask cluster."""

import gc
import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
from traces.made_ranks import Clock, run, training, write

from launchlens.traces.fleet.fleet import fleet_of
from launchlens.traces.fleet.read import read_fleet
from launchlens.traces.fleet.summary import RankSummary
from launchlens.traces.fleet.work import local
from launchlens.traces.problems import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Eight files of eight ranks, one of them cut off."""
    made: Path = tmp_path_factory.mktemp("ranks")
    clocks = [Clock(1_000_000 * number) for number in range(8)]
    paths = write(run(training(5, "data", 3000, ranks=8), 8, 4, clocks), made)
    (made / "rank8.json").write_bytes(paths[0].read_bytes()[:999])
    return made


@pytest.fixture(scope="module")
def expected(folder):
    """What this process alone makes of them."""
    document = read_fleet([folder]).document()
    assert document.stragglers and document.stragglers[0].rank == 5 and len(document.skipped) == 1
    return document


def _killed(monkeypatch, of: str, *, times: int) -> list[int]:
    """Kill the processes that read the file called `of`, in the middle of it, so many times; returns whom."""
    ask = local._Process.ask
    victims: list[int] = []

    def asked(self, path, steps):
        if path.name == of and len(victims) < times:
            number = self._process.pid
            victims.append(number)
            os.kill(number, signal.SIGSTOP)  # it has the file, and won't have answered
            threading.Timer(0.05, os.kill, (number, signal.SIGKILL)).start()
        return ask(self, path, steps)

    monkeypatch.setattr(local._Process, "ask", asked)
    return victims


def test_a_killed_process_costs_nothing_but_time(folder, expected, monkeypatch) -> None:
    victims = _killed(monkeypatch, "rank3.json", times=2)
    done: list[int] = []
    found = local.read_here(sorted(folder.iterdir()), None, 2, done.append)
    assert fleet_of(found).document() == expected
    assert len(set(victims)) == 2 and sum(done) == 9


def test_a_file_that_kills_every_process_is_left_out(folder, monkeypatch) -> None:
    victims = _killed(monkeypatch, "rank3.json", times=99)
    document = fleet_of(local.read_here(sorted(folder.glob("rank[2-5].json")), None, 1, lambda more: None)).document()
    assert len(victims) == 1 + local.TRIES_AGAIN == 3
    assert [(Path(each.file).name, each.reason) for each in document.skipped] == [
        ("rank3.json", "its process was ended by SIGKILL, and so did 2 more that read it")
    ]
    assert [row.rank for row in document.ranks] == [2, 4, 5]


def test_no_process_is_left_when_it_is_interrupted(folder) -> None:
    started: list[local._Process] = []
    make = local._Process.__init__

    def interrupt(more: int) -> None:
        raise KeyboardInterrupt

    def kept(self) -> None:
        make(self)
        started.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local._Process, "__init__", kept)
        with pytest.raises(KeyboardInterrupt):
            local.read_here(sorted(folder.iterdir()), None, 1, interrupt)
    assert started and all(each._process.poll() is not None for each in started)


def test_as_many_processes_as_memory_has_room_for(folder, monkeypatch) -> None:
    paths = sorted(folder.iterdir())
    monkeypatch.setattr(os, "sched_getaffinity", lambda of: set(range(6)), raising=False)
    monkeypatch.setattr(local, "_free_memory", lambda: 1 << 40)
    assert local.fitting(paths) == 6 and local.fitting(paths[:2]) == 2
    monkeypatch.setattr(local, "_free_memory", lambda: 3 * local._LEAST_MEMORY)
    assert local.fitting(paths) == 2
    monkeypatch.setattr(local, "_free_memory", lambda: 0)
    assert local.fitting(paths) == 1


def test_what_is_kept_of_a_file_is_small(folder) -> None:
    """No events, and no more than some numbers a collective and a step: whoever puts them together holds no trace."""
    import pickle

    found = local.read_here([folder / "rank0.json"], None, None, lambda more: None)
    (one,) = found
    assert (
        isinstance(one, RankSummary) and len(pickle.dumps(one)) < 200 * (len(one.collectives) + len(one.steps)) + 4000
    )


@pytest.fixture(scope="module")
def cluster():
    """A Dask cluster of processes on this machine, each forked off one that has loaded Dask: loading it takes longest."""
    distributed = pytest.importorskip("distributed", reason="no Dask here")
    import dask

    with (
        dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
        ) as made,
    ):
        yield made


@pytest.mark.filterwarnings("default")
def test_a_cluster_says_the_same_and_does_the_files_of_a_killed_worker_again(folder, expected, cluster) -> None:
    assert read_fleet([folder], scheduler=cluster.scheduler_address).document() == expected
    killed: list[int] = []

    def showing(total):
        from contextlib import nullcontext

        def done(more: int) -> None:
            if not killed:  # the first file is done, and the others are under way
                victim = next(iter(cluster.workers.values())).process.pid
                killed.append(victim)
                os.kill(victim, signal.SIGKILL)

        return nullcontext(done)

    many = [folder, *_copies(folder)]
    before = read_fleet(many).document()
    assert read_fleet(many, scheduler=cluster.scheduler_address, showing=showing).document() == before
    assert killed


def _copies(folder: Path) -> list[Path]:
    """More files, so that a cluster is busy for a while."""
    other = folder.parent / f"{folder.name}-more"
    other.mkdir(exist_ok=True)
    for number in range(12):
        (other / f"rank{number}-again.json").write_bytes((folder / f"rank{number % 8}.json").read_bytes())
    return [other]


@pytest.mark.filterwarnings("default")
def test_a_scheduler_that_is_not_there_is_refused(folder, monkeypatch) -> None:
    from launchlens.traces.fleet.work import on_cluster

    pytest.importorskip("distributed", reason="no Dask here")
    monkeypatch.setattr(on_cluster, "_ANSWERS_S", 0.5)
    with pytest.raises(InputError, match="no Dask scheduler answers there"):
        read_fleet([folder], scheduler="tcp://127.0.0.1:9")


def test_without_dask_a_scheduler_is_refused_with_the_remedy(folder, monkeypatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"needs Dask.*launchlens\[fleet\]"):
        read_fleet([folder], scheduler="tcp://127.0.0.1:9")


@pytest.mark.parametrize(
    "address", ["", "\x1b]0;x\x07", "tcp://[::1", "file:///etc/passwd", "a" * 5000, "ucx://x:1", "inproc://x"]
)
def test_what_is_no_address_of_a_scheduler_is_refused_in_a_line(folder, address) -> None:
    pytest.importorskip("distributed", reason="no Dask here")
    with pytest.raises(InputError, match="no Dask scheduler answers there: ") as raised:
        read_fleet([folder], scheduler=address)
    assert len(str(raised.value)) < 500 and "\n" not in str(raised.value)
    before = time.monotonic()
    gc.collect()  # a client that is left half made waits twice its time for its loop, in whatever thread that runs
    assert time.monotonic() - before < 5


@pytest.mark.parametrize("says", [b"", b"\xff" * 64, b"HTTP/1.1 200 OK\r\n\r\n"], ids=["nothing", "noise", "http"])
@pytest.mark.filterwarnings("default")  # the connection that nothing comes of is left to a thread
def test_what_listens_there_and_is_no_scheduler_is_given_up(folder, says, monkeypatch) -> None:
    from launchlens.traces.fleet.work import on_cluster

    pytest.importorskip("distributed", reason="no Dask here")
    monkeypatch.setattr(on_cluster, "_ANSWERS_S", 0.4)
    monkeypatch.setattr(on_cluster, "_LONGER_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        heard = []

        def answer() -> None:
            heard.append(server.accept()[0])
            heard[0].sendall(says)

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(InputError, match="no Dask scheduler answers there: "):
            read_fleet([folder], scheduler=f"tcp://127.0.0.1:{server.getsockname()[1]}")
    for each in heard:
        each.close()
