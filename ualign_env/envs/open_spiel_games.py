"""The symmetric (k+1)-player alignment game in OpenSpiel: `python_ualign` and `python_ualign_turn`.

Chance draws a prompt, which everybody sees; each player submits one response; the returns are the chances of being
picked by a user of the prompt's population. In `python_ualign` the players move at once, in `python_ualign_turn` one
after the other without seeing earlier moves. Importing this module registers both.
"""

from typing import Any

import numpy as np
import pyspiel

from ualign_env import _checks
from ualign_env.envs.batch import MAX_PLAYERS
from ualign_env.payoffs import TooLargeError, about, choice_shares, payoff_tensor
from ualign_env.population import Population
from ualign_env.scenario import Scenario
from ualign_env.specs import DEFAULT, as_scenario, load_scenario

SIMULTANEOUS = "python_ualign"
TURN_BASED = "python_ualign_turn"

_DEFAULTS = {"players": 3, "scenario": DEFAULT, "anonymous": False}
_REMEMBERED = 300_000  # returns that a game keeps, over all players


def _game_type(short_name: str, long_name: str, dynamics: Any, information: Any) -> pyspiel.GameType:
    return pyspiel.GameType(
        short_name=short_name,
        long_name=long_name,
        dynamics=dynamics,
        chance_mode=pyspiel.GameType.ChanceMode.EXPLICIT_STOCHASTIC,
        information=information,
        utility=pyspiel.GameType.Utility.CONSTANT_SUM,
        reward_model=pyspiel.GameType.RewardModel.TERMINAL,
        max_num_players=MAX_PLAYERS,
        min_num_players=2,
        provides_information_state_string=True,
        provides_information_state_tensor=True,
        provides_observation_string=True,
        provides_observation_tensor=True,
        provides_factored_observation_string=True,
        parameter_specification=_DEFAULTS,
    )


_SIMULTANEOUS_TYPE = _game_type(
    SIMULTANEOUS,
    "Alignment game",
    pyspiel.GameType.Dynamics.SIMULTANEOUS,
    pyspiel.GameType.Information.ONE_SHOT,
)
_TURN_BASED_TYPE = _game_type(
    TURN_BASED,
    "Alignment game, players moving in turn",
    pyspiel.GameType.Dynamics.SEQUENTIAL,
    pyspiel.GameType.Information.IMPERFECT_INFORMATION,
)


class _AlignmentGame(pyspiel.Game):
    """What both games share: parameters, scenario and payoffs."""

    game_type: pyspiel.GameType
    state_type: type["_AlignmentState"]

    def __init__(self, params: dict[str, Any] | None = None) -> None:
        params = _DEFAULTS | (params or {})
        players = _checks.count("players", params["players"], 2, MAX_PLAYERS)
        scenario = load_scenario(params["scenario"])
        sequential = self.game_type.dynamics == pyspiel.GameType.Dynamics.SEQUENTIAL
        super().__init__(
            self.game_type,
            pyspiel.GameInfo(
                num_distinct_actions=scenario.n_responses,
                max_chance_outcomes=scenario.n_prompts,
                num_players=players,
                min_utility=0.0,
                max_utility=1.0,
                utility_sum=1.0,
                max_game_length=players if sequential else 1,
            ),
            # complete, and with a spec that works in every process: copies are loaded from str(game)
            params | {"scenario": scenario.spec},
        )
        self.scenario = scenario
        self.anonymous = bool(params["anonymous"])
        self._shares: dict[tuple[int, ...], tuple[float, ...]] = {}

    def new_initial_state(self) -> "_AlignmentState":
        """Returns the state before chance draws the prompt."""
        return self.state_type(self)

    def make_py_observer(
        self, iig_obs_type: pyspiel.IIGObservationType | None = None, params: dict[str, Any] | None = None
    ) -> "_Observer":
        """Returns an observer of the player, the prompt and the player's own response."""
        if params:
            raise ValueError(f"observation parameters are not supported, but got {params}")
        return _Observer(self, iig_obs_type or pyspiel.IIGObservationType(perfect_recall=False))

    def max_chance_nodes_in_history(self) -> int:
        """Returns 1: chance draws the prompt."""
        return 1

    def returns_of(self, prompt: int, responses: tuple[int, ...]) -> list[float]:
        """Returns the chance that each player's response is picked; they sum to exactly 1."""
        key = (prompt, *responses)
        shares = self._shares.get(key)
        if shares is None:
            if len(self._shares) * len(key) >= _REMEMBERED:
                self._shares.clear()
            shares = tuple(choice_shares(self.scenario.populations[prompt], responses).tolist())
            self._shares[key] = shares
        return list(shares)

    def __reduce__(self) -> tuple[Any, ...]:
        # OpenSpiel's own pickling of Python games drops their attributes
        return pyspiel.load_game, (str(self),)


