"""Looks at the beginning of a JSON file to tell whether it can be a trace at all: what is none is refused before much is brought in or read."""

from __future__ import annotations

from pathlib import Path

from launchlens.traces.problems import InputError
from launchlens.traces.readers.byte_source import ByteSource
from launchlens.traces.readers.kineto.events import FEWEST, EventDecoder
from launchlens.traces.readers.kineto.json_blocks import TraceDocument

#: What to do about JSON that holds no event.
REMEDY = "record it with torch.profiler, with CPU and CUDA activities"


def check(path: Path) -> None:
    """Raise InputError where the beginning of a file tells that it is no trace, in the words in which the reader would."""
    # what breaks off is the reader's to judge: it knows what of that may be kept
    with ByteSource(path, partial=True) as source:
        document = TraceDocument(source, partial=True)
        decoder = EventDecoder()
        try:
            for _ in document.beginning(decoder):
                check_events(document, decoder)
        except RecursionError:
            return
        except InputError:
            if not source.broken_off:
                raise


def check_events(document: TraceDocument, decoder: EventDecoder) -> None:
    """Raise InputError where of many elements not one is an event."""
    if decoder.seen >= FEWEST and not decoder.events:
        raise document.error(f"is JSON, but none of its first {FEWEST:,} elements is a trace event", REMEDY)
