"""Studies of captures that share traces, byte for byte: what a trace says of a record is worked out once."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from launchlens.traces.captures.capture import TraceRecord
from launchlens.traces.problems import Problems
from launchlens.traces.source import Source, as_one
from launchlens.traces.studies import study as module
from launchlens.traces.studies.recording import Recording, recordings
from launchlens.traces.trace import Trace


@contextmanager
def worked_out_once() -> Iterator[None]:
    """Let studies in here read the same bytes, and work the same record of them out, once."""
    traces: dict[bytes, Trace] = {}
    found: dict[tuple[int, str], tuple[dict[str, Recording], Problems]] = {}

    def only(found: Source) -> Any:
        one = as_one(found)
        text = one.path.read_bytes()

        def read(**more: Any) -> Trace:
            if text not in traces:
                traces[text] = one.read(**more)
            return traces[text]

        return SimpleNamespace(reader=one.reader, read=read)

    def worked_out(trace: Trace, record: TraceRecord, **more: Any) -> tuple[dict[str, Recording], Problems]:
        key = id(trace), repr((record, more))
        if key not in found:
            found[key] = recordings(trace, record, **more)
        of_variants, problems = found[key]
        return dict(of_variants), Problems() + problems  # a study adds to them

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "as_one", only)
        patch.setattr(module, "recordings", worked_out)
        yield
