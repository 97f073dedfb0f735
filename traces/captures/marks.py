"""What a folder is told by: the file that a capture, or a sweep, has in it. Nothing heavy is brought in to know that."""

from __future__ import annotations

MANIFEST = "manifest.json"
SWEEP = "sweep.json"
#: What to do with a sweep where a capture or a trace is wanted.
FOR_A_SWEEP = "use `report` or `predict` for a sweep"
