"""Tabular self-play from samples: users pick, and nobody knows the payoffs."""

from collections.abc import Iterator
from itertools import count

import numpy as np

import ualign_env as ua
from ualign_agents.arrays import averaged, sample, softmax, tally, uniform_logits

_GAMES = 256  # at a time
_STEP = 0.3  # of the first update, for payoffs in units of their mean
_SLOWER = 100  # updates after which steps begin to shrink, as one over the square root of their number
_FLOOR = 1e-3  # responses rarer than this are updated as if they were not: their few samples would count too much


@ua.agent(information="picks")
def policy_gradient(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """Natural policy gradient self-play on sampled games, tabular, the average of the iterates.

    Source: Kakade, "A natural policy gradient", 2001.
    """
    for average in averaged(_iterates(task), count(1)):
        yield ua.SharedPolicy(average)


def _iterates(task: ua.Task) -> Iterator[np.ndarray]:
    players, logits = task.players, uniform_logits(task)
    games = ua.BatchedGame(task.scenario, players, _GAMES)
    rng, time = task.rng(), 0
    prompts = games.reset(int(rng.integers(2**32)))
    while True:
        policy = softmax(logits)
        actions = sample(policy, prompts, players, rng)
        rewards = games.step(actions)
        # a player's mean reward is 1 / K in every game, so this baseline is exact
        gains = tally(prompts, actions, logits.shape, players * rewards - 1)
        shown = players * np.bincount(prompts, minlength=len(logits))[:, None]
        logits += _STEP / np.sqrt(1 + time / _SLOWER) * gains / np.maximum(shown * np.maximum(policy, _FLOOR), 1)
        time += 1
        yield policy
        prompts = games.reset()
