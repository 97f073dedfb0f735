"""What all tests share."""

import os
import sys
from pathlib import Path

from hypothesis import settings

# helper modules beside the tests (importlib mode puts nothing on sys.path by itself)
sys.path.insert(0, str(Path(__file__).parent))

import skips

# a shared machine may be slow for a moment: an example is judged by its answer, not by its time
settings.register_profile("launchlens", deadline=None)
settings.load_profile("launchlens")


def pytest_configure(config):
    if not hasattr(config, "workerinput"):  # the process that started the others hears of all tests
        config.pluginmanager.register(skips.Counted(config))


def pytest_collection_modifyitems(items):
    """What takes longest begins first, and what asks for the captures that ship stands together: few processes work them out."""
    items.sort(key=lambda item: (item.get_closest_marker("slow") is None, not hasattr(item.module, "shipped")))


# the light recorder builds two libraries where it is used: tests of it say so, all others are as on a machine without a compiler
os.environ.setdefault("LAUNCHLENS_WITHOUT_LIGHT", "1")
# nothing of a test is kept in the cache folder of whoever runs them: tests of it have one of their own
os.environ["LAUNCHLENS_CACHE"] = "off"
