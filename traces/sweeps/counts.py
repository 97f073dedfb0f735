"""What an iteration launches as a function of the parameters: found from the points that were measured, or not at all.

    nodes = 0 + 1 × count        bytes = 1 × count × bytes        launches = 1        calls = ceil(count ÷ 64)

A function must give every measured count exactly: one that is nearly right would be a guess at the points between.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Annotated

import msgspec
import numpy as np

from launchlens.traces.documents.structure import means
from launchlens.traces.statistics import Floats

#: Pieces that one call may take, where calls go up by steps.
_PIECES = (*range(2, 65), 96, 100, 110, 128, 192, 256, 320, 384, 512, 1024)
#: Counts are whole; what a fit leaves of them is rounding.
_EXACT = 1e-6


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """`times` × the product of some parameters; divided by `pieces` and rounded up where that is above 1."""

    times: Annotated[float, means("how many of it")]
    of: Annotated[tuple[str, ...], means("the parameters that are multiplied; none for a constant")] = ()
    pieces: Annotated[int, means("the product is divided by this and rounded up")] = 1


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A sum of terms."""

    terms: Annotated[tuple[Term, ...], means("what is summed")]

    def of(self, parameters: Mapping[str, Floats]) -> Floats:
        """Its values, one for each of the parameters' values."""
        size = len(next(iter(parameters.values())))
        total = np.zeros(size)
        for term in self.terms:
            total += term.times * np.ceil(_product(term.of, parameters, size) / term.pieces)
        return total


def function_of(counts: Floats, parameters: Mapping[str, Floats]) -> Function | None:
    """The simplest function that gives all of `counts`; None where none of those tried does."""
    sizes = np.maximum(np.abs(counts), 1.0)
    for terms in _candidates(list(parameters)):
        columns = np.stack([np.ceil(_product(of, parameters, len(counts)) / pieces) for of, pieces in terms], axis=1)
        # by their shares, so that a constant beside bytes is not lost in rounding
        weighed = columns / sizes[:, None]
        scale = np.abs(weighed).max(axis=0)
        if np.linalg.matrix_rank(weighed / scale) < columns.shape[1]:
            continue
        times = np.linalg.lstsq(weighed / scale, counts / sizes, rcond=None)[0] / scale
        times = np.where(np.abs(times - np.round(times, 6)) < _EXACT, np.round(times, 6), times)
        if (np.abs(columns @ times - counts) <= _EXACT * sizes).all():
            made = [
                Term(times=float(number), of=of, pieces=pieces)
                for number, (of, pieces) in zip(times, terms, strict=True)
                if number
            ]
            return Function(terms=tuple(made or [Term(times=0.0)]))
    return None


def _candidates(names: Sequence[str]) -> Iterator[list[tuple[tuple[str, ...], int]]]:
    """Sums of terms to try, the simplest first."""
    constant: tuple[tuple[str, ...], int] = ((), 1)
    products = [
        of
        for chosen in product((False, True), repeat=len(names))
        if (of := tuple(name for name, taken in zip(names, chosen, strict=True) if taken))
    ]
    products.sort(key=len)
    yield [constant]
    for of in products:
        yield [(of, 1)]
    for of in products:
        yield [constant, (of, 1)]
    if len(products) > 1:
        yield [constant, *((of, 1) for of in products)]
    for of in products:
        for pieces in _PIECES:
            yield [(of, pieces)]
    for of in products:
        for pieces in _PIECES:
            yield [constant, (of, pieces)]


def _product(of: tuple[str, ...], parameters: Mapping[str, Floats], size: int) -> Floats:
    found = np.ones(size)
    for name in of:
        found = found * parameters[name]
    return found
