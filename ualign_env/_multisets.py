"""Multisets of responses.

Axes: M multisets.
"""

import math
from itertools import chain, combinations_with_replacement

import numpy as np

from ualign_env._checks import TooLargeError, about
from ualign_env._limits import MAX_CELLS, MAX_SETS
from ualign_env._types import Ints


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
