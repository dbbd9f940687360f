"""OpenSpiel policies, Python or C++, as arrays: importing this module teaches `tabulate` to read them.

Axes: P prompts, N responses, K players.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyspiel
from open_spiel.python.policy import Policy as PythonPolicy

from ualign_env import _checks
from ualign_env._multisets import multisets
from ualign_env._types import Floats
from ualign_env.envs.open_spiel.games import SIMULTANEOUS, TURN_BASED, load_game
from ualign_env.envs.open_spiel.versus import VERSUS, VERSUS_BY_RESPONSE
from ualign_env.policies.tables import JointPolicy, PolicyTable
from ualign_env.policies.tabulate import read, reads
from ualign_env.scenario import Scenario
from ualign_env.specs import ScenarioLike, as_scenario, load_scenario

_Lookup = Callable[[pyspiel.State, int], dict[int, float]]


@dataclass(frozen=True)
class GamePolicy:
    """An OpenSpiel policy together with the game whose states it knows.

    Python policies remember their game; a C++ policy does not, and some answer "uniform" at states they have never
    seen. `tabulate` tries the forms of the scenario's game on a bare C++ policy; this says which one it is.

    Attributes:
        game: one of our games, or its cached or turn-based form.
        policy: the policy learned on it.
        owner: what must live as long as the policy: average policies in C++ point into their solver, and reading one
            whose solver is gone crashes the interpreter.
    """

    game: pyspiel.Game
    policy: Any
    owner: Any = None

    def __post_init__(self) -> None:
        if not isinstance(self.game, pyspiel.Game):
            raise ValueError(f"game is {self.game!r:.200}, but must be an OpenSpiel game")
        if not hasattr(self.policy, "action_probabilities"):
            raise ValueError(f"policy is {self.policy!r:.200}, but must be an OpenSpiel policy")


@reads
def _(policy: GamePolicy, scenario: Scenario, k: int) -> PolicyTable:
    if _inner(policy.game)[0] in (VERSUS, VERSUS_BY_RESPONSE):
        own = _inner(policy.game)[1]["k"]
        if own != k:
            raise ValueError(f"the policy's game has {own} responses of the model, but k is {k}")
        return read(joint_policy(scenario, policy, player=0), scenario, k)
    _check_game(policy.game, scenario, k)
    if not isinstance(policy.policy, pyspiel.Policy):
        return _tabulated(_table(policy.game, policy.policy.action_probabilities, scenario), scenario, k)
    if policy.game.get_type().dynamics != pyspiel.GameType.Dynamics.SEQUENTIAL:
        raise ValueError(f"a C++ policy is one of a turn-based game, not of {str(policy.game)[:80]!r}")
    table = _table(policy.game, lambda state, _: policy.policy.action_probabilities(state), scenario)
    uniform = _uniform_rows(table, scenario)
    if uniform.size and uniform.all() and _answers_anything(policy.policy):
        raise ValueError(f"the policy answers uniformly everywhere: it knows no state of {str(policy.game)[:80]!r}")
    return _tabulated(table, scenario, k)


@reads
def _(policy: PythonPolicy, scenario: Scenario, k: int) -> PolicyTable:
    if not hasattr(policy, "game"):  # OpenSpiel's best responses lack what their base class promises
        raise ValueError(f"{type(policy).__name__} does not know its game: pass GamePolicy(game, policy)")
    return read(GamePolicy(policy.game, policy), scenario, k)


@reads
def _(policy: pyspiel.Policy, scenario: Scenario, k: int) -> PolicyTable:
    tables: list[Floats] = []
    guesses = _answers_anything(policy)
    for game in _forms(scenario, k + 1):
        try:
            with _quiet():
                table = _table(game, _complete(policy), scenario)
        except (pyspiel.SpielError, _UnknownStateError):
            continue
        if not guesses or not _uniform_rows(table, scenario).any():
            tables.append(table)
    if not tables:
        raise ValueError(
            f"the policy knows no game of {k + 1} players on {scenario.name!r}, or not every state of it; if it does, "
            "keep its solver alive, and pass GamePolicy(game, policy, solver)"
        )
    if any(not np.array_equal(table, tables[0]) for table in tables[1:]):
        raise ValueError("the policy acts differently in different forms of the game: pass GamePolicy(game, policy)")
    return _tabulated(tables[0], scenario, k)


def _tabulated(table: Floats, scenario: Scenario, k: int) -> PolicyTable:
    """Returns one shared policy where all players have the same, as in anonymous games, otherwise the profile."""
    return read(table[0] if (table == table[0]).all() else table, scenario, k)


class _UnknownStateError(ValueError):
    """A policy has no answer at a state."""


def joint_policy(scenario: ScenarioLike, policy: GamePolicy, player: int) -> JointPolicy:
    """Returns how a side of the k-against-l game chooses its responses.

    Args:
        scenario: the game's scenario, its spec, or users.
        policy: a policy with its game, `python_ualign_versus`, `python_ualign_versus_by_response`, or the cached form
            of the latter.
        player: 0 for the model, 1 for the opponent.

    Raises:
        ValueError: if the game is of another scenario, or the policy doesn't know a state.
    """
    scenario = as_scenario(scenario)
    if not isinstance(policy, GamePolicy):
        raise ValueError(f"policy is {policy!r:.200}, but must be GamePolicy(game, policy)")
    player = _checks.count("player", player, 0, 1)
    name, parameters = _inner(policy.game)
    if name not in (VERSUS, VERSUS_BY_RESPONSE):
        raise ValueError(f"the policy is one of {str(policy.game)[:80]!r}, not of {VERSUS} or {VERSUS_BY_RESPONSE}")
    if load_scenario(parameters["scenario"]) != scenario:
        raise ValueError(f"the policy's game is of another scenario than {scenario.name!r}: {str(policy.game)[:80]!r}")
    size = int(parameters["l" if player else "k"])
    known = policy.policy.action_probabilities
    sets, chances = [], []
    for x, population in enumerate(scenario.populations):
        state = policy.game.new_initial_state()
        state.apply_action(x)
        if name == VERSUS and not state.is_simultaneous_node():
            raise ValueError(f"{str(policy.game)[:80]!r} is converted; learn on {VERSUS_BY_RESPONSE}, which is scored")
        if name == VERSUS:
            probabilities = known(state, player)
            rows, found = multisets(population.n_responses, size), np.zeros(state.num_distinct_actions())
            found[list(probabilities)] = list(probabilities.values())
            sets.append(rows)
            chances.append(found[: len(rows)])
            continue
        while state.current_player() != player:  # the model's moves, of which the opponent sees nothing
            state.apply_action(state.legal_actions()[0])
        found = dict(_sequences(known, state, player, (), 1.0))
        sets.append(np.array(list(found), np.int64))
        chances.append(np.array(list(found.values())))
    return JointPolicy(tuple(sets), tuple(chances), scenario.n_responses)


def _sequences(
    probabilities_at: Callable[..., dict[int, float]],
    state: pyspiel.State,
    player: int,
    submitted: tuple[int, ...],
    chance: float,
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Yields the responses that a player can submit from a state on, and how likely they are."""
    if state.is_terminal() or state.current_player() != player:
        yield submitted, chance
        return
    for action, probability in probabilities_at(state).items():
        if probability > 0:
            yield from _sequences(
                probabilities_at, state.child(action), player, (*submitted, action), chance * probability
            )


