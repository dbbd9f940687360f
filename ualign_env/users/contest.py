"""What an opponent meets: a model that shows k responses to some users.

Axes: N responses, M multisets, k responses of the model, l of the opponent.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ualign_env._types import Floats, Ints
from ualign_env.users.base import Users


class Contest(ABC):
    """A model that shows k responses to some users, as an opponent sees it who submits l.

    The chance that the opponent is picked is a monotone submodular function of its multiset of responses, for every
    kind of users who judge each slot by itself.
    """

    @property
    @abstractmethod
    def users(self) -> Users:
        """Whoever picks."""

    @abstractmethod
    def values(self, sets: Ints) -> Floats:
        """Returns `[M]`: the chance that the opponent is picked with the responses of each row of `[M, l]`."""

    def value(self, responses: npt.ArrayLike) -> float:
        """Returns the chance that the opponent is picked with `[l]` responses."""
        return float(self.values(np.asarray(responses, np.int64)[None, :])[0])

    def payoffs(self) -> Floats:
        """Returns `[N]`: the chance that each response alone is picked."""
        return self.values(np.arange(self.users.n_responses)[:, None])

    def favourite_shown(self) -> float | None:
        """Returns the chance that a favourite of a user is among the responses shown; None where nobody knows."""
        return None

    def best_utility(self) -> float | None:
        """Returns the mean utility of what users like best of the responses shown; None where there are no utilities.

        A user's best response has 1, her worst 0, and the others lie between in steps of equal size.
        """
        return None

    def gains(self, held: Sequence[int], copies: int) -> Floats:
        """Returns `[copies, N]`: what a first copy of each response would add to a multiset, and what a second.

        Args:
            held: the multiset's responses, none or more.
            copies: 1 or 2.
        """
        alone = np.arange(self.users.n_responses)[:, None]
        before = np.broadcast_to(np.array(held, np.int64), (alone.size, len(held)))
        steps = [np.full(alone.size, self.value(held) if held else 0.0)]
        for copy in range(1, copies + 1):
            steps.append(self.values(np.hstack([before, *[alone] * copy])))
        return np.diff(steps, axis=0)

    def program_size(self, l: int) -> int | None:  # noqa: ARG002
        """Returns how many numbers an integer program for the best l responses holds; None where there is none."""
        return None

    def best_by_program(self, l: int, seconds: float) -> tuple[tuple[int, ...] | None, float]:  # noqa: ARG002
        """Returns the best l responses that an integer program finds in a time, and what none exceeds.

        Where time is up before any is found, None in their place.

        Args:
            l: number of responses.
            seconds: the time that it may take.

        Raises:
            ValueError: where `program_size` is None.
        """
        raise ValueError(f"{type(self.users).__name__} has no integer program; use another method")
