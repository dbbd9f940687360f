"""B independent alignment games at once: the rules that the PettingZoo and Gymnasium environments share.

Axes: B games, K players, P prompts, N responses.
"""

import operator
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from ualign_env import _checks
from ualign_env._checks import TooLargeError
from ualign_env._limits import MAX_GAMES, MAX_PLAYERS
from ualign_env._text import counted
from ualign_env._threads import over_ranges
from ualign_env._types import Floats, Ints
from ualign_env.payoffs import exact_shares
from ualign_env.policies.tabulate import read
from ualign_env.scenario import Scenario
from ualign_env.simulation import loops
from ualign_env.simulation.draws import Draws, Nature
from ualign_env.specs import DEFAULT, ScenarioLike, as_scenario
from ualign_env.users import picker

Feedback = Literal["pick", "expected"]


class OneShotGames:
    """B independent games of one step, all played at the same time.

    `reset` draws a prompt and a user for each game; a subclass's `step` takes responses and ends the games. The draws
    of game b depend on the seed, on b and on how often the games were reset since the seed was given, so a game goes
    the same whatever its neighbours are.

    Attributes:
        scenario: the prompts and their users.
        num_games: B.
        feedback: `"pick"`: 1 for a response that was picked, 0 for others. `"expected"`: the chance of being picked.
    """

    def __init__(self, scenario: ScenarioLike, num_games: int, feedback: Feedback) -> None:
        """Makes the games; subclasses document the arguments."""
        self.scenario = as_scenario(scenario)
        self.num_games = _checks.count("num_games", num_games, 1, MAX_GAMES)
        self.feedback: Feedback = _checks.one_of("feedback", feedback, get_args(Feedback))
        self._draws = Draws.none()
        self._sizes = self.scenario.legal.sum(axis=1)
        self._nature = Nature(self.scenario, self.num_games)
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
        self._draws = self._nature.draw(seed)
        self._over = False
        return self._draws.prompts.copy()

    @property
    def draws(self) -> Draws:
        """The prompts and users of the present games, or of the last ones, read-only; players must not see users."""
        return self._draws.locked()

    def _responses(self, actions: npt.ArrayLike, shape: tuple[int, ...], meaning: str) -> Ints:
        """Returns actions as integers of a shape, if the games are on."""
        if self._over:
            raise ValueError("the games are over: call reset() before step()")
        array = _checks.number_array("actions", actions)
        if array.shape != shape or array.dtype.kind not in "iu":
            raise ValueError(
                f"actions are {array.dtype} of shape {array.shape}, but must be integers of shape {shape}: {meaning}"
            )
        return np.ascontiguousarray(array, np.int64)

    def _slot_name(self, slot: int) -> str:
        return f"player {slot}"

    def _check_legal(self, responses: Ints) -> None:
        """Raises an error for the first response, `[B]` or `[B, K]`, that its game's prompt hasn't got."""
        prompts = self._draws.prompts.reshape(-1, *[1] * (responses.ndim - 1))
        wrong = (responses < 0) | (responses >= self._sizes[prompts])
        if wrong.any():
            where = tuple(np.argwhere(wrong)[0])
            game = [f"game {where[0]}"] if self.num_games > 1 else []
            who = ", ".join([*game, *(self._slot_name(int(slot)) for slot in where[1:])]) or "the action"
            raise illegal_response(who, int(responses[where]), self.scenario, int(self._draws.prompts[where[0]]))


class BatchedGame(OneShotGames):
    """B independent games of K players, who submit one response each; see `OneShotGames`.

    Attributes:
        players: K, the number of responses shown side by side.
    """

    def __init__(
        self,
        scenario: ScenarioLike = DEFAULT,
        players: int = 3,
        num_games: int = 1,
        *,
        feedback: Feedback = "pick",
    ) -> None:
        """Makes the games.

        Args:
            scenario: a scenario, its spec, or the population of its only prompt.
            players: K, from 2 to 10,001.
            num_games: B.
            feedback: `"pick"`: the user picks one response, whose player earns 1 and the others 0. `"expected"`:
                players earn the chance that a random user of the prompt picks their response.

        Raises:
            ValueError: if an argument is out of range or unknown.
        """
        super().__init__(scenario, num_games, feedback)
        self.players = _checks.count("players", players, 2)
        if self.players > MAX_PLAYERS:
            raise TooLargeError(f"players is {self.players:,}, but at most {MAX_PLAYERS:,} can play")
        self._picker = picker(self.scenario.populations)

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
        shape = self.num_games, self.players
        slots = self._responses(actions, shape, "one response for each game and slot")
        rewards = np.empty(shape)
        if self.feedback == "pick":
            if not self._pick(slots, rewards):
                self._check_legal(slots)
        else:
            self._check_legal(slots)
            for x in np.unique(self._draws.prompts):
                games = self._draws.prompts == x
                rewards[games] = exact_shares(self.scenario.populations[x], slots[games])
        self._over = True
        return rewards

    def _pick(self, slots: Ints, rewards: Floats) -> bool:
        """Lets every user pick, and returns whether all responses were legal."""
        draws, legal = self._draws, []

        def work(first: int, last: int) -> None:
            legal.append(self._picker(draws.prompts, draws.types, draws.numbers, slots, rewards, first, last))

        if self._picker.in_threads:
            over_ranges(work, self.num_games, cost=4 * self.players)
        else:
            work(0, self.num_games)
        return all(legal)