class _AlignmentState(pyspiel.State):
    """The prompt and the responses submitted so far; plain ints, since every clone copies them."""

    def __init__(self, game: _AlignmentGame) -> None:
        super().__init__(game)
        self.prompt = -1
        self.responses: tuple[int, ...] = ()

    @property
    def population(self) -> Population:
        """The users who judge the prompt's responses."""
        assert self.prompt >= 0, "chance has not drawn the prompt yet"  # noqa: S101
        return self.get_game().scenario.populations[self.prompt]

    def is_terminal(self) -> bool:
        """Returns whether every player has submitted a response."""
        return len(self.responses) == self.num_players()

    def chance_outcomes(self) -> list[tuple[int, float]]:
        """Returns the prompts with their probabilities."""
        return list(enumerate(self.get_game().scenario.probabilities.tolist()))

    def _legal_actions(self, player: int) -> list[int]:
        # C++ asks for player -2 at simultaneous nodes, and crashes where it gets an answer
        assert player >= 0  # noqa: S101
        return list(range(self.population.n_responses))

    def _draw(self, prompt: int) -> None:
        # C++ does not check moves
        assert self.prompt < 0 <= prompt < self.get_game().scenario.n_prompts, f"no prompt {prompt}"  # noqa: S101
        self.prompt = prompt

    def _submit(self, response: int) -> None:
        assert 0 <= response < self.population.n_responses, f"no response {response}"  # noqa: S101
        self.responses += (response,)

    def _action_to_string(self, player: int, action: int) -> str:
        if player == pyspiel.PlayerId.CHANCE:
            return self.get_game().scenario.prompts[action]
        return self.population.responses[action]

    def returns(self) -> list[float]:
        """Returns the chance that each player's response is picked, zeros before the end."""
        if not self.is_terminal():
            return [0.0] * self.num_players()
        return self.get_game().returns_of(self.prompt, self.responses)

    def __str__(self) -> str:
        if self.prompt < 0:
            return "start"
        return " ".join([f"prompt:{self.prompt}", *(f"{i}:{response}" for i, response in enumerate(self.responses))])


class SimultaneousState(_AlignmentState):
    """A state of `python_ualign`."""

    def current_player(self) -> int:
        """Returns chance first, then all players at once."""
        if self.is_terminal():
            return pyspiel.PlayerId.TERMINAL
        return pyspiel.PlayerId.CHANCE if self.prompt < 0 else pyspiel.PlayerId.SIMULTANEOUS

    def _apply_action(self, action: int) -> None:
        self._draw(action)

    def _apply_actions(self, actions: list[int]) -> None:
        assert len(actions) == self.num_players()  # noqa: S101
        for action in actions:
            self._submit(action)


class TurnBasedState(_AlignmentState):
    """A state of `python_ualign_turn`."""

    def current_player(self) -> int:
        """Returns chance first, then the players in turn."""
        if self.is_terminal():
            return pyspiel.PlayerId.TERMINAL
        return pyspiel.PlayerId.CHANCE if self.prompt < 0 else len(self.responses)

    def _apply_action(self, action: int) -> None:
        if self.prompt < 0:
            self._draw(action)
        else:
            self._submit(action)


class SimultaneousGame(_AlignmentGame):
    """The game `python_ualign`: all players submit their responses at once."""

    game_type = _SIMULTANEOUS_TYPE
    state_type = SimultaneousState


class TurnBasedGame(_AlignmentGame):
    """The game `python_ualign_turn`: the players submit their responses in turn, without seeing earlier ones."""

    game_type = _TURN_BASED_TYPE
    state_type = TurnBasedState