def _inner(game: pyspiel.Game) -> tuple[str, dict[str, Any]]:
    """Returns the name and the parameters of the game inside cached and converted ones."""
    parameters = game.get_parameters()
    name = game.get_type().short_name
    while isinstance(parameters.get("game"), dict):
        parameters = parameters["game"]
        name = parameters["name"]
    return name, parameters


def _check_game(game: pyspiel.Game, scenario: Scenario, k: int) -> None:
    """Raises an error unless the game is a form of the scenario's game with k + 1 players."""
    name, parameters = _inner(game)
    if name not in (SIMULTANEOUS, TURN_BASED):
        raise ValueError(f"the policy is one of {str(game)[:80]!r}, not of {SIMULTANEOUS} or {TURN_BASED}")
    if parameters.get("responses", 1) != 1:
        raise ValueError(
            f"the policy's players submit {parameters['responses']} responses each, but only policies of one are scored"
        )
    if game.num_players() != k + 1:
        raise ValueError(f"the policy's game has {game.num_players()} players, but k = {k} needs {k + 1}")
    own = load_scenario(parameters["scenario"]) if "scenario" in parameters else load_game().scenario
    if own != scenario:
        raise ValueError(f"the policy's game is of another scenario than {scenario.name!r}: {str(game)[:80]!r}")


