"""Triton's hooks around a launch, changed for a while. `runtime` is `triton.knobs.runtime`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def hooks(runtime: Any, before: Any, after: Any) -> Iterator[None]:
    """Triton's hooks around a launch set to these, and afterwards as they were found."""
    names = {"launch_enter_hook": before, "launch_exit_hook": after}
    found = {name: vars(runtime)[name] for name in names if name in vars(runtime)}
    for name, hook in names.items():
        setattr(runtime, name, hook)
    try:
        yield
    finally:
        for name in names:
            if name in found:
                setattr(runtime, name, found[name])
            else:
                delattr(runtime, name)


@contextmanager
def hook_added(runtime: Any, hook: Callable[..., object]) -> Iterator[None]:
    """One more hook before a launch and after it: in Triton's chains where it has some (3.5), else in their place."""
    chains = [runtime.launch_enter_hook, runtime.launch_exit_hook]
    if not all(hasattr(chain, "add") for chain in chains):
        with hooks(runtime, hook, hook):
            yield
        return
    for chain in chains:
        chain.add(hook)
    try:
        yield
    finally:
        for chain in chains:
            chain.remove(hook)
