"""Files read by an existing Dask cluster: a task a file. Its workers need launchlens, of this version, and the files at the same paths."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

import launchlens
from launchlens.traces.fleet.summarise import summaries
from launchlens.traces.fleet.summary import RankSummary, Unusable
from launchlens.traces.fleet.work.faults import told
from launchlens.traces.fleet.work.progress import Done
from launchlens.traces.problems import InputError

if TYPE_CHECKING:
    from distributed import Client

#: How long a scheduler may take to answer, how much longer Dask to say that it does not, and a cluster to get its first worker, seconds.
_ANSWERS_S, _LONGER_S, _WORKERS_S = 10.0, 5.0, 30


def read_on(scheduler: str, paths: Sequence[Path], steps: str | None, done: Done) -> list[RankSummary | Unusable]:
    """The summaries of some files, in their order.

    Dask does the tasks of a worker that dies again, as often as its `distributed.scheduler.allowed-failures` says. Raises InputError where
    the package is missing, the scheduler does not answer, or its workers can't do it.
    """
    try:
        from distributed import Client, as_completed
        from distributed.scheduler import KilledWorker
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("distributed", "dask"):
            raise
        raise InputError(
            "--scheduler", "needs Dask, which is not installed", "pip install 'launchlens[fleet]'"
        ) from None
    client = _connected(Client, scheduler)
    with client:
        _check(client, scheduler)
        futures = [client.submit(_read, path.absolute(), path, steps, pure=False, retries=0) for path in paths]
        place = {future.key: at for at, future in enumerate(futures)}
        found: list[list[RankSummary] | Unusable | None] = [None] * len(paths)
        try:
            for future in as_completed(futures):
                at = place[future.key]
                try:
                    found[at] = future.result()
                except KilledWorker as killed:
                    found[at] = Unusable(
                        paths[at], f"its worker died, and so did {killed.allowed_failures} more that read it"
                    )
                except Exception as error:  # noqa: BLE001  what a worker met: one file of a thousand ends nothing
                    what = " ".join(f"{type(error).__name__}: {error}".split())
                    found[at] = Unusable(paths[at], f"could not be read by the cluster: {what[:200]}")
                future.release()
                done(1)
        except BaseException:
            client.cancel(futures)
            raise
    answers: list[RankSummary | Unusable] = []
    for each in found:
        assert each is not None
        answers += [each] if isinstance(each, Unusable) else each
    return answers


def _connected(client_of: type[Client], scheduler: str) -> Client:
    """A client of the scheduler. Raises InputError where none answers at that address, soon, whatever Dask's packages do about it."""

    class Closing(client_of):  # type: ignore[misc]  # Dask's, imported where it is needed
        """Closes what it began where it gets no further: Dask leaves that to the collector of garbage, which may run when the loop
        that this has to wait for has ended, or in the thread of that loop.
        """

        def __init__(self) -> None:
            try:
                super().__init__(scheduler, timeout=_ANSWERS_S)
            except BaseException:
                self.close()
                raise

    # a thread that may be left behind: for an address of some kinds Dask waits for good, whatever time it is given
    told: SimpleQueue[Client | Exception] = SimpleQueue()

    def connect() -> None:
        try:
            told.put(Closing())
        except Exception as error:  # noqa: BLE001  whatever the package for an address of that kind raises, or lacks
            told.put(error)

    Thread(target=connect, daemon=True).start()
    try:
        found = told.get(timeout=_ANSWERS_S + _LONGER_S)
    except Empty:
        found = TimeoutError(f"nothing came of it within {_ANSWERS_S + _LONGER_S:g} s")
    if isinstance(found, Exception):
        what = " ".join(f"{found}".split())[:200]
        raise InputError(
            scheduler[:100], f"no Dask scheduler answers there: {what}", "give its address, tcp://HOST:PORT"
        )
    return found


def _check(client: object, scheduler: str) -> None:
    """Raise InputError unless the cluster has workers with this version of launchlens."""
    from distributed import Client

    assert isinstance(client, Client)
    try:
        client.wait_for_workers(1, timeout=_WORKERS_S)
        version = client.submit(_version, pure=False).result(timeout=_WORKERS_S)
    except TimeoutError:
        raise InputError(
            scheduler, "the cluster has no worker that answers", "start one: dask worker ADDRESS"
        ) from None
    except Exception as error:  # noqa: BLE001  whatever a worker without launchlens makes of the task
        what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        remedy = "install the same version of launchlens where its workers run"
        raise InputError(scheduler, f"its workers can't run launchlens: {what}", remedy) from None
    if version != launchlens.__version__:
        what = f"its workers have launchlens {version}, and this is {launchlens.__version__}"
        raise InputError(scheduler, what, "install the same version there")


def _version() -> str:
    return launchlens.__version__


def _read(path: Path, given: Path, steps: str | None) -> list[RankSummary] | Unusable:
    """What a worker of the cluster does; results call a file what it was called where the command ran."""
    from dataclasses import replace

    answer = told(summaries, path, steps)
    return (
        replace(answer, path=given) if isinstance(answer, Unusable) else [replace(each, path=given) for each in answer]
    )
