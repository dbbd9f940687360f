"""Random numbers that are a function of a key and a counter, and draws from given distributions in constant time.

Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (Philox); Vose, "A linear
algorithm for generating random numbers with a given distribution", 1991 (alias tables).
"""

import numpy as np

from ualign_env._compile import compiled, inner
from ualign_env._types import Floats, Ints


def alias_table(weights: Floats) -> tuple[Floats, Ints]:
    """Returns `[n]` chances to keep an index drawn uniformly, and `[n]` the index to take otherwise."""
    keep, other = np.array(weights) * (len(weights) / weights.sum()), np.arange(len(weights))
    alias(keep, other)
    return keep, other


def key_of(entropy: int | None, stream: int) -> tuple[int, int]:
    """Returns the key of one of a seed's streams: whoever else uses the seed draws other numbers."""
    first, second = np.random.SeedSequence(entropy, spawn_key=(stream,)).generate_state(2).tolist()
    return first, second


@compiled
def alias(keep, other):
    """Fills every index that has less than an equal share from one that has more (Vose)."""
    n = keep.size
    small, large = np.empty(n, np.int64), np.empty(n, np.int64)
    n_small, n_large = 0, 0
    for i in range(n):
        if keep[i] < 1.0:
            small[n_small] = i
            n_small += 1
        else:
            large[n_large] = i
            n_large += 1
    while n_small and n_large:
        n_small -= 1
        poor, rich = small[n_small], large[n_large - 1]
        other[poor] = rich
        keep[rich] -= 1.0 - keep[poor]
        if keep[rich] < 1.0:
            n_large -= 1
            small[n_small] = rich
            n_small += 1
    for i in range(n_large):  # what is left over differs from an equal share by rounding only
        keep[large[i]] = 1.0
    for i in range(n_small):
        keep[small[i]] = 1.0


@inner
def philox(c0, c1, c2, c3, k0, k1):
    """Returns the four 32-bit words of Philox4x32-10 for a counter and a key, all as 64-bit numbers."""
    mask = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    for _ in range(10):
        left = np.uint64(0xD2511F53) * c0
        right = np.uint64(0xCD9E8D57) * c2
        c0 = (right >> half) ^ c1 ^ k0
        c1 = right & mask
        c2 = (left >> half) ^ c3 ^ k1
        c3 = left & mask
        k0 = (k0 + np.uint64(0x9E3779B9)) & mask
        k1 = (k1 + np.uint64(0xBB67AE85)) & mask
    return c0, c1, c2, c3


@inner
def by_alias(bits, n, first, keep, other):
    """Returns one of n indices by the alias table that starts at `first`; `bits` is a 48-bit number."""
    place = np.float64(bits) * (n / 281474976710656.0)
    column = np.int64(place)
    return column if place - column < keep[first + column] else other[first + column]
