"""B independent alignment games at once: the rules that the PettingZoo and Gymnasium environments share.

Axes: B games, K players, P prompts, N responses.
"""

from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from ualign_env import _checks
from ualign_env._checks import Floats
from ualign_env.envs.draws import Draws, Ints, Nature, over_ranges
from ualign_env.kernels import compiled
from ualign_env.payoffs import choice_shares
from ualign_env.population import Population
from ualign_env.scenario import Scenario
from ualign_env.specs import DEFAULT, as_scenario

Feedback = Literal["pick", "expected"]

MAX_PLAYERS = 10_001
_MAX_GAMES = 2**31


class BatchedGame:
    """B independent one-shot games, all played at the same time.

    `reset` draws a prompt and a user for each game, `step` takes every player's response and returns what each earned;
    then the games are over. The draws of game b depend on the seed, on b and on how often the games were reset since
    the seed was given, so a game goes the same whatever its neighbours are.

    Attributes:
        scenario: the prompts and their users.
        players: K, the number of responses shown side by side.
        num_games: B.
        feedback: `"pick"`: the user picks one response, whose player earns 1 and the others 0. `"expected"`:
            players earn the chance that a random user of the prompt picks their response.
        draws: the prompts and users of the present games, or of the last ones. Players must not see the users.
    """

    def __init__(
        self,
        scenario: Scenario | Population | str = DEFAULT,
        players: int = 3,
        num_games: int = 1,
        *,
        feedback: Feedback = "pick",
    ) -> None:
        """Makes the games; see the class for the arguments.

        Raises:
            ValueError: if an argument is out of range or unknown.
        """
        self.scenario = as_scenario(scenario)
        self.players = _checks.count("players", players, 2, MAX_PLAYERS)
        self.num_games = _checks.count("num_games", num_games, 1, _MAX_GAMES)
        if feedback not in get_args(Feedback):
            raise _checks.unknown("feedback", str(feedback), get_args(Feedback))
        self.feedback: Feedback = feedback
        self.draws = Draws.none()
        self._nature = Nature(self.scenario, self.num_games)
        self._ranks, self._layout = _flat_ranks(self.scenario)
        self._over = True

    def reset(self, seed: int | None = None) -> Ints:
        """Starts B new games.

        Args:
            seed: a non-negative integer, to start the random numbers anew. Without one they go on; the first time,
                they start from the system's entropy.

        Returns:
            `[B]` the prompt of each game.

        Raises:
            ValueError: if the seed is no non-negative integer.
        """
        self.draws = self._nature.draw(seed)
        self._over = False
        return self.draws.prompts.copy()

    def step(self, actions: npt.ArrayLike) -> Floats:
        """Plays the games to their end.

        Args:
            actions: `[B, K]` integers, the response of each player, one that the game's prompt has.

        Returns:
            `[B, K]` what each player earns; the sum over players is exactly 1.

        Raises:
            ValueError: if the games are over or not begun, or a response is not one of the prompt's. The games then go
                on, and other actions can be tried.
        """
        if self._over:
            raise ValueError("the games are over: call reset() before step()")
        array = np.asarray(actions)
        if array.shape != (self.num_games, self.players) or array.dtype.kind not in "iu":
            raise ValueError(
                f"actions are {array.dtype} of shape {array.shape}, but must be integers of shape "
                f"{(self.num_games, self.players)}: one response for each game and player"
            )
        slots = np.ascontiguousarray(array, np.int64)
        rewards = np.empty(slots.shape)
        wrong = self._pick(slots, rewards)
        if wrong >= 0:
            raise self._illegal(wrong, array)
        if self.feedback == "expected":
            prompts = self.draws.prompts
            for x in np.unique(prompts):
                games = prompts == x
                rewards[games] = choice_shares(self.scenario.populations[x], slots[games])
        self._over = True
        return rewards

    def _pick(self, slots: Ints, rewards: Floats) -> int:
        """Lets every user pick, and returns the first game with a response that its prompt hasn't got, or -1."""
        draws, wrong = self.draws, []

        def work(first: int, last: int) -> None:
            tables = self._ranks, self._layout, draws.prompts, draws.users, draws.ties
            game = _play(*tables, slots, rewards, first, last)
            if game >= 0:
                wrong.append(game)

        over_ranges(work, self.num_games, cost=4 * self.players)
        return min(wrong, default=-1)

    def _illegal(self, game: int, actions: npt.NDArray[Any]) -> ValueError:
        """Returns the error for the actions of a game."""
        prompt = int(self.draws.prompts[game])
        wrong = (actions[game] < 0) | (actions[game] >= self.scenario.populations[prompt].n_responses)
        player = int(np.argmax(wrong))
        who = f"game {game}, player {player}" if self.num_games > 1 else f"player {player}"
        return illegal_response(who, int(actions[game, player]), self.scenario, prompt)


def illegal_response(who: str, response: int, scenario: Scenario, prompt: int) -> ValueError:
    """Returns the error for a response that a prompt hasn't got."""
    n = scenario.populations[prompt].n_responses
    return ValueError(
        f"{who}: response {response} to {scenario.prompts[prompt]!r}, but it has {n} response{'s' * (n > 1)}, "
        f"from 0 to {n - 1}"
    )


def _flat_ranks(scenario: Scenario) -> tuple[npt.NDArray[np.signedinteger], Ints]:
    """Returns the ranks of all prompts in one array, and `[P, 2]` where a prompt's begin and how many responses it has.

    With one prompt it is the population's own array.
    """
    ranks = [population.ranks.reshape(-1) for population in scenario.populations]
    flat = ranks[0] if len(ranks) == 1 else np.concatenate(ranks)
    flat.flags.writeable = False  # as the population's own is: another kind of array would be compiled separately
    starts = np.cumsum([0, *(part.size for part in ranks[:-1])])
    return flat, np.column_stack([starts, [population.n_responses for population in scenario.populations]])


@compiled
def _play(ranks, layout, prompts, users, ties, slots, rewards, first, last):
    """Gives 1 to the slot that the user picks, 0 to the others; returns the first game that cannot be played, or -1."""
    players = slots.shape[1]
    for b in range(first, last):
        n = layout[prompts[b], 1]
        row = layout[prompts[b], 0] + users[b] * n
        best, tied = np.int64(n), 0
        for i in range(players):
            response = slots[b, i]
            if response < 0 or response >= n:
                return b
            rank = np.int64(ranks[row + response])
            if rank < best:
                best, tied = rank, 1
            elif rank == best:
                tied += 1
        chosen = (np.uint64(ties[b]) * np.uint64(tied)) >> np.uint64(32)
        place = np.uint64(0)
        for i in range(players):
            rewards[b, i] = 0.0
            if ranks[row + slots[b, i]] == best:
                if place == chosen:
                    rewards[b, i] = 1.0
                place += np.uint64(1)
    return -1
