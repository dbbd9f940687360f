"""Alignment games in normal form as files of Gambit, in which everything has a name."""

import math
import os
from collections.abc import Iterator

import numpy as np
import pyspiel

from ualign_env._checks import TooLargeError, about
from ualign_env._files import as_path, write_file
from ualign_env._limits import MAX_PAYOFFS
from ualign_env.citation import cite_scenario
from ualign_env.envs.open_spiel.forms import tensor_game
from ualign_env.envs.open_spiel.games import AlignmentGame
from ualign_env.readers.judgements import distinct
from ualign_env.specs import one_prompt


def save_nfg(game: pyspiel.Game, path: str | os.PathLike[str], *, prompt: int | str | None = None) -> None:
    """Writes the alignment game of one prompt in normal form, as Gambit reads it.

    Strategies have the names of responses, or of multisets of them; title and description say which game and which
    users these are.

    Args:
        game: one of the alignment games.
        path: a file that ends in `.nfg`.
        prompt: index of the prompt, or its name; needed where the scenario has several.

    Raises:
        ValueError: if it is no alignment game, the prompt is missing or unknown, or the file cannot be written.
        TooLargeError: if there would be more than 10 million payoffs.

    Source: R. D. McKelvey, A. M. McLennan and T. L. Turocy, "Gambit: Software Tools for Game Theory", for the format.
    """
    if as_path(path).suffix != ".nfg":
        raise ValueError(f"path is {os.fspath(path)!r:.200}, but must end in .nfg")
    if not isinstance(game, AlignmentGame):
        raise ValueError(f"game is {str(game)[:80]!r}, but must be an alignment game")
    (scenario, x), players = one_prompt(game.scenario, prompt), range(game.num_players())
    shape = [game.n_actions(x, player) for player in players]
    if (numbers := len(players) * math.prod(shape)) > MAX_PAYOFFS:
        raise TooLargeError(f"there would be {about(numbers)} payoffs, but at most {MAX_PAYOFFS:,} are written")
    normal = tensor_game(game, x)
    text = [f'NFG 1 R "{_plain(normal.get_type().long_name)}: {_plain(scenario.name)}"']
    text.append("{ " + " ".join(f'"player {player}"' for player in players) + " }")
    text.append("{ " + "\n  ".join(_names(normal, player, shape[player]) for player in players) + " }")
    users = cite_scenario(scenario)
    parts = ["Payoffs are the chances that a user picks what a player shows."]
    parts += [f"Users: {users.source.rstrip('.')}."] * bool(users.source)
    parts += [f"Digest of the users: sha256:{users.digest}.", f"Game: {users.paper}."]
    text.append(f'"{_plain(" ".join(parts))}"\n')
    utilities = np.array([normal.player_utilities(player) for player in players]).reshape(len(players), *shape)
    write_file(path, lambda file: file.writelines(f"{line}\n".encode() for line in (*text, *_payoffs(utilities))))


def _names(normal: pyspiel.TensorGame, player: int, n: int) -> str:
    """Returns a player's strategies."""
    names = distinct([_plain(normal.action_name(player, action)) for action in range(n)])
    return "{ " + " ".join(f'"{name}"' for name in names) + " }"


def _payoffs(utilities: np.ndarray) -> Iterator[str]:
    """Yields a line for each profile, the first player's strategy running fastest."""
    rows = utilities.reshape(len(utilities), -1, order="F").T
    return (" ".join(f"{payoff:.15g}" for payoff in row) for row in rows)


def _plain(text: str) -> str:
    """Returns a text as part of one in quotes, in which only quotes can be escaped."""
    return " ".join(text.split()).replace("\\", "/").replace('"', '\\"')
