"""How pandas holds texts while a command works on traces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def texts_of_python() -> Iterator[None]:
    """Let pandas hold the texts that are made meanwhile, names of columns above all, as Python's own and not as Arrow's.

    A command looks at some hundred columns of few rows, and each look takes a name out of the frame: of Arrow's texts that is most
    of what it costs. Of a trace of 450,000 events and 40,000 names it takes a tenth less memory, too. Whoever uses the library has
    pandas as they set it.
    """
    import pandas as pd

    with pd.option_context("mode.string_storage", "python"):
        yield
