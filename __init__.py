"""launchlens: why one version of some GPU code is faster than another, in parts that add up.

    trace = launchlens.open("trace.json.gz")     # or a capture, a sweep, a folder of ranks
    trace.kernels(), trace.advice(), trace.account(range="forward"), trace.figure("timeline")
    launchlens.compare("before.json.gz", "after.json.gz").kernels()
    with launchlens.record("step") as recording: ...
    recording.trace.kernels()

Tables are pandas frames whose columns say their units. docs/python.md has a page for each object.
"""

# of typing's, which is not imported: `import launchlens` loads no other module, and each name's when it is first asked for
TYPE_CHECKING = False
if TYPE_CHECKING:
    from launchlens.commands.library.capture import Capture
    from launchlens.commands.library.comparison import Comparison, compare
    from launchlens.commands.library.fleet import Fleet
    from launchlens.commands.library.opened import open
    from launchlens.commands.library.profiled import profile
    from launchlens.commands.library.record import Recording, record
    from launchlens.commands.library.sweep import Sweep
    from launchlens.commands.library.trace import Trace
    from launchlens.traces.problems import InputError

__version__ = "0.1.0"
__all__ = [
    "Capture",
    "Comparison",
    "Fleet",
    "InputError",
    "Recording",
    "Sweep",
    "Trace",
    "__version__",
    "compare",
    "open",
    "profile",
    "record",
]

_MODULES = {
    "Capture": "launchlens.commands.library.capture",
    "Comparison": "launchlens.commands.library.comparison",
    "Fleet": "launchlens.commands.library.fleet",
    "InputError": "launchlens.traces.problems",
    "Recording": "launchlens.commands.library.record",
    "Sweep": "launchlens.commands.library.sweep",
    "Trace": "launchlens.commands.library.trace",
    "compare": "launchlens.commands.library.comparison",
    "open": "launchlens.commands.library.opened",
    "profile": "launchlens.commands.library.profiled",
    "record": "launchlens.commands.library.record",
}

if not TYPE_CHECKING:  # a type checker is to know of no other names

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        found = globals()[name] = getattr(import_module(_MODULES[name]), name)
        return found


def __dir__() -> list[str]:
    return sorted(__all__)