class BatchedVersusGame(BatchedGame):
    """B independent games of k responses of a model against l of an opponent; see `OneShotGames`."""

    def __init__(
        self,
        scenario: ScenarioLike = DEFAULT,
        k: int = 2,
        l: int = 1,
        num_games: int = 1,
        *,
        feedback: Feedback = "pick",
    ) -> None:
        """Makes the games.

        Args:
            scenario: a scenario, its spec, or the population of its only prompt.
            k: number of responses of the model.
            l: number of responses of the opponent; 10,001 at most can be shown side by side.
            num_games: B.
            feedback: as in `BatchedGame`.

        Raises:
            ValueError: if an argument is out of range or unknown.
        """
        self.k, self.l = _checks.count("k", k, 1), _checks.count("l", l, 1)
        if self.k + self.l > MAX_PLAYERS:
            raise TooLargeError(f"k + l is {self.k + self.l:,}, but at most {MAX_PLAYERS:,} responses can be shown")
        super().__init__(scenario, self.k + self.l, num_games, feedback=feedback)

    def step(self, actions: npt.ArrayLike) -> Floats:
        """Plays the games to their end.

        Args:
            actions: `[B, k + l]` integers, the model's responses and then the opponent's.

        Returns:
            `[B, 2]` what the model and the opponent earn; they sum to exactly 1.

        Raises:
            ValueError: as in `BatchedGame`.
        """
        slots = super().step(actions)
        return np.column_stack([slots[:, : self.k].sum(axis=1), slots[:, self.k :].sum(axis=1)])

    def _slot_name(self, slot: int) -> str:
        return f"the model's response {slot}" if slot < self.k else f"the opponent's response {slot - self.k}"


class BatchedExploiter(OneShotGames):
    """B independent games of l responses against k samples of a policy; see `OneShotGames`.

    The chance that one of the responses is picked is known exactly. So neither samples nor users are drawn, the user of
    a game has no part in it, and with l = 1 it takes the same time for every k.

    Attributes:
        k: number of responses that the policy shows.
        l: number of responses of the opponent.
        payoffs: `[P, N]` the chance of each response alone; 0 for those that a prompt hasn't got.
    """

    def __init__(
        self,
        scenario: ScenarioLike = DEFAULT,
        k: int = 2,
        policy: Any = "uniform",
        num_games: int = 1,
        *,
        l: int = 1,
        feedback: Feedback = "pick",
    ) -> None:
        """Makes the games.

        Args:
            scenario: a scenario, its spec, or the population of its only prompt.
            k: number of responses that the policy shows.
            l: number of responses of the opponent, from 1 to 500.
            policy: anything that `tabulate` takes, such as the name of a baseline.
            num_games: B.
            feedback: `"pick"`: 1 or 0, whether the response was picked. `"expected"`: the chance that it is.

        Raises:
            ValueError: if an argument is out of range or unknown, or the policy doesn't fit the scenario and k.
        """
        super().__init__(scenario, num_games, feedback)
        self.k = _checks.number_of_outputs(k)
        self.l = _checks.number_of_responses(l)
        learned = read(policy, self.scenario, self.k)
        self.payoffs = learned.payoffs(self.scenario, self.k)
        prompts = range(self.scenario.n_prompts if self.l > 1 else 0)
        self._contests = [learned.contest(self.scenario.populations[x], x, self.k) for x in prompts]

    def step(self, actions: npt.ArrayLike) -> Floats:
        """Plays the games to their end.

        Args:
            actions: `[B]` integers, responses that the games' prompts have; `[B, l]` for l above 1.

        Returns:
            `[B]` what they earn.

        Raises:
            ValueError: if the games are over or not begun, or a response is not one of the prompt's.
        """
        shape = (self.num_games,) if self.l == 1 else (self.num_games, self.l)
        responses = self._responses(actions, shape, f"{counted(self.l, 'response')} for each game")
        self._check_legal(responses)
        self._over = True
        chances = self.payoffs[self._draws.prompts, responses] if self.l == 1 else self._chances(responses)
        if self.feedback == "expected":
            return chances
        return (self._draws.numbers < chances * 2.0**32).astype(np.float64)

    def _slot_name(self, slot: int) -> str:
        return f"response {slot}"

    def _chances(self, responses: Ints) -> Floats:
        """Returns `[B]` the chances of `[B, l]` responses, each multiset of a prompt computed once."""
        chances = np.empty(len(responses))
        for x in np.unique(self._draws.prompts):
            games = self._draws.prompts == x
            sets, place = np.unique(np.sort(responses[games], axis=1), axis=0, return_inverse=True)
            chances[games] = self._contests[x].values(sets)[place.reshape(-1)]
        return chances


def response_index(who: str, action: Any) -> int:
    """Returns an action as an int; `1.5`, `True` and `None` are no responses."""
    try:
        if isinstance(action, bool | np.bool_):
            raise TypeError
        return operator.index(action)
    except TypeError:
        raise ValueError(f"{who}: the action is {action!r:.100}, but must be an integer, a response") from None


def illegal_response(who: str, response: int, scenario: Scenario, prompt: int) -> ValueError:
    """Returns the error for a response that a prompt hasn't got."""
    n = scenario.populations[prompt].n_responses
    few = response < scenario.n_responses
    hint = "; where prompts have different numbers of responses, learners need the action masks" if few else ""
    return ValueError(
        f"{who}: response {response} to {scenario.prompts[prompt]!r}, but it has {counted(n, 'response')}, "
        f"from 0 to {n - 1}{hint}"
    )


def repeated_rows(table: npt.NDArray[Any], rows: Ints, copies: int) -> npt.NDArray[Any]:
    """Returns the rows of a table that are named, each several times in a row."""
    out = np.empty((rows.size * copies, table.shape[1]), table.dtype)
    over_ranges(lambda first, last: loops.copy_rows(table, rows, copies, out, first, last), rows.size, cost=6 * copies)
    return out
