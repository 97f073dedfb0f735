"""The captures that ship, each worked out once for all tests."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import kept
import pytest
from typer.testing import CliRunner

from launchlens.cli import app
from launchlens.reports.output import Wanted
from launchlens.reports.pages import capture as pages
from launchlens.reports.writers import html as writer
from launchlens.traces.captures.capture import Capture, read_capture
from launchlens.traces.captures.recorded import FOLDER, all_recorded, recorded_sweeps
from launchlens.traces.studies import study as module
from launchlens.traces.studies.study import Study
from launchlens.traces.studies.verdict import verdict
from launchlens.traces.sweeps import study as of_sweeps
from launchlens.traces.sweeps.study import SweepStudy
from launchlens.traces.sweeps.sweep import Sweep, read_sweep

_work_out, _work_out_sweep = module.study, of_sweeps.sweep_study


def worked_out(name: str, *, wait: bool = True) -> Study:
    """The study of the capture in the folder of this name."""

    def work() -> Study:
        found = _work_out(read_capture(FOLDER / name))
        if kept.PLACE is not None:
            verdict(found)  # others ask for it as well: what it rests on is kept with the study
        return found

    return kept.once(name, work, wait=wait)


def sweep_worked_out(name: str) -> SweepStudy:
    """The study of the sweep in the folder of this name."""
    return kept.once(name, lambda: _work_out_sweep(read_sweep(FOLDER / name)))


def all_worked_out() -> dict[str, Study | SweepStudy]:
    """Everything that ships, by name: captures, and sweeps after them."""
    for folder in all_recorded():
        with suppress(BlockingIOError):  # what another process is at can wait until all others are there
            worked_out(folder.name, wait=False)
    captures = {folder.name: worked_out(folder.name) for folder in all_recorded()}
    return {**captures, **{folder.name: sweep_worked_out(folder.name) for folder in recorded_sweeps()}}


def _study(capture: Capture, progress: Any = None) -> Study:
    return worked_out(capture.path.name) if capture.path.parent == FOLDER else _work_out(capture, progress)


def _sweep_study(sweep: Sweep, *more: Any) -> SweepStudy:
    ships = sweep.path.parent == FOLDER and not more
    return sweep_worked_out(sweep.path.name) if ships else _work_out_sweep(sweep, *more)


def printed(*arguments: str | Path) -> str:
    """What a command prints of them, and nothing else of it: no report's page is drawn."""
    with once(), pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setattr(pages, "page", lambda *study, **more: None)
        patch.setattr(writer, "html", lambda page: "")
        elsewhere = ["--output", f"{folder}/report.html"] if arguments[0] == "report" else []
        answer = CliRunner().invoke(app, [*map(str, arguments), *elsewhere])
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def claims_printed() -> dict[str, str]:
    """What `claims` prints of all that ships, in each of its formats: one run finds it, and each is written of what that found."""

    def work() -> dict[str, str]:
        from fuzz.run import kept_results  # which brings all that is fuzzed

        with kept_results() as results:
            said = {"json": printed("claims", "--json")}
        (result,) = results
        with TemporaryDirectory() as folder:
            for format in ("table", "markdown"):
                Wanted(format, file=Path(folder) / format).write(result)
                said[format] = (Path(folder) / format).read_text()
        return said

    with suppress(BlockingIOError):
        return kept.once("claims", work, wait=False)
    all_worked_out()  # which it needs, meanwhile
    return kept.once("claims", work)


@contextmanager
def once() -> Iterator[None]:
    """Let commands that run in here take these studies, where they are asked about a capture that ships."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "study", _study)
        patch.setattr(of_sweeps, "sweep_study", _sweep_study)
        yield
