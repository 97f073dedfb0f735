"""What people call the recorders of traces."""

from __future__ import annotations

from collections.abc import Iterable

from launchlens.traces.readers import catalogue
from launchlens.traces.units import listed

#: What stands before the version of a file's format, which is not the recorder's and tells people nothing.
_OF_FORMAT = "schemaVersion"


def recorder(name: str, version: str | None = None) -> str:
    """A recorder by the name that its reader gives it, with its version where that is known; a name that no reader has stays."""
    tool = {reader.name: reader.tool for reader in catalogue.READERS}.get(name, name)
    return tool if version is None or version.startswith(_OF_FORMAT) else f"{tool} {version}"


def recorders(names: Iterable[str]) -> str:
    """Several, each once."""
    return listed(sorted({recorder(name) for name in names}))
