"""A workload for processes of their own, in tests that are not about what is run: it loads no torch, which takes longest."""

import sys
from pathlib import Path

import pytest

from launchlens.kernels.registry import WorkloadSpec
from launchlens.kernels.user_module import load

#: In a process of its own, which is slow at first, nothing is timed here that anybody looks at: it need not warm up.
_TEXT = """
import sys
from launchlens.kernels.registry import variant, workload
from launchlens.profiling.collectors import blocks

if "_worker" in sys.argv:
    blocks.REFERENCE_WARM_UP_S = 0.01

@workload("quick", baseline="one")
def make(device, seed):
    return seed

@variant("quick", "one")
def one(inputs):
    return lambda: None

@variant("quick", "two")
def two(inputs):
    return lambda: None
"""


def put(folder: Path) -> WorkloadSpec:
    """Write it into a file of the user's own in `folder`; its variants are `one` and `two`."""
    path = folder / "quick.py"
    path.write_text(_TEXT)
    with pytest.MonkeyPatch.context() as patch:
        # what a folder of a test holds is no package for the tests after it: a capture has a folder `cupti`
        patch.setattr(sys, "path", list(sys.path))
        return load(path)[0]
