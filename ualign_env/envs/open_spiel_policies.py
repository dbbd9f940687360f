"""OpenSpiel policies, Python or C++, as arrays: importing this module teaches `tabulate` to read them.

Axes: P prompts, N responses, K players.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyspiel
from open_spiel.python.policy import Policy as PythonPolicy

from ualign_env._checks import Floats
from ualign_env.envs.open_spiel_games import load_game
from ualign_env.policies import Tabular, tabulate
from ualign_env.scenario import Scenario

_Lookup = Callable[[pyspiel.State, int], dict[int, float]]


@dataclass(frozen=True)
class GamePolicy:
    """An OpenSpiel policy together with the game whose states it knows.

    Python policies remember their game; a C++ policy does not, and some answer "uniform" at states they have never
    seen. `tabulate` tries the forms of the scenario's game on a bare C++ policy; this says which one it is.

    Attributes:
        game: a `python_ualign` or `python_ualign_turn` game, or its cached or turn-based form.
        policy: the policy learned on it.
    """

    game: pyspiel.Game
    policy: Any


@tabulate.register
def _(policy: GamePolicy, scenario: Scenario, k: int) -> Tabular:
    players = policy.game.num_players()
    if players != k + 1:
        raise ValueError(f"the policy's game has {players} players, but k = {k} needs {k + 1}")
    if isinstance(policy.policy, pyspiel.Policy):
        if policy.game.get_type().dynamics != pyspiel.GameType.Dynamics.SEQUENTIAL:
            raise ValueError(f"a C++ policy is one of a turn-based game, not of {str(policy.game)[:80]!r}")
        return tabulate(_table(policy.game, _complete(policy.policy), scenario), scenario, k)
    return tabulate(_table(policy.game, policy.policy.action_probabilities, scenario), scenario, k)


@tabulate.register
def _(policy: PythonPolicy, scenario: Scenario, k: int) -> Tabular:
    if not hasattr(policy, "game"):  # OpenSpiel's best responses lack what their base class promises
        raise ValueError(f"{type(policy).__name__} does not know its game: pass GamePolicy(game, policy)")
    return tabulate(GamePolicy(policy.game, policy), scenario, k)


@tabulate.register
def _(policy: pyspiel.Policy, scenario: Scenario, k: int) -> Tabular:
    tables: list[Floats] = []
    for game in _forms(scenario, k + 1):
        try:
            with _quiet():
                table = _table(game, _complete(policy), scenario)
        except (pyspiel.SpielError, _UnknownStateError):
            continue
        tables.append(table)
    # where it doesn't know a state, a C++ policy raises, answers nothing, or answers "uniform"
    informed = [table for table in tables if not np.allclose(table, _uniform(scenario), rtol=0, atol=1e-12)]
    informed = informed or tables
    if not informed:
        raise ValueError(f"the policy knows no state of the {k + 1}-player game of {scenario.spec[:80]!r}")
    if any(not np.array_equal(table, informed[0]) for table in informed[1:]):
        raise ValueError("the policy acts differently in different forms of the game: pass GamePolicy(game, policy)")
    return tabulate(informed[0], scenario, k)


def _complete(policy: pyspiel.Policy) -> _Lookup:
    """Returns a lookup in a C++ policy that gives nothing unless it covers exactly the state's actions."""

    def probabilities_at(state: pyspiel.State, _: int) -> dict[int, float]:
        probabilities = policy.action_probabilities(state)
        return probabilities if sorted(probabilities) == state.legal_actions() else {}

    return probabilities_at


class _UnknownStateError(ValueError):
    """A policy has no answer at a state."""


def _forms(scenario: Scenario, players: int) -> Iterator[pyspiel.Game]:
    """Yields the turn-based games with different information states."""
    for anonymous in (False, True):
        yield load_game(scenario, players, turn_based=True, anonymous=anonymous)
        yield pyspiel.convert_to_turn_based(load_game(scenario, players, anonymous=anonymous))


def _table(game: pyspiel.Game, probabilities_at: _Lookup, scenario: Scenario) -> Floats:
    """Returns `[K, P, N]`: what a policy does at every information state of the game, visited in turn."""
    table = np.zeros((game.num_players(), scenario.n_prompts, scenario.n_responses))
    if game.num_distinct_actions() != scenario.n_responses or game.max_chance_outcomes() != scenario.n_prompts:
        raise ValueError(
            f"the policy's game has {game.max_chance_outcomes()} prompts and {game.num_distinct_actions()} responses, "
            f"but the scenario has {scenario.n_prompts} and {scenario.n_responses}"
        )
    for x in range(scenario.n_prompts):
        state = game.new_initial_state()
        state.apply_action(x)
        for player in range(game.num_players()):
            probabilities = probabilities_at(state, player)
            if not probabilities:
                raise _UnknownStateError(f"the policy has no probabilities at {str(state)!r} for player {player}")
            table[player, x, list(probabilities)] = list(probabilities.values())
            if not state.is_simultaneous_node():
                state.apply_action(state.legal_actions()[0])
    return table


def _uniform(scenario: Scenario) -> Floats:
    """Returns `[P, N]` uniform distributions over each prompt's own responses."""
    sizes = np.array([[population.n_responses] for population in scenario.populations])
    return (np.arange(scenario.n_responses) < sizes) / sizes


@contextmanager
def _quiet() -> Iterator[None]:
    """Discards what C++ prints: OpenSpiel writes each exception to the process's stderr before it raises it."""
    sys.stderr.flush()
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
