"""Nature's draws for many games at once: a prompt, a user, and a number that breaks her ties.

Axes: B games, P prompts, U user types.

Random numbers are counter-based: the draws of game b in round t are a function of (seed, t, b) and of nothing else, so
they don't depend on how many games are played at once, on threads, or on what was drawn before. The function is
Philox4x32-10, which gives 128 bits: 48 for the prompt, 48 for the user, 32 for ties.

Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (Philox); Vose, "A linear
algorithm for generating random numbers with a given distribution", 1991 (alias tables).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ualign_env import _checks
from ualign_env._checks import Floats
from ualign_env.kernels import compiled, in_threads
from ualign_env.scenario import Scenario

Ints = npt.NDArray[np.int64]

_CHUNK = 8192  # games a range


@dataclass(frozen=True)
class Draws:
    """B draws: whom the responses of each game will be shown to.

    Attributes:
        prompts: `[B]` indices of prompts.
        users: `[B]` rows of the prompt's population.
        ties: `[B]` numbers from 0 to 2^32 - 1: of c responses that she likes best, number `ties * c >> 32` is picked.
    """

    prompts: Ints
    users: Ints
    ties: npt.NDArray[np.uint32]

    @classmethod
    def none(cls) -> Self:
        """Returns no draws."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint32))


class Nature:
    """Draws prompts and users by their probabilities, each in constant time.

    Draw b of round t depends on the seed, t and b alone; rounds are counted from where the seed was given.
    """

    def __init__(self, scenario: Scenario, n: int) -> None:
        """Prepares n draws at a time; without a seed, the first come from the system's entropy."""
        users = [alias_table(population.weights) for population in scenario.populations]
        # user types of all prompts in one array; prompt x has those from starts[x] to starts[x + 1]
        self._starts = np.cumsum([0, *(population.n_types for population in scenario.populations)])
        self._users = np.concatenate([kept for kept, _ in users]), np.concatenate([other for _, other in users])
        self._prompts = alias_table(scenario.probabilities)

        self._n = n
        self._key: tuple[int, int] | None = None
        self._time = 0
        self._seeded = False

    def __getstate__(self) -> dict[str, Any]:
        # copies of what nobody seeded draw numbers of their own: trainers copy an environment that was looked at
        return self.__dict__ if self._seeded else self.__dict__ | {"_key": None}

    def draw(self, seed: int | None = None) -> Draws:
        """Returns the draws of the next round, or with a seed those of the seed's first.

        Raises:
            ValueError: if the seed is no non-negative integer.
        """
        if seed is not None or self._key is None:
            entropy = None if seed is None else _checks.count("seed", seed, 0)
            # a stream of its own: whoever else uses the seed draws other numbers
            first, second = np.random.SeedSequence(entropy, spawn_key=(0,)).generate_state(2).tolist()
            self._key, self._time, self._seeded = (first, second), 0, seed is not None
        key, time, n = self._key, self._time, self._n
        prompts, users, ties = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.uint32)

        def work(first: int, last: int) -> None:
            _draw(*key, time, first, last, *self._prompts, self._starts, *self._users, prompts, users, ties)

        over_ranges(work, n, cost=13)
        self._time += 1
        return Draws(prompts, users, ties)


def over_ranges(work: Callable[[int, int], None], n: int, cost: float) -> None:
    """Calls `work(first, last)` for ranges that cover n games, in threads where that pays; a game costs nanoseconds."""
    if n <= _CHUNK:
        work(0, n)
    else:
        starts = range(0, n, _CHUNK)
        in_threads(lambda i: work(starts[i], min(starts[i] + _CHUNK, n)), len(starts), work=cost * n)


def alias_table(weights: Floats) -> tuple[Floats, Ints]:
    """Returns `[n]` chances to keep an index drawn uniformly, and `[n]` the index to take otherwise."""
    keep, other = np.array(weights) * (len(weights) / weights.sum()), np.arange(len(weights))
    _alias(keep, other)
    return keep, other


@compiled
def _alias(keep, other):
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


@compiled
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


@compiled
def _pick(bits, n, first, keep, other):
    """Returns one of n indices by the alias table that starts at `first`; `bits` is a 48-bit number."""
    place = np.float64(bits) * (n / 281474976710656.0)
    column = np.int64(place)
    return column if place - column < keep[first + column] else other[first + column]


@compiled
def _draw(k0, k1, time, first, last, keep_prompt, other_prompt, starts, keep_user, other_user, prompts, users, ties):
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
        ties[b] = w3
