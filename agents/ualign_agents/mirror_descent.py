"""Self-play by mirror descent: one run, three readings of it."""

from collections.abc import Iterator

import numpy as np

from ualign_env import Mixture, SharedPolicy, Task, self_play

_KEPT = 2**15  # iterates of a mixture; when there are twice as many, every second one goes


def last_iterate(task: Task) -> Iterator[SharedPolicy]:
    """Mirror-descent self-play, the last iterate."""
    for iterate in self_play(task.scenario, task.k):
        yield SharedPolicy(iterate.policy)


def average(task: Task) -> Iterator[SharedPolicy]:
    """Mirror-descent self-play, the average of the iterates."""
    total = np.zeros((task.scenario.n_prompts, task.scenario.n_responses))
    for n, iterate in enumerate(self_play(task.scenario, task.k), start=1):
        total += iterate.policy
        yield SharedPolicy(total / n)


def mixture(task: Task) -> Iterator[Mixture]:
    """Mirror-descent self-play, an iterate drawn at random, then k samples of it."""
    kept: list[np.ndarray] = []
    stride = 1
    for n, iterate in enumerate(self_play(task.scenario, task.k)):
        if n % stride == 0:
            kept.append(iterate.policy)
            if len(kept) == 2 * _KEPT:
                kept, stride = kept[::2], 2 * stride
            yield Mixture(kept, np.broadcast_to(1.0, len(kept)))
