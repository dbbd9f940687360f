"""What preference optimisation ends with, in closed form, from exact pairwise preferences and a uniform reference."""

from collections.abc import Callable, Iterator

import numpy as np

import ualign_env as ua
from ualign_agents import bradley_terry
from ualign_agents.arrays import softmax, uniform_logits

_TEMPERATURE = 0.1


@ua.agent(random=False)
def rlhf(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """RLHF's optimum: the reference tilted by Bradley-Terry rewards at temperature 0.1; DPO's optimum is the same.

    Source: Rafailov et al., "Direct Preference Optimization", 2023.
    """
    yield _tilted(task, bradley_terry.fit)


@ua.agent(random=False)
def ipo(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """IPO's optimum: the reference tilted by the chance to be preferred to it, at temperature 0.1.

    Source: Azar et al., "A general theoretical paradigm to understand learning from human preferences", 2024.
    """
    yield _tilted(task, lambda preferences: preferences.mean(axis=1))


def _tilted(task: ua.Task, reward: Callable[[np.ndarray], np.ndarray]) -> ua.SharedPolicy:
    logits = uniform_logits(task)
    for x, users in enumerate(task.scenario.populations):
        logits[x, : users.n_responses] += reward(users.pairwise()) / _TEMPERATURE
    return ua.SharedPolicy(softmax(logits))
