"""CFR+ by OpenSpiel."""

from collections.abc import Iterator

import pyspiel

from ualign_env import GamePolicy, Task, cached_game


def cfr_plus(task: Task) -> Iterator[GamePolicy]:
    """CFR+ (OpenSpiel, C++), average policy, all players sharing one policy."""
    game = cached_game(task.game(anonymous=True))
    solver = pyspiel.CFRPlusSolver(game)
    while True:
        solver.evaluate_and_update_policy()
        yield GamePolicy(game, solver.average_policy(), solver)


def joint_cfr_plus(task: Task) -> Iterator[GamePolicy]:
    """CFR+ (OpenSpiel, C++), average policy, on the game of k responses against l."""
    game = cached_game(task.versus_game())
    solver = pyspiel.CFRPlusSolver(game)
    while True:
        solver.evaluate_and_update_policy()
        yield GamePolicy(game, solver.average_policy(), solver)
