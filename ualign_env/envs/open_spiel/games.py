"""The symmetric (k+1)-player alignment game in OpenSpiel: `python_ualign` and `python_ualign_turn`.

Chance draws a prompt, which everybody sees; each player submits one response; the returns are the chances of being
picked by a user of the prompt's population. In `python_ualign` the players move at once, in `python_ualign_turn` one
after the other without seeing earlier moves. With `responses` above 1, each player submits a multiset of that many: an
action is its number in the order of `itertools.combinations_with_replacement`. `import ualign_env` registers both.
"""

from itertools import accumulate
from operator import mul
from typing import Any

import numpy as np
import pyspiel

from ualign_env import _checks
from ualign_env._checks import TooLargeError, about
from ualign_env._limits import MAX_ACTIONS, MAX_PLAYERS
from ualign_env._multisets import multisets, n_multisets
from ualign_env._types import Floats
from ualign_env.envs.open_spiel.observer import Observer, joined
from ualign_env.payoffs import exact_shares
from ualign_env.specs import DEFAULT, ScenarioLike, as_scenario, load_scenario
from ualign_env.users import Users

SIMULTANEOUS = "python_ualign"
TURN_BASED = "python_ualign_turn"

_DEFAULTS = {"players": 3, "scenario": DEFAULT, "anonymous": False, "responses": 1}
_REMEMBERED = 300_000  # returns that a game keeps, over all players


def game_type(
    short_name: str,
    long_name: str,
    dynamics: Any,
    information: Any,
    *,
    players: int = MAX_PLAYERS,
    utility: Any = pyspiel.GameType.Utility.CONSTANT_SUM,
    parameters: dict[str, Any] = _DEFAULTS,
) -> pyspiel.GameType:
    """Returns what OpenSpiel wants to know about a game in which chance draws the prompt."""
    return pyspiel.GameType(
        short_name=short_name,
        long_name=long_name,
        dynamics=dynamics,
        chance_mode=pyspiel.GameType.ChanceMode.EXPLICIT_STOCHASTIC,
        information=information,
        utility=utility,
        reward_model=pyspiel.GameType.RewardModel.TERMINAL,
        max_num_players=players,
        min_num_players=2,
        provides_information_state_string=True,
        provides_information_state_tensor=True,
        provides_observation_string=True,
        provides_observation_tensor=True,
        provides_factored_observation_string=True,
        parameter_specification=parameters,
    )


_SIMULTANEOUS_TYPE = game_type(
    SIMULTANEOUS,
    "Alignment game",
    pyspiel.GameType.Dynamics.SIMULTANEOUS,
    pyspiel.GameType.Information.ONE_SHOT,
)
_TURN_BASED_TYPE = game_type(
    TURN_BASED,
    "Alignment game, players moving in turn",
    pyspiel.GameType.Dynamics.SEQUENTIAL,
    pyspiel.GameType.Information.IMPERFECT_INFORMATION,
)


