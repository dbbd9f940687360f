"""Pickles of what OpenSpiel makes in C++ of our games, which importing this module makes work in fresh processes.

OpenSpiel pickles games, states and solvers as text that names the game, and loads it by that name, which it knows only
where this package has been imported. So these pickles import it first. Those of other games stay as they are.
"""

import copyreg
import re
from typing import Any

import numpy as np
import pyspiel

from ualign_env.envs.open_spiel.games import SIMULTANEOUS
from ualign_env.specs import load_scenario
from ualign_env.users import Users

_SCENARIO = re.compile(r"python_ualign\w*\([^()]*scenario=([^,()]+)")


def _reduced(thing: Any) -> tuple[Any, ...]:
    """Returns how a game, state or solver of OpenSpiel is made again."""
    function, arguments, state, *_ = thing.__reduce_ex__(2)
    specs = set(_SCENARIO.findall(state)) if isinstance(state, str) else set()
    if not specs:
        return function, arguments, state
    # the kinds of users, as classes, import what defines them
    return _new, (*arguments, {type(users) for spec in specs for users in load_scenario(spec).populations}), state


def _new(cls: Any, kinds: set[type[Users]]) -> Any:  # noqa: ARG001
    return cls.__new__(cls)


def _reduced_tensor(game: pyspiel.TensorGame) -> tuple[Any, ...]:
    """Returns how a normal form is made again, which OpenSpiel cannot: its name is none of a registered game."""
    kind, players = game.get_type(), range(game.num_players())
    if not kind.short_name.startswith(SIMULTANEOUS):
        function, arguments, state, *_ = game.__reduce_ex__(2)
        return function, arguments, state
    names = [[game.action_name(player, action) for action in range(game.shape()[player])] for player in players]
    utilities = [np.ravel(game.player_utilities(player)).tolist() for player in players]
    return pyspiel.create_tensor_game, (kind.short_name, kind.long_name, names, utilities)


for _cls in (
    pyspiel.Game,
    pyspiel.State,
    pyspiel.TurnBasedSimultaneousState,
    pyspiel.CFRSolver,
    pyspiel.CFRPlusSolver,
    pyspiel.CFRBRSolver,
    pyspiel.ExternalSamplingMCCFRSolver,
    pyspiel.OutcomeSamplingMCCFRSolver,
):
    copyreg.pickle(_cls, _reduced)
copyreg.pickle(pyspiel.TensorGame, _reduced_tensor)
