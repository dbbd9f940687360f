"""Multisets of responses.

Axes: M multisets.
"""

import math
from itertools import chain, combinations_with_replacement

import numpy as np

from ualign_env._checks import TooLargeError, about
from ualign_env._types import Ints

#: So many are enumerated at most.
MAX_SETS = 2_000_000


def n_multisets(n: int, size: int) -> int:
    """Returns how many multisets of a size there are of n responses."""
    return math.comb(n + size - 1, size)


def multisets(n: int, size: int) -> Ints:
    """Returns `[M, size]` all multisets of n responses, each in non-decreasing order.

    Raises:
        TooLargeError: if there are more than two million (with their number).
    """
    count = n_multisets(n, size)
    if count > MAX_SETS:
        raise TooLargeError(
            f"there are {about(count)} multisets of {size} of {n} responses, but at most {MAX_SETS:,} are enumerated; "
            "use an integer program or the greedy method"
        )
    rows = chain.from_iterable(combinations_with_replacement(range(n), size))
    return np.fromiter(rows, np.int64, count * size).reshape(count, size)
