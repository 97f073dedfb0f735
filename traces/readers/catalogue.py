"""Every reader, in the order in which they are asked: the first that recognises a path reads it.

A reader for a new recorder is a module that declares one, and a line here. What is told by more stands further up.
"""

from __future__ import annotations

from launchlens.traces.readers.cupti.declared import RECORDING
from launchlens.traces.readers.kineto.declared import JSON
from launchlens.traces.readers.light.declared import EVENTS
from launchlens.traces.readers.nsys.declared import EXPORT, REPORT, TABLES
from launchlens.traces.readers.reader import Reader, Window

READERS: tuple[Reader, ...] = (
    TABLES,
    EXPORT,
    EVENTS,
    RECORDING,
    JSON,
    REPORT,
)

#: Reads what none recognises, to say what it is instead of JSON.
OTHERWISE = JSON


def windows() -> dict[str, Window]:
    """The programs that recorders show their files in, by the name that `open --in` takes."""
    return {reader.window.name: reader.window for reader in READERS if reader.window is not None}
