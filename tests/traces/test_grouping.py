"""Positions by their keys, held against a loop over them."""

import numpy as np
import pytest

from launchlens.traces.grouping import by_keys


def looped(positions, *keys):
    found = {}
    for position, *key in zip(positions.tolist(), *(each.tolist() for each in keys), strict=True):
        found.setdefault(key[0] if len(keys) == 1 else tuple(key), []).append(position)
    return found


@pytest.mark.parametrize("widest", [1, 5, 1 << 20, 1 << 62], ids=["one", "few", "many", "beyond one number"])
@pytest.mark.parametrize("count", [0, 1, 400])
@pytest.mark.parametrize("several", [1, 2, 3])
def test_groups_are_those_of_a_loop(count, several, widest):
    rng = np.random.default_rng(count + several)
    positions = rng.permutation(count)
    keys = [rng.integers(-min(widest, 3), widest, count, endpoint=True) for _ in range(several)]
    found = by_keys(positions, *keys)
    assert {at: mine.tolist() for at, mine in found.items()} == looped(positions, *keys)


def test_codes_of_few_bits_are_keys():
    code = np.array([127, -128, 127, -1], np.int8)
    assert {at: mine.tolist() for at, mine in by_keys(np.arange(4), code).items()} == {127: [0, 2], -128: [1], -1: [3]}
