"""Users who pick, in many games at a time, and in the games that another process plays.

Axes: B games, P prompts, K responses shown side by side.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ualign_env._mailbox import ANSWERED, NO_PLAYS_LEFT, NO_SUCH_RESPONSE, Mailbox
from ualign_env._types import Floats, Ints
from ualign_env.users.base import Users
from ualign_env.users.draws import UserDraws


class Picker:
    """Lets users pick, many games at a time, each with a prompt of its own. Of whatever kinds the users are."""

    #: Whether several threads may ask at once, each about some of the games.
    in_threads: ClassVar[bool] = True

    def __init__(self, populations: Sequence[Users]) -> None:
        """Prepares the users of P prompts."""
        self._populations = tuple(populations)

    def __call__(
        self,
        prompts: Ints,
        types: Ints,
        numbers: npt.NDArray[np.uint32],
        slots: Ints,
        rewards: Floats,
        first: int,
        last: int,
    ) -> bool:
        """Gives 1 to the slot that is picked and 0 to the others; False at a response that the prompt hasn't got.

        Args:
            prompts: `[B]` prompts of the games.
            types: `[B]` types of users who pick.
            numbers: `[B]` uniform integers below 2^32.
            slots: `[B, K]` the responses shown.
            rewards: `[B, K]` to write to.
            first: the first game to play.
            last: one behind the last.
        """
        rewards[first:last] = 0.0
        for x in np.unique(prompts[first:last]):
            games = first + np.flatnonzero(prompts[first:last] == x)
            shown, population = slots[games], self._populations[x]
            if shown.min() < 0 or shown.max() >= population.n_responses:
                return False
            rewards[games, population.pick(types[games], shown, numbers[games])] = 1.0
        return True

    def winners(self, draws: UserDraws, first: int, prompts: Ints, shown: Ints) -> Ints | None:
        """Returns `[B]` the slots that are picked in plays from `first` on; None at what there isn't.

        Args:
            draws: draws the users who pick.
            first: the number of the first play.
            prompts: `[B]` prompts.
            shown: `[B, K]` the responses shown.
        """
        if prompts.size and not 0 <= prompts.min() <= prompts.max() < len(self._populations):
            return None
        types, numbers = draws.draw(first, prompts)
        rewards = np.empty(shown.shape)
        return rewards.argmax(axis=1) if self(prompts, types, numbers, shown, rewards, 0, len(shown)) else None

    def serve(self, box: Mailbox, draws: UserDraws, plays: int, done: Ints, patience: int) -> None:
        """Answers questions in a mailbox until there is none for a while.

        Args:
            box: the mailbox.
            draws: draws the users who pick.
            plays: how many plays are answered in all.
            done: `[2]` the number of the last question, and how many plays have been answered; kept up here, where
                whoever asks cannot write.
            patience: how often to look for the next question.
        """

        def reply(n: int) -> int:
            if not (0 <= n <= box.capacity and done[1] + n <= plays):
                return NO_PLAYS_LEFT
            # copies: whoever asks can still write there
            found = self.winners(draws, int(done[1]), box.prompts[:n].copy(), box.shown[:n].copy())
            if found is None:
                return NO_SUCH_RESPONSE
            box.winners[:n] = found
            done[1] += n
            return ANSWERED

        done[0] = box.answer(int(done[0]), reply, patience)


def picker(populations: Sequence[Users]) -> Picker:
    """Returns what lets the users of P prompts pick: the picker of their kind, where they are of one."""
    kinds = {type(users) for users in populations}
    return (kinds.pop() if len(kinds) == 1 else Users).picker(populations)