class AlignmentGame(pyspiel.Game):
    """What all games share: the scenario, how many responses each player submits, and payoffs.

    Attributes:
        scenario: the prompts and their users.
        sizes: the number of responses that each player submits.
        anonymous: whether information states leave out the player.
        zero_sum: whether returns are moved such that they sum to 0 instead of 1 (two players).
    """

    state_type: type["AlignmentState"]
    sequential_name: str

    def __init__(
        self,
        kind: pyspiel.GameType,
        params: dict[str, Any],
        sizes: tuple[int, ...],
        *,
        max_game_length: int,
        by_response: bool = False,
    ) -> None:
        """Makes the game.

        Args:
            kind: its type.
            params: its parameters, complete.
            sizes: the number of responses of each player.
            max_game_length: the most moves of a game.
            by_response: whether an action is a response, instead of a multiset of responses.
        """
        self.scenario = load_scenario(params["scenario"])
        self.sizes = sizes
        self.anonymous = bool(params.get("anonymous"))
        self.zero_sum = bool(params.get("zero_sum"))
        n = self.scenario.n_responses
        actions = n if by_response else max(n_multisets(n, size) for size in set(sizes))
        if actions > max(n, MAX_ACTIONS):
            raise TooLargeError(
                f"a player would have {about(actions)} multisets of {max(sizes)} of {n} responses as actions, but at "
                f"most {MAX_ACTIONS:,} are supported; use fewer responses"
            )
        super().__init__(
            kind,
            pyspiel.GameInfo(
                num_distinct_actions=actions,
                max_chance_outcomes=self.scenario.n_prompts,
                num_players=len(sizes),
                min_utility=-1.0 if self.zero_sum else 0.0,
                max_utility=1.0,
                utility_sum=0.0 if self.zero_sum else 1.0,
                max_game_length=max_game_length,
            ),
            # complete, and with a spec that works in every process: copies are loaded from str(game)
            params | {"scenario": self.scenario.spec},
        )
        self._shares: dict[tuple[int, ...], tuple[float, ...]] = {}
        self._multisets: dict[tuple[int, int], list[tuple[int, ...]]] = {}

    def multiset(self, prompt: int, player: int, action: int) -> tuple[int, ...]:
        """Returns the responses that an action stands for."""
        size = self.sizes[player]
        if size == 1:
            return (action,)
        n = self.scenario.populations[prompt].n_responses
        if (n, size) not in self._multisets:
            self._multisets[n, size] = list(map(tuple, multisets(n, size).tolist()))
        return self._multisets[n, size][action]

    def n_actions(self, prompt: int, player: int) -> int:
        """Returns how many multisets of a prompt's responses a player can submit."""
        return n_multisets(self.scenario.populations[prompt].n_responses, self.sizes[player])

    def n_states(self, prompt: int) -> int:
        """Returns the size of a prompt's tree in the turn-based form."""
        counts = [self.n_actions(prompt, player) for player in range(self.num_players())]
        return sum(accumulate(counts, mul, initial=1))

    def new_initial_state(self) -> "AlignmentState":
        """Returns the state before chance draws the prompt."""
        return self.state_type(self)

    def make_py_observer(
        self, iig_obs_type: pyspiel.IIGObservationType | None = None, params: dict[str, Any] | None = None
    ) -> "Observer":
        """Returns an observer of the player, the prompt and the player's own response."""
        if params:
            raise ValueError(f"observation parameters are not supported, but got {params}")
        return Observer(self, iig_obs_type or pyspiel.IIGObservationType(perfect_recall=False))

    def max_chance_nodes_in_history(self) -> int:
        """Returns 1: chance draws the prompt."""
        return 1

    def returns_of(self, prompt: int, submitted: tuple[tuple[int, ...], ...]) -> list[float]:
        """Returns the chance that each player's responses are picked; they sum to exactly 1 (or 0).

        Of users who only pick, one is asked: 1 for the player whose response she picks.
        """
        shown = tuple(response for responses in submitted for response in responses)
        users = self.scenario.populations[prompt]
        if users.only_pick:
            slots = np.zeros((1, len(shown)))
            slots[0, users.pick(np.zeros(1, np.int64), np.array([shown]), np.zeros(1, np.uint32))] = 1.0
            return self.utilities(slots)[0].tolist()
        key = (prompt, *shown)
        shares = self._shares.get(key)
        if shares is None:
            if len(self._shares) * len(key) >= _REMEMBERED:
                self._shares.clear()
            slots = exact_shares(users, np.array([shown]))
            shares = tuple(self.utilities(slots)[0].tolist())
            self._shares[key] = shares
        return list(shares)

    def utilities(self, slots: Floats) -> Floats:
        """Returns `[B, K]` what players earn by `[B, S]` chances of the responses that they submitted."""
        ends = np.cumsum([0, *self.sizes])
        # multiples of 2^-52, of which sums and differences are exact
        own = np.add.reduceat(slots, ends[:-1], axis=1)
        return 2 * own - 1 if self.zero_sum else own

    def __reduce__(self) -> tuple[Any, ...]:
        # OpenSpiel's own pickling of Python games drops their attributes, and its load_game knows ours only where this
        # module has been imported: unpickling imports it
        # (and the kinds of users, as classes, imports what defines them)
        return _reload, (str(self), {type(users) for users in self.scenario.populations})


def _reload(text: str, kinds: set[type[Users]]) -> pyspiel.Game:  # noqa: ARG001
    return pyspiel.load_game(text)


class AlignmentState(pyspiel.State):
    """The prompt and the responses submitted so far; plain ints, since every clone copies them."""

    def __init__(self, game: AlignmentGame) -> None:
        super().__init__(game)
        self.prompt = -1
        self.submitted: tuple[tuple[int, ...], ...] = ()
        self._earned: tuple[float, ...] | None = None

    @property
    def population(self) -> Users:
        """The users who judge the prompt's responses."""
        return self.get_game().scenario.populations[self._drawn()]

    def own_responses(self, player: int) -> tuple[int, ...]:
        """Returns what a player has submitted."""
        return self.submitted[player] if player < len(self.submitted) else ()

    def is_terminal(self) -> bool:
        """Returns whether every player has submitted all responses."""
        return len(self.submitted) == self.num_players()

    def chance_outcomes(self) -> list[tuple[int, float]]:
        """Returns the prompts with their probabilities."""
        return list(enumerate(self.get_game().scenario.probabilities.tolist()))

    def _legal_actions(self, player: int) -> list[int]:
        if player < 0:  # C++ asks for player -2 at simultaneous nodes, and crashes where it gets an answer
            raise ValueError(
                f"the players of {self.get_game().get_type().short_name} move at once, and legal_actions was asked for "
                f"none of them: use {self.get_game().sequential_name}, or ask for a player's"
            )
        return list(range(self.get_game().n_actions(self._drawn(), player)))

    def _drawn(self) -> int:
        """Returns the prompt, if chance has drawn it."""
        if self.prompt < 0:
            raise ValueError("chance has not drawn the prompt yet")
        return self.prompt

    def _draw(self, prompt: int) -> None:
        # C++ does not check moves
        n = self.get_game().scenario.n_prompts
        if self.prompt >= 0:
            raise ValueError(f"prompt {prompt} at {self}, but chance has drawn the prompt")
        if not 0 <= prompt < n:
            raise ValueError(f"prompt {prompt} was drawn, but there are {n}, from 0 to {n - 1}")
        self.prompt = prompt

    def _submit(self, action: int) -> None:
        game, player = self.get_game(), len(self.submitted)
        if self.is_terminal():
            raise ValueError(f"action {action} at {self}, but the game is over")
        n = game.n_actions(self._drawn(), player)
        if not 0 <= action < n:
            raise ValueError(f"action {action} of player {player} at {self}, but there are {n}, from 0 to {n - 1}")
        self.submitted += (game.multiset(self.prompt, player, action),)

    def _action_to_string(self, player: int, action: int) -> str:
        if player == pyspiel.PlayerId.CHANCE:
            return self.get_game().scenario.prompts[action]
        responses = self.get_game().multiset(self.prompt, player, action)
        return " + ".join(self.population.responses[response] for response in responses)

    def returns(self) -> list[float]:
        """Returns the chance that each player's responses are picked, zeros before the end."""
        if not self.is_terminal():
            return [0.0] * self.num_players()
        if self._earned is None:  # asked once: users who only pick may pick another next time
            self._earned = tuple(self.get_game().returns_of(self.prompt, self.submitted))
        return list(self._earned)

    def __str__(self) -> str:
        if self.prompt < 0:
            return "start"
        own = [f"{i}:{joined(responses)}" for i, responses in enumerate(self.submitted)]
        return " ".join([f"prompt:{self.prompt}", *own])


