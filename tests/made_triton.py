"""A driver for Triton that launches on the CPU: Triton binds, looks up and compiles as ever, and a Python function runs.

What is compiled is real code for a GPU that nobody has here; what runs in its place is the copy of the note's kernel.
"""

from contextlib import contextmanager

COMPUTE_CAPABILITY = 90


class _Utilities:
    @staticmethod
    def get_device_properties(device):
        return {"max_shared_mem": 227 << 10}

    @staticmethod
    def load_binary(name, code, shared, device):
        assert code, "nothing was compiled"
        module, function, registers, spills, most_threads = 1, 2, 16, 0, 1024
        return module, function, registers, spills, most_threads


class _CopyOnTheHost:
    """Stands in for the launcher of a kernel (destination, source, elements, BLOCK)."""

    launches = 0
    fails = False

    def __init__(self, source, metadata):
        pass

    def __call__(self, grid_0, grid_1, grid_2, stream, function, packed, metadata, enter, leave, *arguments):
        destination, source, elements, block = arguments
        _CopyOnTheHost.launches += 1
        assert grid_0 * block >= elements
        if not _CopyOnTheHost.fails:
            destination[:elements] = source[:elements]


class _Driver:
    utils = _Utilities
    launcher_cls = _CopyOnTheHost

    def get_current_device(self):
        return 0

    def get_current_stream(self, device):
        return 0

    def get_current_target(self):
        from triton.backends.compiler import GPUTarget

        return GPUTarget("cuda", COMPUTE_CAPABILITY, 32)


@contextmanager
def launching_on_the_host(fails=False):
    """Within it, launches of the note's kernel run on the host; with `fails`, they do nothing. Gives the counting class."""
    from triton.runtime.driver import driver

    before = driver._active
    driver.set_active(_Driver())
    _CopyOnTheHost.launches, _CopyOnTheHost.fails = 0, fails
    try:
        yield _CopyOnTheHost
    finally:
        driver._active = before
