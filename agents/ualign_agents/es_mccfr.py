"""Monte Carlo CFR by OpenSpiel."""

from collections.abc import Iterator

import pyspiel

from ualign_env import GamePolicy, Task, cached_game

_ITERATIONS_A_STEP = 100


def es_mccfr(task: Task) -> Iterator[GamePolicy]:
    """External-sampling MCCFR (OpenSpiel, C++), average policy, all players sharing one policy."""
    yield from _learn(cached_game(task.game(anonymous=True)), task.seed)


def joint_es_mccfr(task: Task) -> Iterator[GamePolicy]:
    """External-sampling MCCFR (OpenSpiel, C++), average policy, on the game of k responses against l."""
    yield from _learn(cached_game(task.versus_game()), task.seed)


def _learn(game: pyspiel.Game, seed: int) -> Iterator[GamePolicy]:
    solver = pyspiel.ExternalSamplingMCCFRSolver(game, seed, pyspiel.MCCFRAverageType.FULL)
    while True:
        for _ in range(_ITERATIONS_A_STEP):
            solver.run_iteration()
        yield GamePolicy(game, solver.average_policy(), solver)