def _forms(scenario: Scenario, players: int) -> Iterator[pyspiel.Game]:
    """Yields the turn-based games with different information states."""
    for anonymous in (False, True):
        yield load_game(scenario, players, turn_based=True, anonymous=anonymous)
        yield pyspiel.convert_to_turn_based(load_game(scenario, players, anonymous=anonymous))


def _table(game: pyspiel.Game, probabilities_at: _Lookup, scenario: Scenario) -> Floats:
    """Returns `[K, P, N]`: what a policy does at every information state of the game, visited in turn."""
    table = np.zeros((game.num_players(), scenario.n_prompts, scenario.n_responses))
    for x in range(scenario.n_prompts):
        state = game.new_initial_state()
        state.apply_action(x)
        for player in range(game.num_players()):
            try:
                probabilities = probabilities_at(state, player)
            except KeyError:
                probabilities = {}
            if not probabilities:
                raise _UnknownStateError(f"the policy has no probabilities at {str(state)!r} for player {player}")
            table[player, x, list(probabilities)] = list(probabilities.values())
            if not state.is_simultaneous_node():
                state.apply_action(state.legal_actions()[0])
    return table


def _complete(policy: pyspiel.Policy) -> _Lookup:
    """Returns a lookup in a C++ policy that gives nothing unless it covers exactly the state's actions."""

    def probabilities_at(state: pyspiel.State, _: int) -> dict[int, float]:
        probabilities = policy.action_probabilities(state)
        return probabilities if sorted(probabilities) == state.legal_actions() else {}

    return probabilities_at


def _answers_anything(policy: pyspiel.Policy) -> bool:
    """Returns whether a C++ policy makes up probabilities at states that it cannot know, as MCCFR's averages do."""
    if isinstance(policy, pyspiel.UniformPolicy | pyspiel.PreferredActionPolicy):
        return False
    state = pyspiel.load_game("kuhn_poker").new_initial_state()
    for action in (0, 1):
        state.apply_action(action)
    try:
        with _quiet():
            return bool(policy.action_probabilities(state))
    except pyspiel.SpielError:
        return False


def _uniform_rows(table: Floats, scenario: Scenario) -> np.ndarray:
    """Returns `[K, P']`: where a policy is uniform, for the prompts with several responses."""
    sizes = np.array([population.n_responses for population in scenario.populations])
    uniform = (np.arange(scenario.n_responses) < sizes[:, None]) / sizes[:, None]
    distance = np.abs(table - uniform).max(axis=2)
    return distance[:, sizes > 1] < 1e-12


_STDERR = threading.Lock()


@contextmanager
def _quiet() -> Iterator[None]:
    """Discards what C++ prints: OpenSpiel writes each exception to the process's stderr before it raises it."""
    with _STDERR:
        try:
            saved = os.dup(2)
        except OSError:  # stderr is closed: nothing to keep quiet
            yield
            return
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            os.close(null)
