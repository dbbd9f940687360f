"""Users with rankings who pick, in many games at a time: one loop for the users of all prompts.

Axes: B games, P prompts, K responses shown side by side.
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ualign_env._compile import compiled
from ualign_env._mailbox import (
    ANSWERED,
    ASKED,
    HEADER,
    NO_PLAYS_LEFT,
    NO_SUCH_RESPONSE,
    QUESTION,
    Mailbox,
    finish,
    wait,
)
from ualign_env._types import Floats, Ints
from ualign_env.users.draws import draw_users
from ualign_env.users.picker import Picker
from ualign_env.users.rankings.guards import Ranks


class RankingPicker(Picker):
    """All users' ranks in one array, in which prompt x's begin at `starts[x]`."""

    def __init__(self, populations: Sequence[Any]) -> None:
        super().__init__(populations)
        ranks = [population.ranks.reshape(-1) for population in populations]
        self._ranks = ranks[0] if len(ranks) == 1 else np.concatenate(ranks)
        self._ranks.flags.writeable = False  # as a population's own is: another kind would be compiled separately
        self._starts = np.cumsum([0, *(part.size for part in ranks[:-1])])
        self._sizes = np.array([population.n_responses for population in populations])

    def __reduce__(self) -> tuple[Any, ...]:
        return RankingPicker, (self._populations,)  # a copied array would not be locked

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # it has no state

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
        return pick(*self._tables(), prompts, types, numbers, slots, rewards, first, last)

    def _tables(self) -> tuple[Ranks, Ints, Ints]:
        return self._ranks, self._starts, self._sizes

    def serve(self, box: Mailbox, draws: Any, plays: int, done: Ints, patience: int) -> None:
        serve(box.words, box.capacity, box.slots, plays, done, patience, *self._tables(), *draws.tables)


@compiled
def pick(ranks, starts, sizes, prompts, types, numbers, slots, rewards, first, last):
    """Gives 1 to the slot that the user picks, 0 to the others; returns False at a response that isn't there.

    Games from `first` to `last`, one a row; `ranks` holds those of all prompts, prompt x's from `starts[x]` on, and of
    c slots tied the user picks number `numbers * c >> 32`.
    """
    players = slots.shape[1]
    for b in range(first, last):
        n = sizes[prompts[b]]
        row = starts[prompts[b]] + types[b] * n
        best, tied = n, 0
        for i in range(players):
            response = slots[b, i]
            if response < 0 or response >= n:
                return False
            rank = np.int64(ranks[row + response])
            if rank < best:
                best, tied = rank, 1
            elif rank == best:
                tied += 1
        chosen = (np.uint64(numbers[b]) * np.uint64(tied)) >> np.uint64(32)
        place = np.uint64(0)
        for i in range(players):
            rewards[b, i] = 0.0
            if ranks[row + slots[b, i]] == best:
                if place == chosen:
                    rewards[b, i] = 1.0
                place += np.uint64(1)
    return True


@compiled
def serve(
    words, capacity, slots, plays, done, patience, ranks, starts, sizes, k0, k1, user_starts, keep_user, other_user
):
    """Answers questions in a mailbox until there is none for a while; see `Picker.serve`."""
    asked, shown = words[HEADER : HEADER + capacity], words[HEADER + capacity : HEADER + capacity * (1 + slots)]
    picked = words[HEADER + capacity * (1 + slots) :]
    prompts, types, numbers = np.empty(capacity, np.int64), np.empty(capacity, np.int64), np.empty(capacity, np.uint32)
    responses, rewards = np.empty((capacity, slots), np.int64), np.empty((capacity, slots))
    while True:
        number = wait(words, QUESTION, done[0], patience)
        if number == done[0]:
            return
        done[0] = number
        n = words[ASKED]
        if n < 0 or n > capacity or done[1] + n > plays:
            finish(words, number, NO_PLAYS_LEFT)
            continue
        known = True
        for b in range(n):  # copies: whoever asks can still write there
            prompts[b] = asked[b]
            known &= 0 <= prompts[b] < sizes.size
            for i in range(slots):
                responses[b, i] = shown[b * slots + i]
        if known:
            draw_users(k0, k1, user_starts, keep_user, other_user, done[1], n, prompts, types, numbers)
            known = pick(ranks, starts, sizes, prompts, types, numbers, responses, rewards, 0, n)
        if not known:
            finish(words, number, NO_SUCH_RESPONSE)
            continue
        for b in range(n):
            picked[b] = rewards[b].argmax()
        done[1] += n
        finish(words, number, ANSWERED)
