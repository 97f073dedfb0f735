"""Open any trace that a command is given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from launchlens.traces.problems import InputError

if TYPE_CHECKING:
    from launchlens.traces.trace import Progress, Trace


def opened(path: Path, partial: bool, progress: Progress) -> Trace:
    """Open a trace; a .nsys-rep is exported to a temporary file first, where nsys is there to do it."""
    from dataclasses import replace
    from tempfile import TemporaryDirectory

    from launchlens.profiling import nsight
    from launchlens.traces.trace import open_trace

    nsys = nsight.find() if path.suffix in (".nsys-rep", ".qdrep") and path.is_file() else None
    if nsys is None:
        return open_trace(path, partial=partial, progress=progress)
    with TemporaryDirectory(prefix="launchlens-") as folder:
        export = Path(folder) / "export.sqlite"
        try:
            nsight.export_sqlite(nsys, path, export)
        except nsight.NsysError as error:
            raise InputError(path, f"can't be opened: {error}", "export it where nsys works, as sqlite") from None
        return replace(open_trace(export, progress=progress), path=path, bytes=path.stat().st_size)