class _Observer:
    """What a player knows: who she is (unless the game is anonymous), the prompt, and her own response once given."""

    def __init__(self, game: _AlignmentGame, kind: pyspiel.IIGObservationType) -> None:
        if kind.private_info == pyspiel.PrivateInfoType.ALL_PLAYERS:
            raise ValueError("no observer sees all players' responses: private_info must be SINGLE_PLAYER or NONE")
        scenario = game.scenario
        sizes = {}
        if not game.anonymous:
            sizes["player"] = game.num_players()
        if kind.public_info:
            sizes["prompt"] = scenario.n_prompts
        if kind.private_info == pyspiel.PrivateInfoType.SINGLE_PLAYER:
            sizes["response"] = scenario.n_responses
        self.tensor = np.zeros(sum(sizes.values()), np.float32)
        ends = np.cumsum(list(sizes.values()))
        self.dict = {name: self.tensor[end - sizes[name] : end] for name, end in zip(sizes, ends, strict=True)}

    def set_from(self, state: _AlignmentState, player: int) -> None:
        """Writes what `player` knows into `tensor`, of which `dict` holds the parts, one-hot each."""
        self.tensor.fill(0)
        for name, index in self._known(state, player):
            self.dict[name][index] = 1

    def string_from(self, state: _AlignmentState, player: int) -> str:
        """Returns what `player` knows, such as `player:0 prompt:2`."""
        return " ".join(f"{name}:{index}" for name, index in self._known(state, player))

    def _known(self, state: _AlignmentState, player: int) -> list[tuple[str, int]]:
        parts = [("player", player), ("prompt", state.prompt)]
        if player < len(state.responses):
            parts.append(("response", state.responses[player]))
        return [(name, index) for name, index in parts if name in self.dict and index >= 0]


def load_game(
    scenario: Scenario | Population | str = DEFAULT,
    players: int = 3,
    *,
    turn_based: bool = False,
    anonymous: bool = False,
) -> pyspiel.Game:
    """Returns the alignment game of a scenario; the same as `pyspiel.load_game` with the scenario's spec.

    Args:
        scenario: a scenario, its spec, or the population of its only prompt.
        players: k + 1, the number of responses that users see side by side.
        turn_based: whether the players move in turn (`python_ualign_turn`) or at once (`python_ualign`).
        anonymous: whether information states leave out the player, so that tabular algorithms learn one policy
            for all players. OpenSpiel asks players' information states to differ, hence not the default, and its
            `convert_to_turn_based` puts the player back: use `turn_based` or `cached_game`.
    """
    players = _checks.count("players", players, 2, MAX_PLAYERS)
    parameters = {"players": players, "scenario": as_scenario(scenario).spec, "anonymous": bool(anonymous)}
    return pyspiel.load_game(TURN_BASED if turn_based else SIMULTANEOUS, parameters)


def cached_game(game: pyspiel.Game, *, max_states: int = 1_000_000) -> pyspiel.Game:
    """Returns the turn-based form of an alignment game as a tree in C++, on which C++ algorithms run at full speed.

    Args:
        game: a `python_ualign` or `python_ualign_turn` game.
        max_states: largest tree to cache; a million states take about 2 GB and half a minute.

    Raises:
        ValueError: if it is neither game.
        TooLargeError: if the tree would have more states (with their number).
    """
    own = _own_game(game)
    players = own.num_players()
    # a prompt's tree has n^0 + n^1 + ... + n^players states
    states = 1 + sum(sum(p.n_responses**i for i in range(players + 1)) for p in own.scenario.populations)
    if states > max_states:
        raise TooLargeError(
            f"the tree of {players} players would have {about(states)} states, but at most {max_states:,} are wanted; "
            "use fewer players or responses, or a method that needs no tree"
        )
    return pyspiel.convert_to_cached_tree(pyspiel.load_game(TURN_BASED, own.get_parameters()))


def tensor_game(game: pyspiel.Game, prompt: int | None = None) -> pyspiel.Game:
    """Returns the alignment game of one prompt in normal form, for small games.

    What solvers learn on it is scored as arrays, `[K, 1, N]` for K players: its states name no prompt.

    Args:
        game: a `python_ualign` or `python_ualign_turn` game.
        prompt: index of the prompt; needed where the scenario has several.

    Raises:
        ValueError: if it is neither game, or the prompt is missing or unknown.
        TooLargeError: if the tensor would have more than 100 million entries (with their number).
    """
    own = _own_game(game)
    scenario = own.scenario
    if prompt is None and scenario.n_prompts > 1:
        raise ValueError(f"the scenario has {scenario.n_prompts} prompts, each a normal form of its own: choose one")
    population = scenario.populations[_checks.count("prompt", prompt or 0, 0, scenario.n_prompts - 1)]
    return pyspiel.create_tensor_game(list(payoff_tensor(population, own.num_players())))


def _own_game(game: pyspiel.Game) -> _AlignmentGame:
    if not isinstance(game, _AlignmentGame):
        raise ValueError(f"expected a {SIMULTANEOUS} or {TURN_BASED} game, not {str(game)[:80]!r}")
    return game


pyspiel.register_game(_SIMULTANEOUS_TYPE, SimultaneousGame)
pyspiel.register_game(_TURN_BASED_TYPE, TurnBasedGame)
