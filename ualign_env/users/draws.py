"""Which user looks at what is shown in each of many plays.

Axes: B games, P prompts, U user types.

The user of play t is a function of a seed, t and the prompt, whoever asks and however many plays are asked for at once.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ualign_env._compile import compiled, inner
from ualign_env._random import alias_table, by_alias, key_of, philox
from ualign_env._types import Ints
from ualign_env.users.base import Users

_STREAM = 1  # of the seed; games that draw their prompts, too, have another


class UserDraws:
    """Draws users of P prompts by their weights, each in constant time.

    Attributes:
        tables: the key and alias tables, as loops take them.
    """

    def __init__(self, populations: Sequence[Users], seed: int) -> None:
        """Prepares the users of P prompts; all draws follow from the seed."""
        users = [alias_table(population.weights) for population in populations]
        starts = np.cumsum([0, *(population.n_types for population in populations)])
        keep, other = np.concatenate([kept for kept, _ in users]), np.concatenate([taken for _, taken in users])
        self.tables = (*key_of(seed, _STREAM), starts, keep, other)

    def draw(self, first: int, prompts: Ints) -> tuple[Ints, npt.NDArray[np.uint32]]:
        """Returns `[B]` types of users and `[B]` numbers by which they choose, for plays from `first` on."""
        types, numbers = np.empty(prompts.size, np.int64), np.empty(prompts.size, np.uint32)
        _draw_all(*self.tables, first, prompts, types, numbers)
        return types, numbers


@inner
def draw_users(k0, k1, starts, keep, other, first, n, prompts, types, numbers):
    """Draws the users of n plays, whose prompts exist."""
    key0, key1, zero = np.uint64(k0), np.uint64(k1), np.uint64(0)
    for b in range(n):
        play = np.uint64(first + b)
        w0, w1, w2, _ = philox(play & np.uint64(0xFFFFFFFF), play >> np.uint64(32), zero, zero, key0, key1)
        start = starts[prompts[b]]
        bits = (w0 << np.uint64(16)) | (w1 & np.uint64(0xFFFF))
        types[b] = by_alias(bits, starts[prompts[b] + 1] - start, start, keep, other)
        numbers[b] = w2


@compiled
def _draw_all(k0, k1, starts, keep, other, first, prompts, types, numbers):
    draw_users(k0, k1, starts, keep, other, first, prompts.size, prompts, types, numbers)
