"""Counterfactual regret minimisation by OpenSpiel."""

from collections.abc import Iterator
from typing import Any

import pyspiel
from open_spiel.python.algorithms import discounted_cfr

import ualign_env as ua


@ua.agent(information="tree", random=False)
def cfr(task: ua.Task) -> Iterator[ua.GamePolicy]:
    """CFR (OpenSpiel, C++), average policy, all players sharing one policy.

    Source: Zinkevich et al., "Regret minimization in games with incomplete information", 2007.
    """
    return _learn(pyspiel.CFRSolver, _symmetric(task))


@ua.agent(information="tree", random=False)
def cfr_plus(task: ua.Task) -> Iterator[ua.GamePolicy]:
    """CFR+ (OpenSpiel, C++), average policy, all players sharing one policy.

    Source: Tammelin, "Solving large imperfect information games using CFR+", 2014.
    """
    return _learn(pyspiel.CFRPlusSolver, _symmetric(task))


@ua.agent(information="tree", random=False)
def discounted(task: ua.Task) -> Iterator[ua.GamePolicy]:
    """Discounted CFR (OpenSpiel, Python), average policies, one for each player.

    Source: Brown & Sandholm, "Solving imperfect-information games via discounted regret minimization", 2019.
    """
    return _learn(discounted_cfr.DCFRSolver, ua.cached_game(task.game(), max_states=200_000))


@ua.agent(information="tree", random=False)
def linear(task: ua.Task) -> Iterator[ua.GamePolicy]:
    """Linear CFR (OpenSpiel, Python), average policies, one for each player.

    Source: Brown & Sandholm, "Solving imperfect-information games via discounted regret minimization", 2019.
    """
    return _learn(discounted_cfr.LCFRSolver, ua.cached_game(task.game(), max_states=200_000))


@ua.agent(information="tree", random=False, joint=True)
def joint_cfr_plus(task: ua.Task) -> Iterator[ua.GamePolicy]:
    """CFR+ (OpenSpiel, C++), average policy, on the game of k responses against l.

    Source: Tammelin, "Solving large imperfect information games using CFR+", 2014.
    """
    return _learn(pyspiel.CFRPlusSolver, ua.cached_game(task.versus_game()))


def _symmetric(task: ua.Task) -> pyspiel.Game:
    return ua.cached_game(task.game(anonymous=True))


def _learn(kind: Any, game: pyspiel.Game) -> Iterator[ua.GamePolicy]:
    solver = kind(game)
    while True:
        solver.evaluate_and_update_policy()
        yield ua.GamePolicy(game, solver.average_policy(), solver)
