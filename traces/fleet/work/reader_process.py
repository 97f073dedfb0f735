"""What a process that reads files for another one does: a path in, its summaries out, until its stdin ends."""

from __future__ import annotations

import os
import pickle
import sys

from launchlens.traces.fleet.summarise import summaries
from launchlens.traces.fleet.work.faults import told


def main() -> None:
    """Answer what is asked through stdin. Whatever else prints goes nowhere, for stdout is for answers."""
    asked = sys.stdin.buffer
    with os.fdopen(os.dup(1), "wb") as answers:
        sys.stdout = sys.stderr
        while True:
            try:
                path, steps = pickle.load(asked)
            except EOFError:
                return
            pickle.dump(told(summaries, path, steps), answers)
            answers.flush()
