"""Self-play by entropic mirror descent: one run, three readings of it.

It is multiplicative weights, and with exact payoffs the update of SPPO (Wu et al., "Self-Play Preference Optimization
for Language Model Alignment", 2024): each response's logarithm grows by what it earns.
"""

from collections.abc import Iterator

import numpy as np

import ualign_env as ua
from ualign_agents.arrays import averaged

_KEPT = 2**5  # iterates of a mixture; when there are twice as many, every second one goes


@ua.agent(random=False)
def last_iterate(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """Mirror-descent self-play, the last iterate."""
    for iterate in ua.self_play(task.scenario, task.k):
        yield ua.SharedPolicy(iterate.policy)


@ua.agent(random=False)
def average(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """Mirror-descent self-play, the average of the iterates."""
    for mean in averaged(iterate.policy for iterate in ua.self_play(task.scenario, task.k)):
        yield ua.SharedPolicy(mean)


@ua.agent(random=False)
def mixture(task: ua.Task) -> Iterator[ua.Mixture]:
    """Mirror-descent self-play, an iterate drawn at random, then k samples of it."""
    kept: list[np.ndarray] = []
    stride = 1
    for n, iterate in enumerate(ua.self_play(task.scenario, task.k)):
        if n % stride == 0:
            kept.append(iterate.policy)
            if len(kept) == 2 * _KEPT:
                kept, stride = kept[::2], 2 * stride
        yield ua.Mixture(kept, np.broadcast_to(1.0, len(kept)))


@ua.agent(random=False)
def optimistic(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """Optimistic mirror-descent self-play, the last iterate, which converges for k = 1, too."""
    for iterate in ua.self_play(task.scenario, task.k, step=0.5, optimistic=True):
        yield ua.SharedPolicy(iterate.policy)
