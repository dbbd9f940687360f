"""Nature's draws for many games at once: a prompt, a user, and a number by which she chooses.

Axes: B games, P prompts, U user types.

Random numbers are counter-based: the draws of game b in round t are a function of (seed, t, b) and of nothing else, so
they don't depend on how many games are played at once, on threads, or on what was drawn before. The function is
Philox4x32-10, which gives 128 bits: 48 for the prompt, 48 for the user, 32 for her choice.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ualign_env import _checks
from ualign_env._random import alias_table, key_of
from ualign_env._threads import over_ranges
from ualign_env._types import Ints
from ualign_env.scenario import Scenario
from ualign_env.simulation import loops


@dataclass(frozen=True)
class Draws:
    """B draws: whom the responses of each game will be shown to.

    Attributes:
        prompts: `[B]` indices of prompts.
        types: `[B]` types of the prompt's users who pick.
        numbers: `[B]` from 0 to 2^32 - 1: all the chance there is in a user's choice, such as how she breaks ties.
    """

    prompts: Ints
    types: Ints
    numbers: npt.NDArray[np.uint32]

    @classmethod
    def none(cls) -> Self:
        """Returns no draws."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint32))

    def locked(self) -> Self:
        """Returns views that nobody can write to: compiled loops trust the indices in them."""
        views = self.prompts.view(), self.types.view(), self.numbers.view()
        for view in views:
            view.flags.writeable = False
        return type(self)(*views)


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
            self._key, self._time, self._seeded = key_of(entropy, 0), 0, seed is not None
        key, time, n = self._key, self._time, self._n
        prompts, types, numbers = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.uint32)

        def work(first: int, last: int) -> None:
            loops.draw(*key, time, first, last, *self._prompts, self._starts, *self._users, prompts, types, numbers)

        over_ranges(work, n, cost=13)
        self._time += 1
        return Draws(prompts, types, numbers)
