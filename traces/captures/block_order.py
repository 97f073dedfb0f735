"""In which order a recorder's blocks come: what a recorded trace must be like, and who records one goes by it."""

from __future__ import annotations


def block_order(count: int, round_number: int) -> list[int]:
    """The order of `count` blocks in a round: every other round reversed, each pair of rounds rotated by one."""
    turn = (round_number // 2) % count
    order = [*range(turn, count), *range(turn)]
    return order[::-1] if round_number % 2 else order
