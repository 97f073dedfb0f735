"""Whether a variant does the work: its outputs beside the baseline's, on the same inputs.

    variant:   poison the outputs of an earlier iteration -> iterate once -> compare what it returned
    baseline:  built on inputs of its own (same seed), iterated once, its outputs kept as what is expected

A captured graph's replay returns nothing; what the captured call returned are the tensors that a replay writes, so
those are poisoned and compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class CompareOutputs:
    """Compare what an iteration returns with what the baseline's returns.

    Outputs are a tensor, or tensors in tuples, lists, mappings or dataclasses; shapes and dtypes must agree. `rtol` and
    `atol` are those of `torch.testing.assert_close`, which has a default for each dtype when both are None; give both or
    neither. `rtol=0, atol=0` asks for identical bits, NaN apart, which equal each other under `equal_nan`.
    """

    rtol: float | None = None
    atol: float | None = None
    equal_nan: bool = False

    def __post_init__(self) -> None:
        if (self.rtol is None) != (self.atol is None):
            raise ValueError("give both rtol and atol, or neither")

    def described(self, baseline: str) -> str:
        """One line for the manifest."""
        tolerance = (
            "torch.testing's tolerances" if self.rtol is None else f"relative {self.rtol:g}, absolute {self.atol:g}"
        )
        return f"outputs compared with those of {baseline} ({tolerance})"

    def wrong(self, actual: object, expected: Mapping[str, torch.Tensor]) -> str | None:
        """None when `actual` agrees with `expected` (from `kept`), else one sentence saying where it does not."""
        import torch

        try:
            found = dict(leaves(actual))
        except TypeError as error:
            return str(error)
        if set(found) != set(expected):
            return f"returns {_listed(found)} where the baseline returns {_listed(expected)}"
        for place, value in expected.items():
            try:
                torch.testing.assert_close(
                    found[place], value, rtol=self.rtol, atol=self.atol, equal_nan=self.equal_nan, check_stride=False
                )
            except AssertionError as error:
                lines = [line.strip() for line in str(error).splitlines()]
                return f"{place}: " + "; ".join(
                    line for line in lines if line and line != "Tensor-likes are not close!"
                )
        return None


class Remembering:
    """An iteration that keeps what it returned last. For checks only: timed blocks call the iteration itself."""

    def __init__(self, iteration: Callable[[], object]) -> None:
        self._iteration = iteration
        self.outputs: object = None

    def __call__(self) -> object:
        self.outputs = self._iteration()
        return self.outputs


def leaves(outputs: object, place: str = "output") -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor of `outputs` with its place: `output`, `output[0]`, `output['k']`, `output.field`.

    Raises TypeError, in one line, for something that is neither a tensor nor holds tensors.
    """
    import torch

    if isinstance(outputs, torch.Tensor):
        yield place, outputs
    elif isinstance(outputs, (tuple, list)):
        for index, one in enumerate(outputs):
            yield from leaves(one, f"{place}[{index}]")
    elif isinstance(outputs, Mapping):
        for key, one in outputs.items():
            yield from leaves(one, f"{place}[{key!r}]")
    elif is_dataclass(outputs) and not isinstance(outputs, type):
        for member in fields(outputs):
            yield from leaves(getattr(outputs, member.name), f"{place}.{member.name}")
    elif outputs is not None:
        raise TypeError(f"{place} is of type {type(outputs).__name__}, which can't be compared; return tensors")


def kept(outputs: object) -> dict[str, torch.Tensor]:
    """Copies of the tensors of `outputs`, by place. Raises TypeError as `leaves` does."""
    return {place: tensor.detach().clone() for place, tensor in leaves(outputs)}


def poison(outputs: object, expected: Mapping[str, torch.Tensor], inputs: object) -> None:
    """Overwrite earlier outputs with the complement of what is expected, so that what is not written again shows.

    Tensors that share memory with an input are left alone, since a variant may read them; a workload that hands out
    destinations among its inputs gives a `poison` of its own. So are tensors that nothing can be written to as a whole
    (expanded ones, say).
    """
    import torch

    taken = {_memory(tensor) for tensor in _tensors_in(inputs)}
    with torch.inference_mode():
        for place, tensor in leaves(outputs):
            right = expected.get(place)
            if right is None or (right.shape, right.dtype) != (tensor.shape, tensor.dtype) or _memory(tensor) in taken:
                continue
            try:
                tensor.copy_(_complement(right))
            except RuntimeError:
                continue


def _complement(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor that differs in every element: for numbers, all bits flipped (a float's sign among them)."""
    import torch

    if tensor.dtype == torch.bool:
        return ~tensor
    flipped = ~tensor.contiguous().reshape(-1).view(torch.uint8)
    return flipped.view(tensor.dtype).reshape(tensor.shape)


def _tensors_in(inputs: object) -> Iterator[torch.Tensor]:
    """Tensors among the inputs, whatever holds them, two levels of attributes deep at most."""
    import torch

    waiting: list[tuple[object, int]] = [(inputs, 0)]
    while waiting:
        thing, depth = waiting.pop()
        if isinstance(thing, torch.Tensor):
            yield thing
        elif isinstance(thing, (tuple, list)):
            waiting += [(one, depth) for one in thing]
        elif isinstance(thing, Mapping):
            waiting += [(one, depth) for one in thing.values()]
        elif isinstance(thing, torch.nn.Module):
            waiting += [(one, depth) for one in (*thing.parameters(), *thing.buffers())]
        elif hasattr(thing, "__dict__") and not isinstance(thing, type) and depth < 2:
            waiting += [(one, depth + 1) for one in vars(thing).values()]


def _memory(tensor: torch.Tensor) -> Any:
    return tensor.untyped_storage().data_ptr()


def _listed(places: Mapping[str, object]) -> str:
    return ", ".join(places) if places else "nothing"
