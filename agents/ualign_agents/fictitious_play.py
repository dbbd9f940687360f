"""Extensive-form fictitious play by OpenSpiel."""

from collections.abc import Iterator

from open_spiel.python.algorithms.fictitious_play import XFPSolver
from open_spiel.python.policy import Policy

import ualign_env as ua


@ua.agent(information="tree", random=False)
def fictitious_play(task: ua.Task) -> Iterator[Policy]:
    """Fictitious play (OpenSpiel's XFP, Python), average policies, one for each player.

    Source: Heinrich, Lanctot & Silver, "Fictitious self-play in extensive-form games", 2015.
    """
    solver = XFPSolver(ua.cached_game(task.game(), max_states=200_000))
    while True:
        solver.iteration()
        yield solver.average_policy()
