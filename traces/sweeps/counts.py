"""What an iteration launches as a function of the parameters: found from the points that were measured, or not at all.

    nodes = 0 + 1 × count        bytes = 1 × count × bytes        launches = 1        calls = ceil(count ÷ 64)
    launches = the largest of ceil(count ÷ 64) and ceil(count × bytes ÷ 80 MiB): a call that takes so many tensors, or so many blocks, at a time

A function must give the measured counts exactly, or nearly: within one call or NEARLY of each. `worst` says how far off it is then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import ceil
from typing import Annotated

import msgspec
import numpy as np

from launchlens.traces.documents.structure import means
from launchlens.traces.statistics import Floats

#: Pieces that one call may take, where calls go up by steps.
_PIECES = (*range(2, 65), 96, 100, 110, 128, 192, 256, 320, 384, 512, 1024)
#: The same where an iteration has several pieces of each: a call that takes 64 tensors, of 6 for each backend, takes those of 64 ÷ 6.
_SHARED_PIECES = (*_PIECES, *(64 / each for each in range(3, 33) if 64 % each))
#: Counts are whole; what a fit leaves of them is rounding.
_EXACT = 1e-6
#: A function that is nowhere further off than this share, or one, will do where none is exact, if it is exact at most points.
NEARLY = 0.03


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """`times` × the product of some parameters; divided by `pieces` and rounded up where that is above 1."""

    times: Annotated[float, means("how many of it")]
    of: Annotated[tuple[str, ...], means("the parameters that are multiplied; none for a constant")] = ()
    pieces: Annotated[float, means("the product is divided by this and rounded up")] = 1


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A sum of terms, or the largest of them."""

    terms: Annotated[tuple[Term, ...], means("what is summed")]
    largest: Annotated[bool, means("whether the largest of the terms is meant instead of their sum")] = False
    worst: Annotated[float, means("how far it is off at worst at the points that it was found from, a share")] = 0.0

    def of(self, parameters: Mapping[str, Floats]) -> Floats:
        """Its values, one for each of the parameters' values."""
        size = len(next(iter(parameters.values())))
        values = [term.times * np.ceil(_product(term.of, parameters, size) / term.pieces) for term in self.terms]
        return np.asarray(np.max(values, axis=0) if self.largest else np.sum(values, axis=0), float)


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
    return _largest(counts, parameters)


def _largest(counts: Floats, parameters: Mapping[str, Floats]) -> Function | None:
    """Calls that take so many pieces at a time, by whichever product of parameters makes most of them; None where that gives other counts.

    A call can take no fewer pieces than the most that any point has of them for one call, and no more than leaves each point enough calls.
    """
    if (counts < 1).any():
        return None
    terms = []
    for of in _products(list(parameters)):
        pieces = _product(of, parameters, len(counts))
        least = float((pieces / counts).max())
        terms.append((of, pieces, max(1, ceil(least))))
    found = terms
    best = _off(counts, found)
    if not _will_do(counts, best):
        return None
    for at, (of, pieces, least) in enumerate(found):
        # the roundest number of pieces that does as well; one that no measured point has two calls of says nothing
        for bits in range(least.bit_length(), -1, -1):
            rounder = -(-least // (1 << bits)) * (1 << bits)
            tried = [*found[:at], (of, pieces, rounder), *found[at + 1 :]]
            if np.abs(_off(counts, tried)).sum() <= np.abs(best).sum():
                found = tried
                break
    kept = [each for each in found if (np.ceil(each[1] / each[2]) > 1).any()]
    made = tuple(Term(times=1.0, of=of, pieces=pieces) for of, _, pieces in kept)
    return Function(terms=made, largest=True, worst=float((np.abs(best) / counts).max())) if made else None


def _off(counts: Floats, terms: Sequence[tuple[tuple[str, ...], Floats, int]]) -> Floats:
    return np.asarray(np.max([np.ceil(pieces / at_once) for _, pieces, at_once in terms], axis=0) - counts, float)


def _will_do(counts: Floats, off: Floats) -> bool:
    near = np.abs(off) <= np.maximum(1.0, NEARLY * counts)
    return bool(near.all() and (off == 0).mean() > 0.8)


def _candidates(names: Sequence[str]) -> Iterator[list[tuple[tuple[str, ...], float]]]:
    """Sums of terms to try, the simplest first."""
    constant: tuple[tuple[str, ...], float] = ((), 1)
    products = _products(names)
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
    for of in products:
        for pieces in _SHARED_PIECES:
            yield [constant, (of, 1), (of, pieces)]


def _products(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Every product of some of the parameters, the shortest first."""
    found = [
        of
        for chosen in product((False, True), repeat=len(names))
        if (of := tuple(name for name, taken in zip(names, chosen, strict=True) if taken))
    ]
    return sorted(found, key=len)


def _product(of: tuple[str, ...], parameters: Mapping[str, Floats], size: int) -> Floats:
    found = np.ones(size)
    for name in of:
        found = found * parameters[name]
    return found
