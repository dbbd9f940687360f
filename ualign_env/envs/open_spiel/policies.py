"""OpenSpiel policies, Python or C++, as arrays: importing this module teaches `tabulate` to read them.

Axes: P prompts, N responses, K players.
"""

import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyspiel
from open_spiel.python.policy import Policy as PythonPolicy

from ualign_env import _checks
from ualign_env._multisets import multisets
from ualign_env._types import Floats
from ualign_env.envs.open_spiel.games import SIMULTANEOUS, TURN_BASED, load_game
from ualign_env.envs.open_spiel.versus import VERSUS, VERSUS_BY_RESPONSE, load_versus_game
from ualign_env.policies.tables import JointPolicy, PolicyTable, SharedPolicy
from ualign_env.policies.tabulate import read, reads, reads_player
from ualign_env.scenario import Scenario
from ualign_env.specs import DEFAULT, ScenarioLike, as_scenario, load_scenario

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
@reads_player
def _(policy: GamePolicy, scenario: Scenario, k: int, player: int | None = None) -> PolicyTable:
    return _learned(policy, scenario, k, player)


@reads
@reads_player
def _(policy: PythonPolicy, scenario: Scenario, k: int, player: int | None = None) -> PolicyTable:
    return _learned(_with_game(policy), scenario, k, player)


@reads
@reads_player
def _(policy: pyspiel.Policy, scenario: Scenario, k: int, player: int | None = None) -> PolicyTable:
    return _learned(GamePolicy(_guessed_game(policy, scenario, k, player), policy), scenario, k, player)


def _with_game(policy: PythonPolicy) -> GamePolicy:
    if not hasattr(policy, "game"):  # OpenSpiel's best responses lack what their base class promises
        raise ValueError(f"{type(policy).__name__} does not know its game: pass GamePolicy(game, policy)")
    return GamePolicy(policy.game, policy)


def _learned(policy: GamePolicy, scenario: Scenario, k: int, player: int | None) -> PolicyTable:
    """Returns what the players of a game, or one of them, have learned, as a model with k responses."""
    name, sizes = _form(policy.game, scenario)
    if player is not None:
        _checks.count("player", player, 0, len(sizes) - 1)
    lookup = _lookup(policy)
    if name in (VERSUS, VERSUS_BY_RESPONSE) or sizes[0] > 1:
        model = player or 0
        if sizes[model] != k:
            raise ValueError(f"player {model} of the policy's game submits {sizes[model]} responses, but k is {k}")
        alone = player is not None or name in (VERSUS, VERSUS_BY_RESPONSE)
        return read(_joint(policy.game, lookup, scenario, [model] if alone else range(len(sizes))), scenario, k)
    if len(sizes) != k + 1:
        raise ValueError(f"the policy's game has {len(sizes)} players, but k = {k} needs {k + 1}")
    table = _table(policy.game, lookup, scenario, range(len(sizes)) if player is None else [player])
    uniform = _uniform_rows(table, scenario)
    if uniform.size and uniform.all() and isinstance(policy.policy, pyspiel.Policy) and _guesses(policy.policy):
        raise ValueError(f"the policy answers uniformly everywhere: it knows no state of {str(policy.game)[:80]!r}")
    idle = uniform.all(axis=1)
    if uniform.size and idle.any() and not idle.all():
        warnings.warn(
            f"player {idle.argmax()} answers uniformly to every prompt, and player {idle.argmin()} does not: pass "
            f"player={idle.argmin()} where the policy is that player's alone",
            stacklevel=2,
        )
    # one shared policy where all players have the same, as in anonymous games, otherwise the profile
    return SharedPolicy(table[0]) if (table == table[0]).all() else read(table, scenario, k)


def joint_policy(scenario: ScenarioLike, policy: GamePolicy, player: int) -> JointPolicy:
    """Returns how a player of a game chooses her responses: together, where she submits several.

    Args:
        scenario: the game's scenario, its spec, or users.
        policy: a policy with its game, which may be cached or converted.
        player: 0 for the model of a k-against-l game, 1 for its opponent; a player of a symmetric game.

    Raises:
        ValueError: if the game is of another scenario, or the policy doesn't know a state.
    """
    scenario = as_scenario(scenario)
    if not isinstance(policy, GamePolicy):
        raise ValueError(f"policy is {policy!r:.200}, but must be GamePolicy(game, policy)")
    _, sizes = _form(policy.game, scenario)
    player = _checks.count("player", player, 0, len(sizes) - 1)
    return _joint(policy.game, _lookup(policy), scenario, [player])


