"""Extensive-form fictitious play by OpenSpiel."""

from collections.abc import Iterator

from open_spiel.python.algorithms.fictitious_play import XFPSolver
from open_spiel.python.policy import Policy

from ualign_env import Task, cached_game


def fictitious_play(task: Task) -> Iterator[Policy]:
    """Fictitious play (OpenSpiel's XFP, Python), average policies, one for each player."""
    solver = XFPSolver(cached_game(task.game(), max_states=200_000))
    while True:
        solver.iteration()
        yield solver.average_policy()
