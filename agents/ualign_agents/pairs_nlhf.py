"""NLHF and Borda from comparisons."""

from collections.abc import Callable, Iterator

import numpy as np

import ualign_env as ua
from ualign_agents.comparisons import Comparisons


@ua.agent(information="pairs")
def nlhf(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """NLHF from comparisons: the maximal lottery of the preferences that were counted.

    Source: Munos et al., "Nash Learning from Human Feedback", ICML 2024.
    """
    return _of_preferences(task, lambda table: ua.solve(ua.PairwiseUsers(table), 1).policy)


@ua.agent(information="pairs")
def borda(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """The Borda winner from comparisons: the response that is preferred most often to a random other.

    Source: J.-C. de Borda, Memoire sur les elections au scrutin, 1784.
    """
    return _of_preferences(task, lambda table: np.eye(len(table))[table.mean(axis=1).argmax()])


def _of_preferences(task: ua.Task, rule: Callable[[np.ndarray], np.ndarray]) -> Iterator[ua.SharedPolicy]:
    counted = Comparisons(task)
    for _ in counted.growing():
        policy = np.zeros(task.scenario.legal.shape)
        for x, users in enumerate(task.scenario.populations):
            policy[x, : users.n_responses] = rule(counted.preferences(x))
        yield ua.SharedPolicy(policy)
