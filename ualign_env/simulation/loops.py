"""Loops over games, compiled by numba.

Axes: B games, P prompts, U user types.

Source: see `draws`.
"""

import numpy as np

from ualign_env._compile import compiled
from ualign_env._random import by_alias, philox


@compiled
def draw(k0, k1, time, first, last, keep_prompt, other_prompt, starts, keep_user, other_user, prompts, users, numbers):
    """Draws the games from `first` to `last` of a round."""
    key0, key1 = np.uint64(k0), np.uint64(k1)
    early, late = np.uint64(time) & np.uint64(0xFFFFFFFF), np.uint64(time) >> np.uint64(32)
    for b in range(first, last):
        w0, w1, w2, w3 = philox(early, late, np.uint64(b), np.uint64(0), key0, key1)
        prompt = by_alias((w0 << np.uint64(16)) | (w1 >> np.uint64(16)), keep_prompt.size, 0, keep_prompt, other_prompt)
        start = starts[prompt]
        bits = (w2 << np.uint64(16)) | (w1 & np.uint64(0xFFFF))
        prompts[b] = prompt
        users[b] = by_alias(bits, starts[prompt + 1] - start, start, keep_user, other_user)
        numbers[b] = w3


@compiled
def copy_rows(table, rows, copies, out, first, last):
    """Writes each row of a table that `rows` names, from `first` to `last`, several times in a row."""
    for b in range(first, last):
        for i in range(copies):
            for j in range(table.shape[1]):
                out[b * copies + i, j] = table[rows[b], j]