def _form(game: pyspiel.Game, scenario: Scenario) -> tuple[str, tuple[int, ...]]:
    """Returns which game is inside cached and converted ones, and how many responses each player submits.

    Raises:
        ValueError: if it is no game of the scenario.
    """
    parameters = game.get_parameters()
    name = game.get_type().short_name
    while isinstance(parameters.get("game"), dict):
        parameters = parameters["game"]
        name = parameters["name"]
    if name not in (SIMULTANEOUS, TURN_BASED, VERSUS, VERSUS_BY_RESPONSE):
        raise ValueError(
            f"the policy is one of {str(game)[:80]!r}, not of {SIMULTANEOUS}, {TURN_BASED}, {VERSUS} or "
            f"{VERSUS_BY_RESPONSE}"
        )
    spec = parameters.get("scenario", DEFAULT)
    if spec != scenario.spec and load_scenario(spec) != scenario:
        raise ValueError(f"the policy's game is of another scenario than {scenario.name!r}: {str(game)[:80]!r}")
    if name in (VERSUS, VERSUS_BY_RESPONSE):
        return name, (int(parameters.get("k", 2)), int(parameters.get("l", 1)))
    return name, (int(parameters.get("responses", 1)),) * game.num_players()


def _lookup(policy: GamePolicy) -> _Lookup:
    if not isinstance(policy.policy, pyspiel.Policy):
        return policy.policy.action_probabilities
    if policy.game.get_type().dynamics != pyspiel.GameType.Dynamics.SEQUENTIAL:
        raise ValueError(f"a C++ policy is one of a turn-based game, not of {str(policy.game)[:80]!r}")
    return lambda state, _: policy.policy.action_probabilities(state)


def _turns(game: pyspiel.Game, prompt: int) -> Iterator[tuple[int, pyspiel.State]]:
    """Yields each player with the state in which she makes her first move; nobody sees the others'."""
    state = game.new_initial_state()
    state.apply_action(prompt)
    for player in range(game.num_players()):
        while not state.is_simultaneous_node() and state.current_player() != player:
            state.apply_action(state.legal_actions()[0])
        yield player, state


def _table(game: pyspiel.Game, lookup: _Lookup, scenario: Scenario, players: Sequence[int]) -> Floats:
    """Returns `[K, P, N]`: what some players do, each with one response."""
    table = np.zeros((len(players), scenario.n_prompts, scenario.n_responses))
    for x in range(scenario.n_prompts):
        for player, state in _turns(game, x):
            if player in players:
                chances = _chances(lookup, state, player)
                table[players.index(player), x, list(chances)] = list(chances.values())
    return table


def _joint(game: pyspiel.Game, lookup: _Lookup, scenario: Scenario, players: Sequence[int]) -> JointPolicy:
    """Returns how a player chooses her responses, or one of several who is drawn uniformly."""
    name, sizes = _form(game, scenario)
    sets, chances = [], []
    for x, users in enumerate(scenario.populations):
        found: dict[tuple[int, ...], float] = {}
        rows = [] if name == VERSUS_BY_RESPONSE else multisets(users.n_responses, sizes[players[0]]).tolist()
        for player, state in _turns(game, x):
            if player not in players:
                continue
            if name == VERSUS_BY_RESPONSE:
                submitted = list(_sequences(lookup, state, player, (), 1.0))
            else:
                submitted = [(tuple(rows[action]), p) for action, p in _chances(lookup, state, player).items()]
            for responses, chance in submitted:
                found[responses] = found.get(responses, 0.0) + chance / len(players)
        order = sorted(found)
        sets.append(np.array(order, np.int64))
        likely = np.array([found[responses] for responses in order])
        chances.append(likely / likely.sum())
    return JointPolicy(tuple(sets), tuple(chances), scenario.n_responses)


