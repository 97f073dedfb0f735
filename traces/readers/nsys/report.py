"""A report of Nsight Systems (.nsys-rep), whose format is NVIDIA's own: nsys exports it to a database, and that is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from launchlens.traces.problems import InputError
from launchlens.traces.readers.nsys import nsys_cli
from launchlens.traces.readers.nsys.reader import read as read_export
from launchlens.traces.trace import Progress, Trace


def read(path: Path, *, partial: bool = False, progress: Progress | None = None) -> Trace:
    """The trace in the report `path`, exported to a temporary file by the nsys of this machine.

    Raises InputError where there is no nsys here, or it can't export that report, and as `reader.read` does.
    """
    nsys = nsys_cli.find()
    if nsys is None:
        what = "is an Nsight Systems report, which only nsys can open"
        raise InputError(path, what, f"run: nsys export --type sqlite {path.name}")
    with TemporaryDirectory(prefix="launchlens-") as folder:
        export = Path(folder) / "export.sqlite"
        try:
            nsys_cli.export_sqlite(nsys, path, export)
        except nsys_cli.NsysError as error:
            raise InputError(path, f"can't be opened: {error}", "export it where nsys works, as sqlite") from None
        return replace(read_export(export, progress=progress), path=path, bytes=path.stat().st_size)
