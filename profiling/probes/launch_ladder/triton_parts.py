"""A Triton launch put together from Triton's own parts, one part after the other, so that it can stop after any of them.

A launch runs through a JIT function's caches, its binder, the key of the compiled kernel, the hooks and the launcher. `PARTS`
names them as lines that call just those; the first n parts make a rung, which is therefore contained in the next one. What
Triton adds to a launch's keywords is learnt by listening to its binder once, and what its launcher is given is compared with
what the parts give it: a version of Triton that launches otherwise is noticed, and told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from launchlens.traces.captures.probe_codes import launch_ladder as codes

Launch = Callable[..., object]

#: What another version of Triton makes of these lines.
NOT_THIS_TRITON = (AttributeError, ImportError, LookupError, NameError, TypeError, ValueError)


#: Where the launcher is given the launch's metadata, and what is compared by its value.
METADATA_AT = 6
PLAIN = (int, float, str, tuple)


@dataclass(frozen=True)
class LauncherPart:
    """`lines` stand in this rung and all after it; `alone` only where this part is the last, since later ones do it within."""

    name: str
    contains: str
    lines: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()


PARTS = (
    LauncherPart(
        codes.CALL, "two Python calls: what kernel[grid] gives, and the run that it calls with grid and keywords"
    ),
    LauncherPart(
        codes.DEVICE,
        "Triton's keywords added, the current device and stream asked for, and the device's caches fetched",
        (
            "keywords.update(added)",
            "device = driver.active.get_current_device()",
            "stream = driver.active.get_current_stream(device)",
            "made, keys, *_, binder = kernel.device_caches[device]",
        ),
    ),
    LauncherPart(
        codes.BINDING,
        "the generated binder: arguments bound to parameters, and each one's type, alignment and value specialised",
        ("bound, specialised, options = binder(*values, **keywords)",),
    ),
    LauncherPart(
        codes.LOOK_UP,
        "the key of the specialisation and the options, and the compiled kernel by it",
        ("compiled = made[cache_key(keys, specialised, options)]",),
    ),
    LauncherPart(
        codes.HOOKS,
        "the launch's metadata, and the hooks around a launch as they were found",
        (
            "metadata = compiled.launch_metadata(grid, stream, *bound.values())",
            "before, after = runtime.launch_enter_hook, runtime.launch_exit_hook",
        ),
        ("if before is not None: before(metadata)", "if after is not None: after(metadata)"),
    ),
    LauncherPart(
        codes.LAUNCHER,
        "the compiled kernel's launcher in Python and C, which reads every pointer and asks CUDA about it, without the API call",
        (
            "first = stream, compiled.function, compiled.packed_metadata, metadata, before, after",
            "compiled.run(grid[0], 1, 1, *first, *bound.values())",
        ),
    ),
)


class Parts:
    """The parts of launches of `kernel` on a grid of one dimension, with `arguments` and `options` as a launch has them."""

    def __init__(self, kernel: Any, grid: tuple[int], arguments: Sequence[Any], options: Mapping[str, Any]) -> None:
        self.kernel, self.grid = kernel, grid
        self.arguments, self.options = tuple(arguments), dict(options)
        self.compiled: Any = kernel[grid](*arguments, **options)
        self._names = _names(kernel)
        self.left_out: dict[str, str] = {}
        self.launches = self._launches()

    @property
    def same(self) -> bool | None:
        """Whether the parts give the launcher what Triton gives it; None where they don't reach the launcher."""
        last = self.launches.get(PARTS[-1].name)
        if last is None:
            return None
        own, rebuilt = (self._heard(launch) for launch in (self.kernel[self.grid], last))
        return len(own) == len(rebuilt) == 1 and _alike(own[0], rebuilt[0])

    def _launches(self) -> dict[str, Launch]:
        """Rungs by the name of their last part, as many as this Triton has; all else is in `left_out` with the reason."""
        made: dict[str, Launch] = {}
        try:
            self._listen()
            for count, part in enumerate(PARTS, 1):
                launch = self._first(count)
                launch(*self.arguments, **self.options)
                made[part.name] = launch
        except NOT_THIS_TRITON as error:
            rest = [part.name for part in PARTS if part.name not in made]
            self.left_out = {name: f"{type(error).__name__}: {error}" for name in rest}
        return made

    def _first(self, count: int) -> Launch:
        """A launch that ends after the first `count` parts, called as what `kernel[grid]` gives is."""
        lines = [line for part in PARTS[:count] for line in part.lines] + list(PARTS[count - 1].alone)
        body = "\n    ".join(lines or ["pass"])
        names = dict(self._names)
        # generated, so that no rung pays for asking which parts it has
        exec(f"def run(*values, grid, warmup, **keywords):\n    {body}\n", names)  # noqa: S102  the source is ours, above
        run, grid = names["run"], self.grid
        return lambda *values, **keywords: run(*values, grid=grid, warmup=False, **keywords)

    def _listen(self) -> None:
        """Learn what Triton adds to the keywords of a launch."""
        active = self._names["driver"].active
        device = active.get_current_device()
        caches = self.kernel.device_caches[device]
        *others, binder = caches
        heard: list[dict[str, Any]] = []

        def binding(*values: Any, **keywords: Any) -> Any:
            heard.append(dict(keywords))
            return binder(*values, **keywords)

        self.kernel.device_caches[device] = (*others, binding)
        try:
            self.kernel[self.grid](*self.arguments, **self.options)
        finally:
            self.kernel.device_caches[device] = caches
        if len(heard) != 1:
            raise LookupError(f"a launch calls the binder {len(heard)} times")
        self._names["added"] = {name: value for name, value in heard[0].items() if name not in self.options}

    def _heard(self, launch: Launch) -> list[tuple[Any, ...]]:
        """What the launcher is given by one launch, which then launches nothing."""
        heard: list[tuple[Any, ...]] = []
        own, self.compiled._run = self.compiled._run, lambda *given: heard.append(given)
        try:
            launch(*self.arguments, **self.options)
        finally:
            self.compiled._run = own
        return heard


def _names(kernel: Any) -> dict[str, Any]:
    """What the lines of PARTS refer to; a name that this Triton lacks is missing, and the first part to use it is left out."""
    names: dict[str, Any] = {"kernel": kernel}
    try:
        from triton.runtime import driver

        names["driver"] = driver
        from triton import knobs

        names["runtime"] = knobs.runtime
        from triton.runtime.jit import compute_cache_key

        names["cache_key"] = compute_cache_key
    except ImportError:
        pass  # before Triton 3.4
    return names


def _alike(own: tuple[Any, ...], rebuilt: tuple[Any, ...]) -> bool:
    """Whether two calls pass the same things: equal numbers, the same objects, and metadata, which is made anew each time."""

    def same(at: int, one: Any, other: Any) -> bool:
        if type(one) is not type(other):
            return False
        if at == METADATA_AT:
            return True
        return bool(one == other) if isinstance(one, PLAIN) else one is other

    pairs = enumerate(zip(own, rebuilt, strict=False))
    return len(own) == len(rebuilt) and all(same(at, one, other) for at, (one, other) in pairs)
