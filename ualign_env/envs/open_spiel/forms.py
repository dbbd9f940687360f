"""The OpenSpiel games in other forms: as a tree in C++, and as a normal form."""

import pyspiel

from ualign_env._checks import TooLargeError, about
from ualign_env.envs.open_spiel.games import SIMULTANEOUS, TURN_BASED, AlignmentGame, SymmetricGame
from ualign_env.payoffs import payoff_tensor


def cached_game(game: pyspiel.Game, *, max_states: int = 1_000_000) -> pyspiel.Game:
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
    players = game.num_players()
    states = 1 + sum(map(game.n_states, range(game.scenario.n_prompts)))
    if states > max_states:
        raise TooLargeError(
            f"the tree of {players} players would have {about(states)} states, but at most {max_states:,} are wanted; "
            "use fewer players or responses, or a method that needs no tree"
        )
    return pyspiel.convert_to_cached_tree(pyspiel.load_game(game.sequential_name, game.get_parameters()))


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
    if not isinstance(game, SymmetricGame):
        raise ValueError(f"expected a {SIMULTANEOUS} or {TURN_BASED} game, not {str(game)[:80]!r}")
    if game.sizes[0] > 1:
        raise ValueError(f"players submit {game.sizes[0]} responses each; the normal form is for one")
    return pyspiel.create_tensor_game(list(payoff_tensor(game.scenario, game.num_players(), prompt=prompt)))
