"""Multisets of responses, and draws without replacement.

Axes: M multisets, K sizes of a draw.
"""

import math
from itertools import chain, combinations_with_replacement

import numpy as np

from ualign_env._checks import TooLargeError, about
from ualign_env._limits import MAX_CELLS, MAX_SETS
from ualign_env._types import Floats, Ints


def n_multisets(n: int, size: int) -> int:
    """Returns how many multisets of a size there are of n responses."""
    return math.comb(n + size - 1, size)


def can_enumerate(n: int, size: int) -> bool:
    """Returns whether all multisets can be held in memory."""
    count = n_multisets(n, size)
    return count <= MAX_SETS and count * size <= MAX_CELLS


def multisets(n: int, size: int) -> Ints:
    """Returns `[M, size]` all multisets of n responses, each in non-decreasing order.

    Raises:
        TooLargeError: if there are more than two million, or as large as 40 million together (with their number).
    """
    count = n_multisets(n, size)
    if not can_enumerate(n, size):
        raise TooLargeError(
            f"there are {about(count)} multisets of {size} of {n} responses, but at most {MAX_SETS:,} with "
            f"{MAX_CELLS:,} responses in all are enumerated; use an integer program or the greedy method"
        )
    rows = chain.from_iterable(combinations_with_replacement(range(n), size))
    return np.fromiter(rows, np.int64, count * size).reshape(count, size)


def draws(pool: Ints, size: int) -> tuple[Ints, Floats]:
    """Returns `[M, size]` what can be drawn from a pool without replacement, and the `[M]` chance of each.

    Args:
        pool: `[N]` how often each of N responses is in the pool.
        size: how many are drawn, from 1 to all of them.

    Raises:
        TooLargeError: if there are too many to look at.
    """
    held = np.flatnonzero(pool)
    if not can_enumerate(held.size, size):
        raise TooLargeError(
            f"there are up to {about(n_multisets(held.size, size))} ways to draw {size} of {pool.sum()} samples with "
            f"{held.size} different responses, but at most {MAX_SETS:,} with {MAX_CELLS:,} responses are looked at"
        )
    rows = held[multisets(held.size, size)]
    counts = (rows[:, :, None] == held).sum(axis=1)
    possible = (counts <= pool[held]).all(axis=1)
    ways = [math.prod(map(math.comb, pool[held].tolist(), row)) for row in counts[possible].tolist()]
    total = math.comb(int(pool.sum()), size)
    return rows[possible], np.array([one / total for one in ways])


def all_among(m: int, sizes: Ints) -> Floats:
    """Returns `[m + 1, K]`: the chance C(j, k) / C(m, k) that k of m things are all among j of them, j = 0..m.

    Args:
        m: how many there are, at least 1.
        sizes: `[K]` numbers k from 1 to m.
    """
    j = np.arange(m, 0, -1)[:, None]
    chances = np.ones((m + 1, len(sizes)))
    # C(j - 1, k) / C(j, k) = (j - k) / j: products of numbers from 0 to 1, in which nothing overflows or cancels
    np.cumprod(np.maximum(j - sizes, 0) / j, axis=0, out=chances[1:])
    return chances[::-1]
