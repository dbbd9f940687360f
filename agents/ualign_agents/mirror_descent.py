"""Self-play by entropic mirror descent: one run, three readings of it.

It is multiplicative weights, and with exact payoffs the update of SPPO (Wu et al., "Self-Play Preference Optimization
for Language Model Alignment", 2024): each response's logarithm grows by what it earns.
"""

from collections.abc import Iterator

import numpy as np

import ualign_env as ua
from ualign_agents.arrays import averaged

_APART = 1.1  # how many times as late as the last that is kept an iterate of a mixture has to be


@ua.agent(random=False)
def last_iterate(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """Mirror-descent self-play, the last iterate.

    Source: A. Nemirovski & D. Yudin, Problem Complexity and Method Efficiency in Optimization, 1983; as SPPO, Y. Wu et
    al., "Self-play preference optimization for language model alignment", 2024.
    """
    for iterate in ua.self_play(task.scenario, task.k):
        yield ua.SharedPolicy(iterate.policy)


@ua.agent(random=False)
def average(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """Mirror-descent self-play, the average of the iterates.

    Source: Y. Freund & R. Schapire, "Adaptive game playing using multiplicative weights", 1999.
    """
    for mean in averaged(iterate.policy for iterate in ua.self_play(task.scenario, task.k)):
        yield ua.SharedPolicy(mean)


@ua.agent(random=False)
def mixture(task: ua.Task) -> Iterator[ua.Mixture]:
    """Mirror-descent self-play, an iterate drawn at random, then k samples of it.

    The first iterates are all kept, and of later ones fewer and fewer, each of which stands for those up to the next.

    Source: Y. Freund & R. Schapire, "Adaptive game playing using multiplicative weights", 1999.
    """
    kept: list[np.ndarray] = []
    weights: list[float] = []
    following = 1.0
    for n, iterate in enumerate(ua.self_play(task.scenario, task.k), start=1):
        if n >= following:
            kept.append(iterate.policy)
            weights.append(0.0)
            following = max(n + 1, _APART * n)
        weights[-1] += 1
        yield ua.Mixture(list(kept), np.array(weights))


@ua.agent(random=False)
def optimistic(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """Optimistic mirror-descent self-play, the last iterate, which converges for k = 1, too.

    Source: A. Rakhlin & K. Sridharan, "Optimization, learning, and games with predictable sequences", NeurIPS 2013.
    """
    for iterate in ua.self_play(task.scenario, task.k, step=0.5, optimistic=True):
        yield ua.SharedPolicy(iterate.policy)
