"""Fine-tuning on winners."""

from collections.abc import Iterator
from itertools import count

import numpy as np

import ualign_env as ua
from ualign_agents.arrays import averaged, sample, tally

_GAMES = 256  # at a time
_SLOWER = 20  # rounds after which less and less is taken from each


@ua.agent(information="picks")
def winner_distillation(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """Rejection-sampling fine-tuning: shows k + 1 own samples and imitates the one that was picked, averaged.

    In expectation it follows the step-free map `policy * (k + 1) * payoffs`, whose rest points are the equilibria.

    Source: Dong et al., "RAFT: reward ranked finetuning for generative foundation model alignment", 2023.
    """
    for average in averaged(_iterates(task), count(1)):
        yield ua.SharedPolicy(average)


def _iterates(task: ua.Task) -> Iterator[np.ndarray]:
    users, rng, players = task.users(), task.rng(), task.players
    chances, legal = task.scenario.probabilities, task.scenario.legal
    policy, time = legal / legal.sum(axis=1, keepdims=True), 0
    while True:
        yield policy
        prompts = rng.choice(len(chances), size=max(1, min(_GAMES, users.plays_left)), p=chances)
        actions = sample(policy, prompts, players, rng)
        picked = actions[np.arange(len(actions)), users.pick(actions, prompts)]
        winners = tally(prompts, picked, legal.shape)
        seen = winners.sum(axis=1, keepdims=True)
        imitated = np.where(seen > 0, winners / np.maximum(seen, 1), policy)
        time += 1
        policy = policy + (imitated - policy) / (1 + time / _SLOWER)
