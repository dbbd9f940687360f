"""The OpenSpiel games in other forms: as a tree in C++, and as a normal form."""

import math

import numpy as np
import pyspiel

from ualign_env import _checks
from ualign_env._checks import TooLargeError, about, about_power
from ualign_env._limits import MAX_STATES, MAX_TENSOR
from ualign_env._multisets import multisets
from ualign_env.envs.open_spiel.games import SIMULTANEOUS, AlignmentGame
from ualign_env.payoffs import MAX_AXES, exact_shares
from ualign_env.specs import one_prompt


def cached_game(game: pyspiel.Game, *, max_states: int = MAX_STATES) -> pyspiel.Game:
    """Returns the turn-based form of an alignment game as a tree in C++, on which C++ algorithms run at full speed.

    Args:
        game: a `python_ualign` or `python_ualign_versus` game, or the turn-based form of one.
        max_states: largest tree to cache; a million states take about 2 GB and half a minute.

    Raises:
        ValueError: if it is neither game.
        TooLargeError: if the tree would have more states (with their number).
    """
    if not isinstance(game, AlignmentGame):
        known = f"{SIMULTANEOUS} or {SIMULTANEOUS}_versus game, or the turn-based form of one"
        raise ValueError(f"expected a {known}, not {str(game)[:80]!r}")
    _check_payoffs(game)
    players, max_states = game.num_players(), _checks.count("max_states", max_states, 1)
    states = 1 + sum(map(game.n_states, range(game.scenario.n_prompts)))
    if states > max_states:
        raise TooLargeError(
            f"the tree of {players} players would have {about(states)} states, but at most {max_states:,} are wanted; "
            "use fewer players or responses, or a method that needs no tree"
        )
    return pyspiel.convert_to_cached_tree(pyspiel.load_game(game.sequential_name, game.get_parameters()))


def _check_payoffs(game: AlignmentGame) -> None:
    """Raises an error where nobody knows what all ends of the game are worth."""
    if any(users.only_pick for users in game.scenario.populations):
        raise ValueError("these users only pick when they are asked, and a tree or normal form needs their payoffs")


def tensor_game(game: pyspiel.Game, prompt: int | str | None = None) -> pyspiel.TensorGame:
    """Returns the alignment game of one prompt in normal form, for small games.

    Its actions are those of the game in which players move at once: responses, or multisets of them. What solvers learn
    on it is scored as arrays, `[K, 1, N]` for K players, or as a `JointPolicy`: its states name no prompt.

    Args:
        game: one of the alignment games.
        prompt: index of the prompt, or its name; needed where the scenario has several.

    Raises:
        ValueError: if it is no alignment game, or the prompt is missing or unknown.
        TooLargeError: if the tensor would have more than 100 million entries (with their number).
    """
    if not isinstance(game, AlignmentGame):
        raise ValueError(f"expected an alignment game, not {str(game)[:80]!r}")
    _check_payoffs(game)
    scenario, x = one_prompt(game.scenario, prompt)
    users, players = scenario.populations[x], game.num_players()
    shape = [game.n_actions(x, player) for player in range(players)]
    if players > MAX_AXES or players * math.prod(shape) > MAX_TENSOR:
        exponent = math.log10(players) + sum(map(math.log10, shape))
        raise TooLargeError(
            f"the normal form of {players} players with {about(max(shape))} actions has {about_power(exponent)} "
            f"entries, but at most {MAX_TENSOR:,} are made; use fewer players or responses"
        )
    tables = [multisets(users.n_responses, size) for size in game.sizes]
    profiles = np.indices(shape).reshape(players, -1)
    shown = [table[actions] for table, actions in zip(tables, profiles, strict=True)]
    slots = exact_shares(users, np.ascontiguousarray(np.hstack(shown), np.int64))
    utilities = game.utilities(slots)
    names = [[" + ".join(users.responses[y] for y in row) for row in table.tolist()] for table in tables]
    kind = game.get_type()
    return pyspiel.create_tensor_game(
        f"{kind.short_name}_normal_form",
        f"{kind.long_name}, {scenario.prompts[x]}",
        names,
        list(np.ascontiguousarray(utilities.T)),
    )
