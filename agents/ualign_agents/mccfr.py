"""Monte Carlo CFR by OpenSpiel.

Source: Lanctot et al., "Monte Carlo sampling for regret minimization in extensive games", 2009.
"""

from collections.abc import Iterator
from typing import Any

import pyspiel

import ualign_env as ua

_ITERATIONS_A_STEP = 100


@ua.agent(information="tree")
def external(task: ua.Task) -> Iterator[ua.GamePolicy]:
    """External-sampling MCCFR (OpenSpiel, C++), average policy, all players sharing one policy.

    Source: M. Lanctot, K. Waugh, M. Zinkevich & M. Bowling, "Monte Carlo sampling for regret minimization in extensive
    games", 2009.
    """
    return _learn(pyspiel.ExternalSamplingMCCFRSolver, ua.cached_game(task.game(anonymous=True)), task.seed, _FULL)


@ua.agent(information="tree")
def outcome(task: ua.Task) -> Iterator[ua.GamePolicy]:
    """Outcome-sampling MCCFR (OpenSpiel, C++), average policy, all players sharing one policy.

    Source: M. Lanctot, K. Waugh, M. Zinkevich & M. Bowling, "Monte Carlo sampling for regret minimization in extensive
    games", 2009.
    """
    game = ua.cached_game(task.game(anonymous=True))
    return _learn(pyspiel.OutcomeSamplingMCCFRSolver, game, _EXPLORATION, task.seed)


@ua.agent(information="tree", joint=True)
def joint_external(task: ua.Task) -> Iterator[ua.GamePolicy]:
    """External-sampling MCCFR (OpenSpiel, C++), average policy, on the game of k responses against l.

    Source: M. Lanctot, K. Waugh, M. Zinkevich & M. Bowling, "Monte Carlo sampling for regret minimization in extensive
    games", 2009.
    """
    return _learn(pyspiel.ExternalSamplingMCCFRSolver, ua.cached_game(task.versus_game()), task.seed, _FULL)


_FULL, _EXPLORATION = pyspiel.MCCFRAverageType.FULL, 0.6


def _learn(kind: Any, game: pyspiel.Game, *settings: Any) -> Iterator[ua.GamePolicy]:
    solver = kind(game, *settings)
    while True:
        for _ in range(_ITERATIONS_A_STEP):
            solver.run_iteration()
        yield ua.GamePolicy(game, solver.average_policy(), solver)
