"""Loops over games, compiled by numba.

Axes: B games, P prompts, U user types.

Source: see `draws`.
"""

import numpy as np

from ualign_env._compile import compiled, inner


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
def _pick(bits, n, first, keep, other):
    """Returns one of n indices by the alias table that starts at `first`; `bits` is a 48-bit number."""
    place = np.float64(bits) * (n / 281474976710656.0)
    column = np.int64(place)
    return column if place - column < keep[first + column] else other[first + column]


@compiled
def draw(k0, k1, time, first, last, keep_prompt, other_prompt, starts, keep_user, other_user, prompts, users, numbers):
    """Draws the games from `first` to `last` of a round."""
    key0, key1 = np.uint64(k0), np.uint64(k1)
    early, late = np.uint64(time) & np.uint64(0xFFFFFFFF), np.uint64(time) >> np.uint64(32)
    for b in range(first, last):
        w0, w1, w2, w3 = philox(early, late, np.uint64(b), np.uint64(0), key0, key1)
        prompt = _pick((w0 << np.uint64(16)) | (w1 >> np.uint64(16)), keep_prompt.size, 0, keep_prompt, other_prompt)
        start = starts[prompt]
        bits = (w2 << np.uint64(16)) | (w1 & np.uint64(0xFFFF))
        prompts[b] = prompt
        users[b] = _pick(bits, starts[prompt + 1] - start, start, keep_user, other_user)
        numbers[b] = w3


@compiled
def copy_rows(table, rows, copies, out, first, last):
    """Writes each row of a table that `rows` names, from `first` to `last`, several times in a row."""
    for b in range(first, last):
        for i in range(copies):
            for j in range(table.shape[1]):
                out[b * copies + i, j] = table[rows[b], j]
