"""Dynamics of OpenSpiel on the tensor of all payoffs, with its N^(k+1) entries."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from open_spiel.python.algorithms.projected_replicator_dynamics import projected_replicator_dynamics
from open_spiel.python.algorithms.regret_matching import regret_matching

import ualign_env as ua

_FIRST = 4  # iterations


@ua.agent(random=False)
def regret_matching_on_tensor(task: ua.Task) -> Iterator[ua.Players]:
    """Regret matching on the payoff tensor (OpenSpiel, Python), average strategies of all players.

    Source: Hart & Mas-Colell, "A simple adaptive procedure leading to correlated equilibrium", 2000.
    """
    return _longer_and_longer(task, lambda tensors, n: regret_matching(tensors, iterations=n))


@ua.agent(random=False)
def projected_replicator(task: ua.Task) -> Iterator[ua.Players]:
    """Projected replicator dynamics on the payoff tensor (OpenSpiel, Python), average strategies of all players.

    Source: Lanctot et al., "A unified game-theoretic approach to multiagent reinforcement learning", 2017.
    """
    step = 0.5 * (task.k + 1)  # payoffs have mean 1 / (k + 1)
    return _longer_and_longer(
        task, lambda tensors, n: projected_replicator_dynamics(tensors, prd_iterations=n, prd_dt=step)
    )


def _longer_and_longer(task: ua.Task, run: Callable[[list[np.ndarray], int], Any]) -> Iterator[ua.Players]:
    """Yields what runs of doubling lengths end with: OpenSpiel's start anew each time, which doubles the cost."""
    scenario, players = task.scenario, task.players
    tensors = [list(ua.payoff_tensor(users, players)) for users in scenario.populations]
    iterations = _FIRST
    while True:
        learned = np.zeros((players, *scenario.legal.shape))
        for x, one in enumerate(tensors):
            learned[:, x, : one[0].shape[0]] = run(one, iterations)
        yield ua.Players(learned)
        iterations *= 2
