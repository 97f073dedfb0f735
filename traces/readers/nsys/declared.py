"""What Nsight Systems writes, as the catalogue of readers lists it: a database, a folder of tables, and its own reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from launchlens.traces.readers.nsys import folder
from launchlens.traces.readers.nsys.connection import EXPORT_AGAIN
from launchlens.traces.readers.nsys.file import MAGIC
from launchlens.traces.readers.reader import Reader, Seen, Window, read_by, scrub_by

NAME = "nsys"
LABEL = "an Nsight Systems recording"
TOOL = "Nsight Systems"
#: What its own reports are called; nothing in their bytes says what they are.
REPORTS = (".nsys-rep", ".qdrep")
#: How to get the program that shows them.
GET_WINDOW = (
    "install NVIDIA Nsight Systems with its window (https://developer.nvidia.com/nsight-systems; the packages called "
    "nsight-systems-cli lack it) and put nsys-ui on PATH"
)


def _is_database(seen: Seen) -> bool:
    return seen.head.startswith(MAGIC)


def _is_folder(seen: Seen) -> bool:
    return seen.names is not None and folder.holds_tables(seen.names)


def _is_report(seen: Seen) -> bool:
    return seen.names is None and seen.path.suffix in REPORTS


def _check(path: Path) -> None:
    from launchlens.traces.readers.nsys.connection import plain_tables
    from launchlens.traces.readers.nsys.file import has_log, opened
    from launchlens.traces.readers.nsys.schema import check_is_export

    if has_log(path):
        return  # that has to be merged first
    with opened(path) as db:
        check_is_export(path, plain_tables(db))


def _windows() -> Sequence[Path]:
    from launchlens.traces.readers.nsys.nsys_ui import candidates

    return candidates()


def _show(path: Path, regime: str | None) -> str:
    from launchlens.traces.readers.nsys.nsys_ui import shown

    return shown(path, regime)


WINDOW = Window(
    name="nsight",
    label="Nsight Systems' own window",
    program="nsys-ui",
    get=GET_WINDOW,
    programs=_windows,
    show=_show,
)
EXPORT = Reader(
    name=NAME,
    label=LABEL,
    tool=TOOL,
    recognises=_is_database,
    read=read_by("launchlens.traces.readers.nsys.reader"),
    scrub=scrub_by("launchlens.traces.scrub.sqlite"),
    remedy=EXPORT_AGAIN,
    window=WINDOW,
    check=_check,
)
TABLES = Reader(
    name=NAME,
    label=LABEL,
    tool=TOOL,
    recognises=_is_folder,
    read=read_by("launchlens.traces.readers.nsys.reader"),
    scrub=scrub_by("launchlens.traces.scrub.tables"),
    remedy=folder.EXPORT_AGAIN,
    tables=folder.SUFFIX,
    refuse=folder.refuse_other_forms,
    window=WINDOW,
)
REPORT = Reader(
    name=NAME,
    label=LABEL,
    tool=TOOL,
    recognises=_is_report,
    read=read_by("launchlens.traces.readers.nsys.report"),
    scrub=None,
    remedy=EXPORT_AGAIN,
    scrub_instead="it holds the environment and command lines of every process: export it with nsys export --type sqlite, and scrub that",
    window=WINDOW,
)