class SimultaneousState(AlignmentState):
    """A state of `python_ualign`."""

    def current_player(self) -> int:
        """Returns chance first, then all players at once."""
        if self.is_terminal():
            return pyspiel.PlayerId.TERMINAL
        return pyspiel.PlayerId.CHANCE if self.prompt < 0 else pyspiel.PlayerId.SIMULTANEOUS

    def _apply_action(self, action: int) -> None:
        self._draw(action)

    def _apply_actions(self, actions: list[int]) -> None:
        if len(actions) != self.num_players():
            raise ValueError(f"{len(actions)} actions, but {self.num_players()} players move at once")
        for action in actions:
            self._submit(action)


class TurnBasedState(AlignmentState):
    """A state of `python_ualign_turn`."""

    def current_player(self) -> int:
        """Returns chance first, then the players in turn."""
        if self.is_terminal():
            return pyspiel.PlayerId.TERMINAL
        return pyspiel.PlayerId.CHANCE if self.prompt < 0 else len(self.submitted)

    def _apply_action(self, action: int) -> None:
        if self.prompt < 0:
            self._draw(action)
        else:
            self._submit(action)


class SymmetricGame(AlignmentGame):
    """K players who submit equally many responses."""

    kind: pyspiel.GameType
    sequential_name = TURN_BASED

    def __init__(self, params: dict[str, Any] | None = None) -> None:
        params = _DEFAULTS | (params or {})
        players = _checks.count("players", params["players"], 2, MAX_PLAYERS)
        size = _checks.number_of_responses(params["responses"], "responses")
        sequential = self.kind.dynamics == pyspiel.GameType.Dynamics.SEQUENTIAL
        super().__init__(self.kind, params, (size,) * players, max_game_length=players if sequential else 1)


class SimultaneousGame(SymmetricGame):
    """The game `python_ualign`: all players submit their responses at once."""

    kind = _SIMULTANEOUS_TYPE
    state_type = SimultaneousState


class TurnBasedGame(SymmetricGame):
    """The game `python_ualign_turn`: the players submit their responses in turn, without seeing earlier ones."""

    kind = _TURN_BASED_TYPE
    state_type = TurnBasedState


def load_game(
    scenario: ScenarioLike = DEFAULT,
    players: int = 3,
    *,
    turn_based: bool = False,
    anonymous: bool = False,
    responses: int = 1,
) -> pyspiel.Game:
    """Returns the alignment game of a scenario; the same as `pyspiel.load_game` with the scenario's spec.

    Args:
        scenario: a scenario, its spec, or the population of its only prompt.
        players: k + 1, the number of responses that users see side by side.
        turn_based: whether the players move in turn (`python_ualign_turn`) or at once (`python_ualign`).
        anonymous: whether information states leave out the player, so that tabular algorithms learn one policy
            for all players. OpenSpiel asks players' information states to differ, hence not the default, and its
            `convert_to_turn_based` puts the player back: use `turn_based` or `cached_game`.
        responses: number of responses that each player submits.

    Raises:
        ValueError: if an argument is out of range.
    """
    players = _checks.count("players", players, 2, MAX_PLAYERS)
    parameters = {
        "players": players,
        "scenario": as_scenario(scenario).spec,
        "anonymous": _checks.flag("anonymous", anonymous),
        "responses": _checks.number_of_responses(responses, "responses"),
    }
    return pyspiel.load_game(TURN_BASED if _checks.flag("turn_based", turn_based) else SIMULTANEOUS, parameters)


pyspiel.register_game(_SIMULTANEOUS_TYPE, SimultaneousGame)
pyspiel.register_game(_TURN_BASED_TYPE, TurnBasedGame)
