"""Comparisons of two responses by users, asked for and counted: all that agents of the class `"pairs"` know.

Axes: P prompts, N responses.
"""

from collections.abc import Iterator

import numpy as np

import ualign_env as ua

_FIRST, _GROWTH = 100, 1.1  # comparisons, of each prompt, and how many times as many the next time


class Comparisons:
    """Wins of responses over others, uniformly drawn pairs of which users compare.

    Attributes:
        wins: `[P, N, N]` how often a user preferred the row to the column.
    """

    def __init__(self, task: ua.Task) -> None:
        """Prepares to ask the users of a task."""
        prompts, n = task.scenario.legal.shape
        self.wins = np.zeros((prompts, n, n))
        self._users, self._rng = task.users(), task.rng()
        self._sizes = task.scenario.legal.sum(axis=1)
        self._chances = task.scenario.probabilities

    def ask(self, number: int) -> None:
        """Has so many pairs compared."""
        prompts = self._rng.choice(len(self._sizes), size=number, p=self._chances)
        sizes = self._sizes[prompts]
        first = self._rng.integers(sizes)
        # another one than the first, where there is one
        second = (first + 1 + self._rng.integers(np.maximum(sizes - 1, 1))) % sizes
        shown = np.stack([first, second], axis=1)
        winner, rows = self._users.pick(shown, prompts), np.arange(number)
        won, lost = shown[rows, winner], shown[rows, 1 - winner]
        cells = np.ravel_multi_index((prompts, won, lost), self.wins.shape)
        self.wins += np.bincount(cells, minlength=self.wins.size).reshape(self.wins.shape)

    def growing(self) -> Iterator[None]:
        """Asks for more and more, and yields each time; the last time for all that are left."""
        number = _FIRST * len(self._sizes)
        while self._users.plays_left:
            self.ask(min(number, self._users.plays_left))
            yield
            number = max(number, int((_GROWTH - 1) * self.wins.sum()))

    def preferences(self, prompt: int) -> np.ndarray:
        """Returns `[n, n]`: the estimated chance that the row is preferred to the column, half where nobody knows."""
        n = self._sizes[prompt]
        wins = self.wins[prompt, :n, :n]
        return (wins + 0.5) / (wins + wins.T + 1)