def _sequences(
    lookup: _Lookup, state: pyspiel.State, player: int, submitted: tuple[int, ...], chance: float
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Yields the responses that a player can submit from a state on, and how likely they are."""
    if state.is_terminal() or state.current_player() != player:
        yield submitted, chance
        return
    try:
        chances = _chances(lookup, state, player)
    except _NoDistributionError:
        if chance > _checks.SUM_TOLERANCE:
            raise
        return  # interior-point solvers leave anything at states that are as good as never met
    for action, probability in chances.items():
        if probability > 0:
            yield from _sequences(lookup, state.child(action), player, (*submitted, action), chance * probability)


def _chances(lookup: _Lookup, state: pyspiel.State, player: int) -> dict[int, float]:
    """Returns the probabilities of a player's legal actions at a state, as the policy has them."""
    try:
        found = lookup(state, player)
    except KeyError:
        found = {}
    if not found:
        raise _UnknownStateError(f"the policy has no probabilities at {str(state)!r} for player {player}")
    legal = state.legal_actions(player)
    illegal = [action for action, chance in found.items() if chance != 0 and action not in legal]
    if illegal:
        raise ValueError(f"the policy plays {illegal[0]} at {str(state)!r}, where legal actions are {legal!s:.80}")
    chances = {int(action): float(chance) for action, chance in found.items() if action in legal}
    negligible = all(chance >= -_checks.SUM_TOLERANCE for chance in chances.values())
    chances = {action: max(chance, 0.0) for action, chance in chances.items()}
    total = sum(chances.values())
    if not negligible or not abs(total - 1) <= _checks.SUM_TOLERANCE:
        raise _NoDistributionError(f"the policy's probabilities at {str(state)!r} are no distribution: {found!s:.200}")
    return {action: chance / total for action, chance in chances.items()}


class _UnknownStateError(ValueError):
    """A policy has no answer at a state."""


class _NoDistributionError(ValueError):
    """A policy's answer at a state is no distribution."""


def _guessed_game(policy: pyspiel.Policy, scenario: Scenario, k: int, player: int | None = None) -> pyspiel.Game:
    """Returns the form of the game whose states a C++ policy knows; a game of more players is not taken for one."""
    lookup = _complete(policy)

    def known(game: pyspiel.Game, players: Sequence[int]) -> tuple[Floats, ...] | None:
        try:
            with _quiet():
                if _form(game, scenario)[0] in (VERSUS, VERSUS_BY_RESPONSE):
                    return _joint(game, lookup, scenario, [0]).chances
                return tuple(_table(game, lookup, scenario, players))
        except (pyspiel.SpielError, _UnknownStateError):
            return None

    everybody = range(k + 1) if player is None else [_checks.count("player", player, 0, k)]
    found = [(game, table) for game in _symmetric_forms(scenario, k + 1) if (table := known(game, everybody))]
    if not found:
        found = [(game, table) for game in _versus_forms(scenario, k) if (table := known(game, [0]))]
    if not found:
        raise ValueError(
            f"the policy knows no game of {k + 1} players on {scenario.name!r}, or not every state of it; if it does, "
            "keep its solver alive, and pass GamePolicy(game, policy, solver)"
        )
    for _, table in found[1:]:
        if not all(map(np.array_equal, table, found[0][1])):
            raise ValueError(
                "the policy acts differently in different forms of the game: pass GamePolicy(game, policy)"
            )
    larger = load_game(scenario, k + 2, turn_based=True)
    if not isinstance(policy, _EVERYWHERE) and known(larger, [k + 1]):
        raise ValueError(f"the policy is one of a game with more than {k + 1} players, but k = {k} needs {k + 1}")
    return found[0][0]


def _symmetric_forms(scenario: Scenario, players: int) -> Iterator[pyspiel.Game]:
    """Yields the turn-based symmetric games with different information states."""
    for anonymous in (False, True):
        yield load_game(scenario, players, turn_based=True, anonymous=anonymous)
        yield pyspiel.convert_to_turn_based(load_game(scenario, players, anonymous=anonymous))


def _versus_forms(scenario: Scenario, k: int) -> Iterator[pyspiel.Game]:
    """Yields the sequential games of k against l with different information states of the model, the same for all l."""
    yield load_versus_game(scenario, k, 1, by_response=True)
    with suppress(_checks.TooLargeError):  # too many multisets: nothing was learned on it
        yield pyspiel.convert_to_turn_based(load_versus_game(scenario, k, 1))


def _complete(policy: pyspiel.Policy) -> _Lookup:
    """Returns a lookup in a C++ policy that gives nothing unless it covers exactly the state's actions.

    Uniform answers of a policy that makes some up are none.
    """
    guesses = _guesses(policy)

    def probabilities_at(state: pyspiel.State, _: int) -> dict[int, float]:
        probabilities = policy.action_probabilities(state)
        if sorted(probabilities) != state.legal_actions():
            return {}
        made_up = guesses and len(probabilities) > 1 and np.ptp(list(probabilities.values())) < 1e-12
        return {} if made_up else probabilities

    return probabilities_at


_EVERYWHERE = (pyspiel.UniformPolicy, pyspiel.PreferredActionPolicy)  # policies of all games


def _guesses(policy: pyspiel.Policy) -> bool:
    """Returns whether a C++ policy makes up probabilities at states that it cannot know, as MCCFR's averages do."""
    if isinstance(policy, _EVERYWHERE):
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
